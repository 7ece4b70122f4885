import { E_EVENT_NOT_FOUND } from '../../errors.ts'
import type { EventRecord } from '../../types/events.ts'
import type { Clock } from '../../clock.ts'
import { SCHEMA_VERSION, type Storage } from '../contract.ts'
import { MemoryControlStore } from './control_store.ts'
import { MemoryEventStore } from './event_store.ts'
import { MemoryExecutionStore } from './execution_store.ts'
import { MemoryJournalStore } from './journal_store.ts'
import { MemoryLeaseStore } from './lease_store.ts'
import { MemoryLogStore } from './log_store.ts'
import { MemoryNodeStore } from './node_store.ts'
import { MemoryStatsStore } from './stats_store.ts'
import { MemoryWorkflowStore } from './workflow_store.ts'
import { copy, MemoryTables } from './tables.ts'

/**
 * A store that lives and dies with its process, for tests and for trying
 * things out. It passes the same suite as the databases.
 */
export class MemoryStorage implements Storage {
  readonly #tables: MemoryTables
  readonly events: MemoryEventStore
  readonly executions: MemoryExecutionStore
  readonly leases: MemoryLeaseStore
  readonly nodes: MemoryNodeStore
  readonly stats: MemoryStatsStore
  readonly logs: MemoryLogStore
  readonly journal: MemoryJournalStore
  readonly controls: MemoryControlStore
  readonly workflows: MemoryWorkflowStore

  constructor({ clock }: { clock: Clock }) {
    this.#tables = new MemoryTables(clock)
    this.events = new MemoryEventStore(this.#tables)
    this.executions = new MemoryExecutionStore(this.#tables)
    this.leases = new MemoryLeaseStore(this.#tables)
    this.nodes = new MemoryNodeStore(this.#tables)
    this.stats = new MemoryStatsStore(this.#tables)
    this.logs = new MemoryLogStore(this.#tables)
    this.journal = new MemoryJournalStore(this.#tables)
    this.controls = new MemoryControlStore(this.#tables)
    this.workflows = new MemoryWorkflowStore(this.#tables)
  }

  /** Changes an event behind Almanac's back, as plain SQL does in a database: for tests. */
  tamper(id: string, columns: Partial<EventRecord>): void {
    const event = this.#tables.events.get(id)
    if (!event) {
      throw new E_EVENT_NOT_FOUND([id])
    }
    Object.assign(event, copy(columns))
  }

  async now(): Promise<number> {
    return this.#tables.now(null)
  }

  async schemaVersion(): Promise<number> {
    return SCHEMA_VERSION
  }

  async close(): Promise<void> {}
}
