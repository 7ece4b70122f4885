import { sleep } from '../clock.ts'
import { Wakeup } from '../signal.ts'
import type { Counters } from '../counters.ts'
import type { CoreConfig } from '../types/config.ts'
import type { Logger } from '../types/logger.ts'
import type { WorkSource } from '../types/work_source.ts'
import { PullSeats, type PullDeps } from './pull_seats.ts'

/** Bounds of the wait after a failure of a source, ms. */
const MIN_BACKOFF = 250
const MAX_BACKOFF = 30_000

/** What a pump pulls: a work source, or the own queue, which knows its next instant. */
export interface Pullable extends Omit<WorkSource, 'pull'> {
  pull(seats: PullSeats): Promise<number>
  /** The instant (epoch ms) at which there may be work again, null when unknown. */
  nextAt?(): Promise<number | null>
}

/** How a source of work fares on this node. */
export interface SourceStatus {
  name: string
  /** Failures in a row; 0 = well. */
  failures: number
  /** The last failure while it fails. */
  error: string | null
}

interface Deps extends PullDeps {
  config: PullDeps['config'] & Pick<CoreConfig, 'poll'>
  logger: Logger
  counters: Counters
}

/**
 * Pulls one source: control requests first, whatever the free slots; then as
 * much as there are seats; at once again while there is work, and else at
 * growing intervals. A failing source backs off alone.
 */
export class SourcePump {
  readonly source: Pullable
  readonly #deps: Deps
  readonly #wakeup = new Wakeup()
  #interval: number
  #failures = 0
  #error: string | null = null
  #abort: AbortController | null = null
  #loop: Promise<void> = Promise.resolve()
  #turn: Promise<unknown> = Promise.resolve()

  constructor(deps: Deps, source: Pullable) {
    this.#deps = deps
    this.source = source
    this.#interval = deps.config.poll.min
  }

  get status(): SourceStatus {
    return { name: this.source.name, failures: this.#failures, error: this.#error }
  }

  start(): void {
    if (!this.#abort) {
      this.#abort = new AbortController()
      this.#loop = this.#run(this.#abort.signal)
    }
  }

  /** Pulls no more. Resolves when the pull under way has returned. */
  async stop(): Promise<void> {
    this.#abort?.abort()
    this.#abort = null
    await this.#loop
    await this.#turn
  }

  /** There may be work now. */
  nudge(): void {
    this.#interval = this.#deps.config.poll.min
    this.#wakeup.notify()
  }

  /**
   * One round without waiting: control, then a pull with the seats that are free.
   *
   * @returns how much it found
   * @throws what the source throws
   */
  pullOnce(): Promise<number> {
    return this.#inTurn(async () => {
      const handled = (await this.source.control?.()) ?? 0
      const found = await this.#pull(this.#deps.seats.tryReserve())
      this.#recovered()
      return handled + found
    })
  }

  /** Counts a failure and logs the first of a row. */
  noteFailure(error: unknown): void {
    const { logger, counters } = this.#deps
    const { name } = this.source
    this.#failures++
    this.#error = error instanceof Error ? error.message : String(error)
    counters.increment(`sources.${name}.errors`)
    if (this.#failures === 1) {
      logger.error({ err: error, source: name }, `Source "${name}" fails; it is tried again`)
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const found = await this.#inTurn(() => this.#round(signal))
        this.#recovered()
        await this.#pause(found, signal)
      } catch (error) {
        this.noteFailure(error)
        const backoff = Math.min(MAX_BACKOFF, MIN_BACKOFF * 2 ** Math.min(20, this.#failures - 1))
        await sleep(this.#deps.clock, backoff, signal)
      }
    }
  }

  /** Waits for seats no longer than the poll interval: control requests have their turn. */
  async #round(signal: AbortSignal): Promise<number | 'no seats'> {
    const handled = (await this.source.control?.()) ?? 0
    const timeout = this.source.pollInterval
    const seats = signal.aborted ? 0 : await this.#deps.seats.reserve({ timeout, signal })
    return seats === 0 ? 'no seats' : handled + (await this.#pull(seats))
  }

  async #pull(count: number): Promise<number> {
    if (count === 0) {
      return 0
    }
    const seats = new PullSeats(this.#deps, this.source.name, count)
    try {
      return await this.source.pull(seats)
    } finally {
      seats.close()
    }
  }

  async #pause(found: number | 'no seats', signal: AbortSignal): Promise<void> {
    const { clock, config } = this.#deps
    if (found !== 0 || signal.aborted) {
      this.#interval = config.poll.min
      return
    }
    const wait = await this.#untilNext()
    this.#interval = Math.min(this.source.pollInterval, this.#interval * 2)
    await this.#wakeup.wait(clock, wait, signal)
  }

  /** The growing interval, or less when the source knows that there is work before. */
  async #untilNext(): Promise<number> {
    const interval = Math.min(this.source.pollInterval, this.#interval)
    const next = await this.source.nextAt?.()
    const away = typeof next === 'number' ? next - this.#deps.clock.now() : interval
    // An instant that has passed says nothing: its key is held, or clocks differ
    return away > 0 ? Math.min(interval, away) : interval
  }

  #recovered(): void {
    if (this.#failures > 0) {
      const { name } = this.source
      this.#deps.logger.info({ source: name, failures: this.#failures }, `Source "${name}" is back`)
      this.#failures = 0
      this.#error = null
    }
  }

  /** One round at a time, whoever asks for it. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    // The next turn comes whatever became of this one; its caller gets the failure
    this.#turn = turn.catch(() => undefined)
    return turn
  }
}
