import type { TransactionClientContract } from '@adonisjs/lucid/types/database'
import type { EventManager } from '../events/event_manager.ts'
import type { RunOptions } from '../events/event_run.ts'
import type { ExecutionTracker } from '../executions/execution_tracker.ts'
import type { EnqueueOptions as JobOptions } from '../jobs/enqueue.ts'
import type { HandlerRegistry } from '../jobs/handler_registry.ts'
import type { ExecutionRecord } from '../types/executions.ts'
import type { WaitOptions } from './watch.ts'

export type { HistoryFilter, LogQuery, StatsQuery } from '../executions/execution_tracker.ts'
export type { ExecutionStats } from '../executions/stats.ts'

/** How one execution is queued; what is not given comes from the handler's options. */
export interface EnqueueOptions extends JobOptions {
  /** The caller's transaction on the store's connection: the execution lives and dies with it. */
  client?: TransactionClientContract
}

export interface Enqueued {
  id: string
  /** False when an open execution holds the dedupe key: `id` is then that one's. */
  inserted: boolean
  /** What became of the one that holds the dedupe key; left out when it stayed as it is. */
  change?: 'replaced' | 'extended'
  /** The execution once it has ended; as it is when the signal aborts or the timeout is up. */
  wait(options?: WaitOptions): Promise<ExecutionRecord | null>
}

/** What one run has in place of the event's own. */
export interface TriggerOptions extends RunOptions {
  /** Who, for the journal. */
  by?: string
}

export interface CancelOptions {
  reason?: string
  by?: string
}

/** The registered handlers, read only. */
export type Handlers = Pick<HandlerRegistry, 'get' | 'has' | 'names' | 'nameOf'>

/** Reading what ran. */
export type ExecutionReader = Pick<
  ExecutionTracker,
  'find' | 'get' | 'history' | 'logs' | 'stats'
> & {
  /** The open execution that holds this dedupe key; the newest ended one when none is open. */
  findByDedupeKey(key: string): Promise<ExecutionRecord | null>
}

/** The events, as the host app manages them. */
export type Events = Pick<
  EventManager,
  | 'create'
  | 'update'
  | 'upsert'
  | 'clone'
  | 'get'
  | 'find'
  | 'findByName'
  | 'list'
  | 'page'
  | 'delete'
  | 'pause'
  | 'resume'
  | 'cancel'
  | 'complete'
  | 'skipNext'
  | 'pauseMany'
  | 'resumeMany'
  | 'cancelMany'
  | 'deleteMany'
  | 'trigger'
  | 'dependOn'
  | 'removeDependency'
  | 'dependenciesOf'
>
