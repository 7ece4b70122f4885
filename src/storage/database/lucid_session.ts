import type { QueryClientContract } from '@adonisjs/lucid/types/database'
import { SystemClock, type Clock } from '../../clock.ts'
import { E_NESTED_TRANSACTION } from '../../errors.ts'
import type { SqlDialect, SqlReader, SqlResult, SqlSession, SqlValue } from '../sql_session.ts'
import { repeatWhileBusy } from './busy.ts'
import { dialectOf, type Dialect } from './dialect.ts'
import { immediateTransaction } from './immediate_transaction.ts'
import { forKnex } from './raw_statement.ts'
import { ownReader, readSnapshot } from './readers/main.ts'
import { toSqlite } from './sqlite_values.ts'
import { isSqliteHandle, knexOf, withShortWait, type SqliteHandle } from './sqlite_handle.ts'
import { interrupt, StatementCancel } from './statement_cancel.ts'

export interface LucidSessionDeps {
  /** A client, or a transaction: the session then works inside it. */
  client: QueryClientContract
  /** For the pauses while another writer holds the lock. Default: the system's. */
  clock?: Clock
}

/** The session of a Lucid client or transaction. */
export function sessionOf(client: QueryClientContract): SqlSession {
  return new LucidSession({ client })
}

/** The pool behind a Lucid client. @throws E_STORAGE_UNAVAILABLE when it was closed */
export function poolOf(client: QueryClientContract): { readonly max: number } {
  return knexOf(client).pool
}

/**
 * A database through Lucid, for handlers and runners outside the store.
 */
export class LucidSession implements SqlSession {
  readonly #client: QueryClientContract
  readonly #dialect: Dialect
  readonly #clock: Clock
  /** Connections whose statement has not answered yet. */
  readonly #running = new Set<object>()

  /** @throws E_INVALID_CONFIG when Almanac does not know the database */
  constructor({ client, clock = new SystemClock() }: LucidSessionDeps) {
    this.#client = client
    this.#dialect = dialectOf(client)
    this.#clock = clock
  }

  get dialect(): SqlDialect {
    return this.#dialect.name
  }

  /**
   * Runs one statement. An abort of the signal cancels it where the database
   * can, and rejects with the signal's reason. Outside a transaction it is
   * repeated while another writer holds the lock.
   */
  async query(
    sql: string,
    bindings: SqlValue[] = [],
    { signal }: { signal?: AbortSignal } = {}
  ): Promise<SqlResult> {
    const once = () => this.#once(sql, bindings, signal)
    if (this.#client.isTransaction) {
      return once()
    }
    const options = { clock: this.#clock, dialect: this.#dialect, operation: 'query' }
    return repeatWhileBusy(options, once)
  }

  async transaction<T>(work: (session: SqlSession) => Promise<T>): Promise<T> {
    if (this.#client.isTransaction) {
      throw new E_NESTED_TRANSACTION([])
    }
    const clock = this.#clock
    return immediateTransaction(
      this.#client,
      (client) => work(new LucidSession({ client, clock })),
      { clock }
    )
  }

  async readOnly<T>(
    work: (reader: SqlReader) => Promise<T>,
    { signal }: { signal?: AbortSignal } = {}
  ): Promise<T> {
    if (this.#client.isTransaction) {
      throw new E_NESTED_TRANSACTION([])
    }
    // SQLite has a single connection, which nobody is to wait for as long as somebody reads
    const apart = await this.#onConnection(signal, async (connection) => ownReader(connection))
    return apart
      ? apart(work)
      : this.#onConnection(signal, (connection) =>
          readSnapshot(this.#dialect.name, connection, work)
        )
  }

  /** better-sqlite3 has nothing to cancel: its statements end before anybody else runs. */
  async cancel(): Promise<void> {
    const knex = knexOf(this.#client)
    await Promise.all([...this.#running].map((each) => interrupt(this.#dialect, knex, each)))
  }

  async now(): Promise<number> {
    const { rows } = await this.query(this.#dialect.clockSql)
    return Number(rows[0].now_ms)
  }

  async #once(
    sql: string,
    bindings: SqlValue[],
    signal: AbortSignal | undefined
  ): Promise<SqlResult> {
    return this.#onConnection(signal, (connection) => this.#run(connection, sql, bindings))
  }

  /** Lends a connection, whose statement an abort of the signal cancels. */
  async #onConnection<T>(
    signal: AbortSignal | undefined,
    work: (connection: object) => Promise<T>
  ): Promise<T> {
    signal?.throwIfAborted()
    const knex = knexOf(this.#client)
    const connection = await knex.acquireConnection()
    const [dialect, clock] = [this.#dialect, this.#clock]
    const cancel = new StatementCancel({ dialect, knex, connection, clock }, signal)
    try {
      // It may have aborted while a connection was waited for
      signal?.throwIfAborted()
      this.#running.add(connection)
      return await work(connection)
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    } finally {
      this.#running.delete(connection)
      await cancel.settled()
      await knex.releaseConnection(connection)
    }
  }

  async #run(connection: object, sql: string, bindings: SqlValue[]): Promise<SqlResult> {
    if (isSqliteHandle(connection)) {
      return withShortWait(connection, () => runOnSqlite(connection, sql, bindings))
    }
    const raw = forKnex(this.#dialect.name, { sql, bindings }, connection)
    const given = raw.bindings.length === 0 ? undefined : (raw.bindings as string[])
    const answer: unknown = await this.#client.knexRawQuery(raw.sql, given).connection(connection)
    return this.#dialect.normalize(answer, sql)
  }
}

/** Straight to the driver, which knows quoted question marks and what a statement changes. */
function runOnSqlite(handle: SqliteHandle, sql: string, bindings: SqlValue[]): SqlResult {
  const statement = handle.prepare(sql)
  const values = bindings.map(toSqlite)
  if (!statement.reader) {
    return { rows: [], affected: statement.run(...values).changes }
  }
  const rows = statement.all(...values) as SqlResult['rows']
  return { rows, affected: statement.readonly ? 0 : rows.length }
}
