import type { QueryClientContract } from '@adonisjs/lucid/types/database'
import type { Clock } from '../../clock.ts'
import { E_CLIENT_MISMATCH } from '../../errors.ts'
import type { Logger } from '../../types/logger.ts'
import { retryWhileBusy } from './busy.ts'
import type { Dialect } from './dialect.ts'
import {
  beginImmediate,
  statementOf,
  useWriteAheadLog,
  withHandle,
  type SqliteHandle,
} from './sqlite_handle.ts'
import { LucidWork, SqliteWork, type Work } from './work.ts'

type Unit<T> = (work: Work) => Promise<T>

export interface StoreConnectionDeps {
  client: QueryClientContract
  connectionName: string
  dialect: Dialect
  clock: Clock
  logger: Logger
}

/**
 * The units of work of the stores. A unit holds a pooled connection for as
 * long as its statements take and never waits for anything else meanwhile.
 */
export class StoreConnection {
  readonly dialect: Dialect
  readonly #client: QueryClientContract
  readonly #name: string
  readonly #clock: Clock
  readonly #logger: Logger

  constructor(deps: StoreConnectionDeps) {
    this.#client = deps.client
    this.#name = deps.connectionName
    this.#clock = deps.clock
    this.#logger = deps.logger
    this.dialect = deps.dialect
  }

  /** Statements that only read. */
  read<T>(operation: string, unit: Unit<T>): Promise<T> {
    return this.guard(operation, () =>
      withHandle(this.#client, async (handle) => {
        useWriteAheadLog(handle)
        return unit(new SqliteWork(handle, this.dialect))
      })
    )
  }

  /** Statements that read one state of the database together. */
  snapshot<T>(operation: string, unit: Unit<T>): Promise<T> {
    return this.#transaction(operation, (handle) => void statementOf(handle, 'begin').run(), unit)
  }

  /**
   * One transaction that begins as a writer. The unit runs again from its
   * start when another writer holds the lock: it has no effects but its statements.
   */
  write<T>(operation: string, unit: Unit<T>): Promise<T> {
    return this.#transaction(operation, beginImmediate, unit)
  }

  /**
   * The unit inside the caller's transaction; without one, as `write` does.
   *
   * @throws E_CLIENT_MISMATCH when the transaction belongs to another connection
   */
  writeWith<T>(operation: string, client: unknown, unit: Unit<T>): Promise<T> {
    if (client === undefined || client === null) {
      return this.write(operation, unit)
    }
    if (!isLucidClient(client) || client.connectionName !== this.#name) {
      const given = isLucidClient(client) ? client.connectionName : 'no Lucid connection'
      throw new E_CLIENT_MISMATCH([given, this.#name])
    }
    return client.isTransaction
      ? unit(new LucidWork(client, this.dialect))
      : this.write(operation, unit)
  }

  /**
   * Repeats what met another writer's lock.
   *
   * @throws E_STORAGE_UNAVAILABLE
   */
  guard<T>(operation: string, work: () => Promise<T>): Promise<T> {
    const { dialect } = this
    return retryWhileBusy({ clock: this.#clock, logger: this.#logger, dialect, operation }, work)
  }

  #transaction<T>(
    operation: string,
    begin: (handle: SqliteHandle) => void,
    unit: Unit<T>
  ): Promise<T> {
    return this.guard(operation, () =>
      withHandle(this.#client, async (handle) => {
        useWriteAheadLog(handle)
        begin(handle)
        try {
          const result = await unit(new SqliteWork(handle, this.dialect))
          statementOf(handle, 'commit').run()
          return result
        } finally {
          // After a failed unit or commit; SQLite ends some transactions by itself
          if (handle.inTransaction) {
            statementOf(handle, 'rollback').run()
          }
        }
      })
    )
  }
}

function isLucidClient(value: unknown): value is QueryClientContract {
  const client = value as Partial<QueryClientContract>
  return typeof client.rawQuery === 'function' && typeof client.connectionName === 'string'
}
