import type { Clock, ClockTimer } from '../../clock.ts'
import type { Logger } from '../../types/logger.ts'
import type { SchedulerPort } from '../ports.ts'
import { failure } from './failure.ts'
import type { LogicEnd } from './flow_run.ts'
import type { LogicRun } from './logic_run.ts'

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
  /** ms that a run which was stopped by force is waited for. */
  grace: number
}

/** How long a stop by force waits for the work. */
interface Watch {
  over: boolean
  timer: ClockTimer | null
}

/** What the node of a run knows of the request to stop it. */
export class Stops {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** How a run ends that was stopped: with the words of whoever asked. */
  async endOf(logic: LogicRun): Promise<LogicEnd> {
    const reason = await this.#reasonOf(logic)
    return { ...failure('STOPPED', reason ?? 'stopped on request'), status: 'ST' }
  }

  /**
   * Does the work. Where it was stopped by force and does not end within the
   * grace, `close` is called with the end of the run: its row says so, and
   * nobody waits for it any more. The work itself is not let go: while it runs
   * its MAPREF is taken, and so is its slot.
   */
  async around<T>(
    logic: LogicRun,
    work: () => Promise<T>,
    close: (end: LogicEnd) => Promise<void>
  ): Promise<T> {
    const { signal } = logic.context
    if (logic.ready.resolved.runner.endsByForce) {
      return work()
    }
    const watch: Watch = { over: false, timer: null }
    const onAbort = () => void this.#onAbort(logic, watch, close)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await work()
    } finally {
      watch.over = true
      watch.timer?.cancel()
      signal.removeEventListener('abort', onAbort)
    }
  }

  async #onAbort(
    logic: LogicRun,
    watch: Watch,
    close: (end: LogicEnd) => Promise<void>
  ): Promise<void> {
    const { clock, grace, logger } = this.#deps
    try {
      const reason = logic.aborted === 'cancelled' ? await this.#reasonOf(logic) : null
      if (!reason?.endsWith(FORCE) || watch.over) {
        return
      }
      watch.timer = clock.timer(grace, () => {
        const message = `${reason}; its handler had not ended ${grace} ms later`
        close({ ...failure('STOPPED', message), status: 'ST' }).catch(report)
      })
    } catch (error) {
      report(error)
    }

    function report(err: unknown): void {
      logger.warn({ err, prcid: logic.run.prcid }, 'A stop by force waits for the end of its run')
    }
  }

  async #reasonOf({ context }: LogicRun): Promise<string | null> {
    const execution = await this.#deps.scheduler.executions.find(context.execution.id)
    return execution?.cancelRequestedAt ? execution.reason : null
  }
}
