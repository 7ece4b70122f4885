import type { Clock } from '../../clock.ts'
import type { HandlerContext } from '../../types/handlers.ts'
import type { Logger } from '../../types/logger.ts'
import type { SchedulerPort } from '../ports.ts'
import { failure } from './failure.ts'
import type { LogicEnd } from './flow_run.ts'
import type { FlowVerdict } from './verdict.ts'

/** Ends the reason of a stop that does not wait. */
const FORCE = ' (force)'

/** The reason that a stop is stored with, from which the node of the run knows what was asked. */
export function stopReason(requestId: string, force: boolean): string {
  return `stopped by request ${requestId}${force ? FORCE : ''}`
}

interface Deps {
  scheduler: Pick<SchedulerPort, 'executions'>
  clock: Clock
  logger: Logger
  /** ms that work which was stopped by force is waited for. */
  grace: number
}

/** What became of work: its result, or what its end was written as while it went on. */
export type Stoppable<T> = { done: T } | { closed: FlowVerdict }

interface Stop {
  /** Aborts when the work is over. */
  over: AbortController | null
  closing: Promise<FlowVerdict | null> | null
}

/** What the node of a run or request knows of the request to stop it. */
export class Stops {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** How a run ends that was stopped: with the words of whoever asked. */
  async endOf(context: HandlerContext): Promise<LogicEnd> {
    const reason = await this.#reasonOf(context)
    return { ...failure('STOPPED', reason ?? 'stopped on request'), status: 'ST' }
  }

  /**
   * Does the work. Where it was stopped by force and does not end within the
   * grace, `close` is called with the end of the run: its rows say so, and
   * nobody waits for it any more. The work itself is not let go: while it runs
   * its MAPREF is taken, and so is its slot.
   *
   * @throws what the work throws, unless it was closed before
   */
  async around<T>(
    context: HandlerContext,
    work: () => Promise<T>,
    close: (end: LogicEnd) => Promise<FlowVerdict>
  ): Promise<Stoppable<T>> {
    const { signal } = context
    // Few runs are stopped: what a stop needs is made when one comes
    const stop: Stop = { over: null, closing: null }
    const onAbort = () => {
      stop.over = new AbortController()
      stop.closing = this.#closedByForce(context, stop.over.signal, close)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) {
      onAbort()
    }
    const [ended] = await Promise.allSettled([work()])
    stop.over?.abort()
    signal.removeEventListener('abort', onAbort)
    const closed = await stop.closing
    if (closed) {
      return { closed }
    }
    if (ended.status === 'rejected') {
      throw ended.reason
    }
    return { done: ended.value }
  }

  /** @returns null when the work was over before, or was not stopped by force */
  async #closedByForce(
    context: HandlerContext,
    over: AbortSignal,
    close: (end: LogicEnd) => Promise<FlowVerdict>
  ): Promise<FlowVerdict | null> {
    const { clock, grace, logger } = this.#deps
    try {
      const reason = context.signal.reason === 'cancelled' ? await this.#reasonOf(context) : null
      if (!reason?.endsWith(FORCE) || (await endsWithin(grace, over, clock))) {
        return null
      }
      const message = `${reason}; its handler had not ended ${grace} ms later`
      return await close({ ...failure('STOPPED', message), status: 'ST' })
    } catch (err) {
      const { id } = context.execution
      logger.warn({ err, execution: id }, 'A stop by force waits for the end of its run')
      return null
    }
  }

  async #reasonOf({ execution }: HandlerContext): Promise<string | null> {
    const found = await this.#deps.scheduler.executions.find(execution.id)
    return found?.cancelRequestedAt ? found.reason : null
  }
}

/** Waits until it is over, but no longer than so many ms. @returns whether it is */
async function endsWithin(ms: number, over: AbortSignal, clock: Clock): Promise<boolean> {
  if (!over.aborted) {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = clock.timer(ms, resolve)
    over.addEventListener('abort', () => resolve(), { once: true })
    await promise
    timer.cancel()
  }
  return over.aborted
}
