import type { AbortReason, HandlerContext } from '../../types/handlers.ts'
import type { JsonValue } from '../../types/json.ts'
import type { GroupedClosing } from '../group_writeback.ts'
import type { RunnableFlow } from './flow_resolver.ts'
import { withCheckpoint, type FlowCheckpoint, type FlowRun, type LogicEnd } from './flow_run.ts'

/** A run whose row is in progress and whose logic may start. */
export interface ReadyRun {
  run: FlowRun
  resolved: RunnableFlow
  /** Epoch ms of the legacy database's clock. */
  startedAt: number
}

/**
 * One run while its logic and its write-back are under way. It keeps one
 * checkpoint for the engine and the logic together: the store has room for one.
 */
export class LogicRun {
  readonly ready: ReadyRun
  readonly context: HandlerContext
  /** When the logic began, on the monotonic scale. */
  readonly began: number
  #checkpoint: FlowCheckpoint

  constructor(ready: ReadyRun, context: HandlerContext, began: number) {
    this.ready = ready
    this.context = context
    this.began = began
    this.#checkpoint = ready.run.checkpoint
  }

  /** The run as the store knows it now. */
  get run(): FlowRun {
    return withCheckpoint(this.ready.run, this.#checkpoint)
  }

  /** Why the signal was aborted, null when it was not. */
  get aborted(): AbortReason | null {
    const { signal } = this.context
    return signal.aborted ? (signal.reason as AbortReason) : null
  }

  /** All that this end of it changes. */
  closing(end: LogicEnd): GroupedClosing {
    const { resolved, startedAt } = this.ready
    return { run: this.run, flow: resolved.flow, end, startedAt }
  }

  /** @throws E_LEASE_LOST */
  async keep(change: Partial<Pick<FlowCheckpoint, 'ended' | 'work' | 'retries'>>): Promise<void> {
    const next = { ...this.#checkpoint, ...change }
    await this.context.saveCheckpoint(next)
    this.#checkpoint = next
  }

  /** How the logic ended, for whoever may have to go on from here. @throws E_LEASE_LOST */
  keepEnd(ended: LogicEnd): Promise<void> {
    return this.keep({ ended })
  }

  /** The context as the logic sees it: its checkpoint is its own. */
  logicContext(): HandlerContext {
    const { context } = this
    const checkpoint = () => this.#checkpoint.work
    return {
      payload: context.payload,
      execution: context.execution,
      attempt: context.attempt,
      parents: context.parents,
      slot: context.slot,
      signal: context.signal,
      logger: context.logger,
      fencingToken: context.fencingToken,
      get checkpoint() {
        return checkpoint()
      },
      progress: (progress) => context.progress(progress),
      saveCheckpoint: (work: JsonValue) => this.keep({ work }),
      extend: (duration) => context.extend(duration),
      lock: (name, ttl) => context.lock(name, ttl),
    }
  }
}
