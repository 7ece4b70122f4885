import type { ControlStore } from './contract/control_store.ts'
import type { EventStore } from './contract/event_store.ts'
import type { ExecutionStore } from './contract/execution_store.ts'
import type {
  JournalStore,
  LeaseStore,
  LogStore,
  NodeStore,
  StatsStore,
} from './contract/other_stores.ts'
import type { WorkflowStore } from './contract/workflow_store.ts'
import type { StoreWatch, StoreWatcher } from './contract/watch.ts'

export type * from './contract/control_store.ts'
export type * from './contract/now.ts'
export type * from './contract/event_values.ts'
export type * from './contract/event_store.ts'
export type * from './contract/execution_values.ts'
export type * from './contract/execution_store.ts'
export type * from './contract/other_stores.ts'
export type * from './contract/watch.ts'
export type * from './contract/workflow_store.ts'

/**
 * The port to the store. Each call is one atomic transition; the exported
 * storage suite (adonisjs-almanac/testing) states what each must do and runs
 * over every implementation.
 *
 * `now` is null in production: the database's clock decides. Tests pass the
 * manual clock's instant. All instants are epoch ms (UTC).
 */
export interface Storage {
  readonly events: EventStore
  readonly executions: ExecutionStore
  readonly leases: LeaseStore
  readonly nodes: NodeStore
  readonly stats: StatsStore
  readonly logs: LogStore
  readonly journal: JournalStore
  readonly controls: ControlStore
  readonly workflows: WorkflowStore

  /** The database's clock, epoch ms. */
  now(): Promise<number>
  /** The schema version found in the store; 0 when there is none. */
  schemaVersion(): Promise<number>
  /**
   * Has the watcher told of changes as they are committed, which saves the
   * wait for the next poll and nothing else. Null, or no such method, where
   * the store cannot tell.
   */
  watch?(watcher: StoreWatcher): Promise<StoreWatch | null>
  close(): Promise<void>
}

/** The schema version that this code needs. */
export const SCHEMA_VERSION = 6
