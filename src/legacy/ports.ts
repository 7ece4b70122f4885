import type { ExecutionFilter, NodeRecord } from '../storage/contract.ts'
import type { ExecutionRecord } from '../types/executions.ts'
import type { HandlerClass, HandlerDefinition, HandlerReference } from '../types/handlers.ts'
import type { WorkSource } from '../types/work_source.ts'
import type { ScheduleTarget } from './schedule_sync.ts'

/** The executions as the adapter reads them. */
export interface ExecutionsPort {
  find(id: string): Promise<ExecutionRecord | null>
  /** The open execution with this dedupe key, else the newest ended one. */
  findByDedupeKey(key: string): Promise<ExecutionRecord | null>
  /** Newest first. */
  history(filter: ExecutionFilter): Promise<ExecutionRecord[]>
}

/** The registered handlers, read only. */
export interface HandlersPort {
  get(name: string): HandlerDefinition
  nameOf(reference: HandlerReference): string
}

/**
 * What the legacy adapter uses of the scheduler. The facade is one; tests run
 * on a smaller one.
 */
export interface SchedulerPort extends ScheduleTarget {
  /** `<node>.<boot>` of this process. */
  readonly nodeId: string
  readonly handlers: HandlersPort
  readonly executions: ExecutionsPort

  register(name: string, handler: HandlerClass): void
  addSource(source: WorkSource): void
  /** What to do when this process starts working; a throw undoes the start. */
  onStart(hook: () => Promise<unknown>): void
  /** Something to do again and again while this process works. */
  addChore(chore: { name: string; interval: number; run(): Promise<unknown> }): void

  /**
   * @returns `cancelled` when it had not been claimed, `requested` when a node
   * holds it, null when it is unknown or ended
   */
  cancel(
    executionId: string,
    options: { reason: string; by: string }
  ): Promise<'cancelled' | 'requested' | null>

  /** The live registry: a boot that is gone is taken out of it by housekeeping. */
  nodes(): Promise<NodeRecord[]>
}
