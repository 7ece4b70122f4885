import type { QueryClientContract } from '@adonisjs/lucid/types/database'
import type { Clock } from '../../clock.ts'
import { E_CLIENT_MISMATCH } from '../../errors.ts'
import type { Logger } from '../../types/logger.ts'
import { retryWhileBusy } from './busy.ts'
import type { Dialect } from './dialect.ts'
import type { Engine, Unit } from './engine.ts'
import { ServerEngine } from './server_engine.ts'
import { SqliteEngine } from './sqlite_engine.ts'
import { LucidWork } from './work.ts'

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
  readonly #engine: Engine
  readonly #name: string
  readonly #clock: Clock
  readonly #logger: Logger

  constructor(deps: StoreConnectionDeps) {
    this.#name = deps.connectionName
    this.#clock = deps.clock
    this.#logger = deps.logger
    this.dialect = deps.dialect
    const EngineClass = deps.dialect.name === 'sqlite' ? SqliteEngine : ServerEngine
    this.#engine = new EngineClass(deps.client, deps.dialect)
  }

  /** Statements that only read. */
  read<T>(operation: string, unit: Unit<T>): Promise<T> {
    return this.guard(operation, () => this.#engine.read(unit))
  }

  /** Statements that read one state of the database together. */
  snapshot<T>(operation: string, unit: Unit<T>): Promise<T> {
    return this.guard(operation, () => this.#engine.transaction('snapshot', unit))
  }

  /**
   * One transaction that begins as a writer. The unit runs again from its
   * start when it meets another writer's lock: it has no effects but its statements.
   */
  write<T>(operation: string, unit: Unit<T>): Promise<T> {
    return this.guard(operation, () => this.#engine.transaction('write', unit))
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
}

function isLucidClient(value: unknown): value is QueryClientContract {
  const client = value as Partial<QueryClientContract>
  return typeof client.rawQuery === 'function' && typeof client.connectionName === 'string'
}
