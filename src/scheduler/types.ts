import type { TransactionClientContract } from '@adonisjs/lucid/types/database'
import type { Duration } from '../duration.ts'
import type { EventManager } from '../events/event_manager.ts'
import type { ExecutionTracker } from '../executions/execution_tracker.ts'
import type { Instant, JsonValue } from '../types/json.ts'

/** How one execution is queued; what is not given comes from the handler's options. */
export interface EnqueueOptions {
  /** The caller's transaction on the store's connection: the execution lives and dies with it. */
  client?: TransactionClientContract
  /** Runs no earlier than this long from now. */
  delay?: Duration
  /** Runs no earlier than this instant. */
  availableAt?: Instant
  /** 1 first .. 10 last. */
  priority?: number
  queue?: string
  /** At most one open execution holds it; the second call gets the first one's id. */
  dedupeKey?: string
  /** At most one execution runs under it at a time. */
  concurrencyKey?: string
  timeout?: Duration
  retries?: number
}

export interface Enqueued {
  id: string
  /** False when an open execution holds the dedupe key: `id` is then that one's. */
  inserted: boolean
}

export interface TriggerOptions {
  /** In place of the event's own payload. */
  payload?: JsonValue
  /** Who, for the journal. */
  by?: string
}

export interface CancelOptions {
  reason?: string
  by?: string
}

/** Reading what ran. */
export type ExecutionReader = Pick<ExecutionTracker, 'find' | 'history' | 'logs' | 'stats'>

/** The events, as the host app manages them. */
export type Events = Pick<
  EventManager,
  | 'create'
  | 'update'
  | 'get'
  | 'find'
  | 'findByName'
  | 'list'
  | 'delete'
  | 'pause'
  | 'resume'
  | 'cancel'
  | 'trigger'
>
