import { sleep, type Clock } from '../clock.ts'
import { Wakeup } from '../signal.ts'

interface Deps {
  clock: Clock
  /** Does the work. @returns ms until it is to be done again */
  beat: () => Promise<number>
  /** Told of each failure; `failures` counts those in a row. */
  onError: (error: unknown, failures: number) => void
  /** ms after the first failure, doubled with each further one, up to `cap`. */
  backoff: { first: number; cap: number }
}

/**
 * Does something again and again, each time when the last one said, or
 * sooner when it is woken. A failure is reported and tried again with a
 * growing delay, which no nudge shortens.
 */
export class Ticker {
  readonly #deps: Deps
  readonly #wakeup = new Wakeup()
  #stopping: AbortController | null = null
  #running: Promise<void> | null = null
  #failures = 0

  constructor(deps: Deps) {
    this.#deps = deps
  }

  get running(): boolean {
    return this.#running !== null
  }

  /** @param delay ms before the first beat */
  start(delay = 0): void {
    if (this.#running) {
      return
    }
    this.#stopping = new AbortController()
    this.#running = this.#run(delay, this.#stopping.signal)
  }

  /** Resolves when the beat that is under way has ended. */
  async stop(): Promise<void> {
    this.#stopping?.abort()
    await this.#running
    this.#running = null
  }

  /** Ends the sleep; during a beat, the sleep after it. */
  wake(): void {
    this.#wakeup.notify()
  }

  async #run(delay: number, signal: AbortSignal): Promise<void> {
    if (delay > 0) {
      await this.#wakeup.wait(this.#deps.clock, delay, signal)
    }
    while (!signal.aborted) {
      await this.#once(signal)
    }
  }

  async #once(signal: AbortSignal): Promise<void> {
    const { clock, beat, onError, backoff } = this.#deps
    try {
      const delay = await beat()
      this.#failures = 0
      await this.#wakeup.wait(clock, Math.max(0, Math.ceil(delay)), signal)
    } catch (error) {
      this.#failures += 1
      onError(error, this.#failures)
      const delay = backoff.first * 2 ** Math.min(this.#failures - 1, 30)
      await sleep(clock, Math.min(delay, backoff.cap), signal)
    }
  }
}
