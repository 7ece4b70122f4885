import { Cancelled } from '../../jobs/outcome.ts'
import type { HandlerContext } from '../../types/handlers.ts'
import type { SourceDeps } from '../runtime.ts'
import type { RequestProgress } from '../tables/request_progress.ts'
import { daysBetween, type Day } from './days.ts'
import type { HistoryPayload } from './payload.ts'
import { toResult, type HistoryProgress } from './progress.ts'

interface Deps extends Pick<SourceDeps, 'connection'> {
  context: HandlerContext
  /** What the request is told, where there is a request table. */
  told: RequestProgress | null
  nodeId: string
}

/** One history load while this node works on it. */
export class HistoryLoad {
  readonly context: HandlerContext
  readonly payload: HistoryPayload
  readonly #deps: Deps
  #progress: HistoryProgress

  constructor(deps: Deps, progress: HistoryProgress) {
    this.#deps = deps
    this.context = deps.context
    this.payload = deps.context.execution.payload as HistoryPayload
    this.#progress = progress
  }

  get progress(): HistoryProgress {
    return this.#progress
  }

  /** Keeps a change for whoever goes on from here. @throws E_LEASE_LOST */
  async keep(change: Partial<HistoryProgress>): Promise<void> {
    const next = { ...this.#progress, ...change }
    await this.context.saveCheckpoint(next)
    this.#progress = next
  }

  /**
   * Tells the request how far the load has come: RESULT_PAYLOAD, in progress.
   *
   * @throws Cancelled when the request is no longer this load's
   */
  async tell(day: Day | null): Promise<void> {
    const { told, connection, nodeId } = this.#deps
    const { requestId, claim: claimedBy, mapref } = this.payload
    const { complete, first, last } = this.#progress
    const total = daysBetween(first, last)
    this.context.progress({ done: complete, total, message: day ?? undefined })
    const result = { status: 'IP', mapref, history: toResult(this.#progress), node: nodeId }
    if (told && !(await told.note(connection.session, { requestId, claimedBy }, result))) {
      throw new Cancelled(unclaimed(this.payload))
    }
  }
}

export function unclaimed({ requestId, claim }: Pick<HistoryPayload, 'requestId' | 'claim'>) {
  return `request "${requestId}" is no longer claimed by "${claim}"`
}
