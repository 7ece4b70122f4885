import type { QueryClientContract } from '@adonisjs/lucid/types/database'
import { SystemClock, type Clock } from '../../clock.ts'
import type { Logger } from '../../types/logger.ts'
import type { Storage } from '../contract.ts'
import { StoreConnection } from './connection.ts'
import { DatabaseEventStore } from './event_store.ts'
import { DatabaseExecutionStore } from './execution_store.ts'
import { DatabaseJournalStore } from './journal_store.ts'
import { DatabaseLeaseStore } from './lease_store.ts'
import { DatabaseLogStore } from './log_store.ts'
import { DatabaseNodeStore } from './node_store.ts'
import { schemaVersionOf, storeDialectOf } from './schema/main.ts'
import { DatabaseStatsStore } from './stats_store.ts'
import { instant } from './work.ts'

export interface DatabaseStorageDeps {
  client: QueryClientContract
  connectionName: string
  logger: Logger
  /** For the pauses while another writer holds the lock. Default: the system's. */
  clock?: Clock
}

/**
 * The store on a Lucid connection. It owns no connection: each call borrows
 * one from the pool of the app.
 */
export class DatabaseStorage implements Storage {
  readonly #client: QueryClientContract
  readonly #connection: StoreConnection
  readonly events: DatabaseEventStore
  readonly executions: DatabaseExecutionStore
  readonly leases: DatabaseLeaseStore
  readonly nodes: DatabaseNodeStore
  readonly stats: DatabaseStatsStore
  readonly logs: DatabaseLogStore
  readonly journal: DatabaseJournalStore

  /** @throws E_INVALID_CONFIG when the package's tables cannot live in this database */
  constructor({ client, connectionName, logger, clock = new SystemClock() }: DatabaseStorageDeps) {
    const dialect = storeDialectOf(client)
    this.#client = client
    this.#connection = new StoreConnection({ client, connectionName, clock, dialect, logger })
    this.events = new DatabaseEventStore(this.#connection)
    this.executions = new DatabaseExecutionStore(this.#connection)
    this.leases = new DatabaseLeaseStore(this.#connection)
    this.nodes = new DatabaseNodeStore(this.#connection)
    this.stats = new DatabaseStatsStore(this.#connection)
    this.logs = new DatabaseLogStore(this.#connection)
    this.journal = new DatabaseJournalStore(this.#connection)
  }

  now(): Promise<number> {
    return this.#connection.read('now', (work) => instant(work, null))
  }

  schemaVersion(): Promise<number> {
    return this.#connection.guard('schemaVersion', () => schemaVersionOf(this.#client))
  }

  /** The pool belongs to the app, which closes it. */
  async close(): Promise<void> {}
}
