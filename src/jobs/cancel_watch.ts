import type { Clock, ClockTimer } from '../clock.ts'
import type { Storage } from '../storage/contract.ts'
import type { Hold } from './hold.ts'

/** Between two looks, ms: so long a request to stop takes to another node at most. */
export const CANCEL_LOOK = 1_000

interface Deps {
  storage: Storage
  clock: Clock
  /** What this node owns. */
  holds: () => Hold[]
  /** Somebody asked to stop this execution. */
  onCancel: (hold: Hold, reason: string) => void
}

/**
 * Looks whether somebody on another node asked to stop what runs here. The
 * renewal of a lease tells it as well, but comes too rarely for whoever waits
 * for the stop. It looks only while something runs, by the ids of that.
 */
export class CancelWatch {
  readonly #deps: Deps
  #timer: ClockTimer | null = null

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** Goes on until nothing is held any more. */
  arm(): void {
    if (!this.#timer) {
      const timer = this.#deps.clock.timer(CANCEL_LOOK, () => void this.#onTimer(timer))
      this.#timer = timer
    }
  }

  disarm(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  async #onTimer(timer: ClockTimer): Promise<void> {
    await this.#look()
    if (this.#timer !== timer) {
      return
    }
    this.#timer = null
    if (this.#deps.holds().length > 0) {
      this.arm()
    }
  }

  async #look(): Promise<void> {
    const { storage, holds, onCancel } = this.#deps
    const running = holds().filter((hold) => hold.state === 'running' && hold.aborted === null)
    if (running.length === 0) {
      return
    }
    try {
      const asked = await storage.executions.cancelRequests(running.map(({ id }) => id))
      for (const hold of running) {
        const reason = asked.get(hold.id)
        if (reason !== undefined && hold.state === 'running' && hold.aborted === null) {
          onCancel(hold, reason)
        }
      }
    } catch {
      // A store that is away is reported by the renewals, which bring the request as well
    }
  }
}
