import { AsyncLocalStorage } from 'node:async_hooks'
import { sleep, type Clock } from '../clock.ts'
import { E_NESTED_TRANSACTION } from '../errors.ts'
import type { SqlResult, SqlSession, SqlValue } from '../storage/sql_session.ts'
import { placesOf, type FlowPlaces } from './flow_places.ts'
import { BesideTransaction } from './tables/beside.ts'
import type { LegacyClient, LegacyDriver } from './tables/client.ts'
import { isBusy } from './tables/failures.ts'
import { WallClock } from './wall_clock.ts'

export { isBusy, isDuplicate, isTransient } from './tables/failures.ts'

/** Tries of one statement that meets a busy database, and the first wait (ms, doubled each time). */
const BUSY_TRIES = 8
const BUSY_WAIT = 10

/**
 * The legacy database as one transaction, or outside of any. Every method of
 * the tables takes one first.
 */
export interface LegacySession {
  readonly client: LegacyClient
  /** The same connection, for runners. */
  readonly sql: SqlSession
  readonly inTransaction: boolean
  /**
   * Runs one statement. Outside a transaction it is repeated a few times
   * while the database is busy; inside, that is for the whole transaction.
   */
  run<T>(statement: () => PromiseLike<T>): Promise<T>
  /** The request table's session, where that is on a connection of its own. */
  readonly requests?: () => Promise<LegacySession>
}

interface Deps {
  /** Name of the legacy source. */
  source: string
  client: LegacyClient
  driver: LegacyDriver
  /** IANA zone of the wall clock in the legacy columns. */
  timezone: string
  clock: Clock
  /** Of the connection that the request table is on, where that is another. */
  requestClient?: LegacyClient | null
}

/**
 * The connection to one legacy database. It has a Lucid client of its own;
 * the pool behind it may be the store's.
 */
export class LegacyConnection {
  readonly source: string
  readonly wallClock: WallClock
  /** Outside of any transaction: each statement commits by itself. */
  readonly session: LegacySession
  readonly #deps: Deps
  /** Knows, across awaits, whether the caller is inside a transaction of this connection. */
  readonly #inside = new AsyncLocalStorage<{ open: boolean }>()

  constructor(deps: Deps) {
    this.#deps = deps
    this.source = deps.source
    this.wallClock = new WallClock(deps.timezone)
    this.session = {
      client: deps.client,
      sql: deps.driver.sessionOf(deps.client),
      inTransaction: false,
      run: (statement) => this.#repeatWhileBusy(statement),
      ...(deps.requestClient && { requests: async () => this.requestSession }),
    }
  }

  /** Outside of any transaction, where the request table is: here, unless it has a connection of its own. */
  get requestSession(): LegacySession {
    const { requestClient: client, driver } = this.#deps
    return client ? { ...this.session, client, sql: driver.sessionOf(client) } : this.session
  }

  /** The database's clock, epoch ms (UTC). */
  now(): Promise<number> {
    return this.session.run(() => this.session.sql.now())
  }

  /**
   * Runs `work` in one flat transaction; a throw rolls back. Inside, use the
   * session that is handed in and nothing else of this connection: SQLite has
   * a single connection, and a second query would wait for the first for ever.
   * A request table on a connection of its own commits after the others.
   *
   * @throws E_NESTED_TRANSACTION when the caller already is inside one
   */
  async transaction<T>(work: (session: LegacySession) => Promise<T>): Promise<T> {
    this.assertOutside()
    const { driver, client, requestClient } = this.#deps
    const transaction = { open: true }
    const beside = requestClient ? new BesideTransaction(driver, requestClient) : null
    const runIn = (trx: LegacyClient) =>
      work({
        client: trx,
        sql: driver.sessionOf(trx),
        inTransaction: true,
        run: async (statement) => statement(),
        ...(beside && { requests: () => beside.session() }),
      })
    try {
      const result = await driver.transaction(client, (trx) =>
        this.#inside.run(transaction, () => runIn(trx))
      )
      await beside?.commit()
      return result
    } catch (error) {
      await beside?.rollback()
      throw error
    } finally {
      // What was started inside and goes on after the end is outside again
      transaction.open = false
    }
  }

  /**
   * One statement that changes several rows as a transaction does: all or
   * nothing, committed with its answer.
   *
   * @throws E_NESTED_TRANSACTION when the caller is inside a transaction
   */
  async statement(sql: string, bindings: SqlValue[]): Promise<SqlResult> {
    this.assertOutside()
    return this.#deps.driver.statement(this.#deps.client, sql, bindings)
  }

  /** For flows that hold a connection of the pool for as long as they run. */
  get flowPlaces(): FlowPlaces {
    return placesOf(this.#deps.driver.poolOf(this.#deps.client))
  }

  /** @throws E_NESTED_TRANSACTION when the caller is inside a transaction of this connection */
  assertOutside(): void {
    if (this.#inside.getStore()?.open) {
      throw new E_NESTED_TRANSACTION([])
    }
  }

  async #repeatWhileBusy<T>(statement: () => PromiseLike<T>): Promise<T> {
    this.assertOutside()
    for (let tried = 1; ; tried++) {
      try {
        return await statement()
      } catch (error) {
        if (tried >= BUSY_TRIES || !isBusy(error)) {
          throw error
        }
        await sleep(this.#deps.clock, BUSY_WAIT * 2 ** (tried - 1))
      }
    }
  }
}
