import type { QueryClientContract } from '@adonisjs/lucid/types/database'
import { SystemClock, type Clock } from '../../clock.ts'
import type { Logger } from '../../types/logger.ts'
import type { Storage, StoreWatch, StoreWatcher } from '../contract.ts'
import { StoreConnection } from './connection.ts'
import { DatabaseControlStore } from './control_store.ts'
import { KnownControls } from './known_controls.ts'
import { DatabaseEventStore } from './event_store.ts'
import { DatabaseExecutionStore } from './execution_store.ts'
import { DatabaseJournalStore } from './journal_store.ts'
import { DatabaseLeaseStore } from './lease_store.ts'
import { PostgresListener } from './listener.ts'
import { DatabaseLogStore } from './log_store.ts'
import { DatabaseNodeStore } from './node_store.ts'
import { schemaVersionOf, storeDialectOf } from './schema/main.ts'
import { DatabaseStatsStore } from './stats_store.ts'
import { DatabaseWorkflowStore } from './workflow_store.ts'
import { instant } from './work.ts'

export interface DatabaseStorageDeps {
  client: QueryClientContract
  connectionName: string
  logger: Logger
  /** For the pauses while another writer holds the lock. Default: the system's. */
  clock?: Clock
  /** Listens to what PostgreSQL tells of new work. Default true. */
  notify?: boolean
}

/**
 * The store on a Lucid connection. It owns no connection: each call borrows
 * one from the pool of the app.
 */
export class DatabaseStorage implements Storage {
  readonly #client: QueryClientContract
  readonly #connection: StoreConnection
  readonly #listening: { clock: Clock; logger: Logger } | null
  readonly events: DatabaseEventStore
  readonly executions: DatabaseExecutionStore
  readonly leases: DatabaseLeaseStore
  readonly nodes: DatabaseNodeStore
  readonly stats: DatabaseStatsStore
  readonly logs: DatabaseLogStore
  readonly journal: DatabaseJournalStore
  readonly controls: DatabaseControlStore
  readonly workflows: DatabaseWorkflowStore

  /** @throws E_INVALID_CONFIG when the package's tables cannot live in this database */
  constructor(deps: DatabaseStorageDeps) {
    const { client, connectionName, logger, clock = new SystemClock(), notify = true } = deps
    const dialect = storeDialectOf(client)
    this.#client = client
    this.#listening = notify && dialect.notifies ? { clock, logger } : null
    this.#connection = new StoreConnection({ client, connectionName, clock, dialect, logger })
    this.events = new DatabaseEventStore(this.#connection)
    const known = new KnownControls()
    this.executions = new DatabaseExecutionStore(this.#connection, known)
    this.leases = new DatabaseLeaseStore(this.#connection)
    this.nodes = new DatabaseNodeStore(this.#connection)
    this.stats = new DatabaseStatsStore(this.#connection)
    this.logs = new DatabaseLogStore(this.#connection)
    this.journal = new DatabaseJournalStore(this.#connection)
    this.controls = new DatabaseControlStore(this.#connection)
    this.workflows = new DatabaseWorkflowStore(this.#connection)
  }

  now(): Promise<number> {
    return this.#connection.read('now', (work) => instant(work, null))
  }

  schemaVersion(): Promise<number> {
    return this.#connection.guard('schemaVersion', () => schemaVersionOf(this.#client))
  }

  /** On PostgreSQL, on a connection of its own; null elsewhere, and where it is switched off. */
  async watch(watcher: StoreWatcher): Promise<StoreWatch | null> {
    return this.#listening === null
      ? null
      : new PostgresListener({ client: this.#client, watcher, ...this.#listening }).start()
  }

  /** The pool belongs to the app, which closes it. */
  async close(): Promise<void> {}
}
