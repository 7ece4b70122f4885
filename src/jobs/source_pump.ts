import { sleep } from '../clock.ts'
import { Wakeup } from '../signal.ts'
import type { Counters } from '../counters.ts'
import type { NextAvailable } from '../storage/contract.ts'
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
  /**
   * When there may be work again; null when nothing waits.
   *
   * @param elapsed ms since the pull began that left what waits now
   */
  nextAt?(elapsed: number): Promise<NextAvailable | null>
}

/** How a source of work fares on this node. */
export interface SourceStatus {
  name: string
  /** Failures in a row; 0 = well. */
  failures: number
  /** The last failure while it fails. */
  error: string | null
}

/**
 * What a round came to. `refused`: there was work and none of it could be run,
 * because of conflicts; at once again would be in vain.
 */
type Round = 'busy' | 'refused' | 'idle'

interface Deps extends PullDeps {
  config: PullDeps['config'] & Pick<CoreConfig, 'poll'>
  logger: Logger
  counters: Counters
  /** Nothing is to be pulled for the time being; control requests still are handled. */
  isStopped?: () => Promise<boolean>
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
  #hasWaiting = true
  /** When the last pull began, on the monotonic clock. */
  #pulledAt = 0
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

  /** False when, at its last look, the source knew of nothing that waits. */
  get hasWaiting(): boolean {
    return this.#hasWaiting
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
      const { found } = await this.#pull(this.#deps.lane.seats.tryReserve())
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
        const round = await this.#inTurn(() => this.#round(signal))
        this.#recovered()
        await this.#pause(round, signal)
      } catch (error) {
        this.noteFailure(error)
        const backoff = Math.min(MAX_BACKOFF, MIN_BACKOFF * 2 ** Math.min(20, this.#failures - 1))
        await sleep(this.#deps.clock, backoff, signal)
      }
    }
  }

  /** Waits for seats no longer than the poll interval: control requests have their turn. */
  async #round(signal: AbortSignal): Promise<Round> {
    const handled = (await this.source.control?.()) ?? 0
    const timeout = this.source.pollInterval
    this.#hasWaiting = true
    const seats = signal.aborted ? 0 : await this.#deps.lane.seats.reserve({ timeout, signal })
    if (seats === 0) {
      return 'busy'
    }
    const { found, used } = await this.#pull(seats)
    if (handled + used > 0) {
      return 'busy'
    }
    return found > 0 ? 'refused' : 'idle'
  }

  async #pull(count: number): Promise<{ found: number; used: number }> {
    if (count === 0) {
      return { found: 0, used: 0 }
    }
    const seats = new PullSeats(this.#deps, this.source.name, count)
    this.#pulledAt = this.#deps.clock.monotonic()
    try {
      const stopped = (await this.#deps.isStopped?.()) ?? false
      const found = stopped ? 0 : await this.source.pull(seats)
      return { found, used: seats.used }
    } finally {
      seats.close()
    }
  }

  async #pause(round: Round, signal: AbortSignal): Promise<void> {
    const { clock, config } = this.#deps
    const { pollInterval } = this.source
    if (round === 'idle' && !signal.aborted) {
      const wait = await this.#untilNext()
      this.#interval = Math.min(pollInterval, this.#interval * 2)
      await this.#wakeup.wait(clock, wait, signal)
      return
    }
    this.#interval = Math.min(pollInterval, config.poll.min)
    if (round === 'refused') {
      await this.#wakeup.wait(clock, this.#interval, signal)
    }
  }

  /** The growing interval, or less when the source knows that there is work before. */
  async #untilNext(): Promise<number> {
    const interval = Math.min(this.source.pollInterval, this.#interval)
    // Twice as long: the look takes its way to the store as well
    const elapsed = 2 * (this.#deps.clock.monotonic() - this.#pulledAt)
    const found = await this.source.nextAt?.(elapsed)
    this.#hasWaiting = found !== null
    const away = found ? found.next - found.now : interval
    // What the pull has left waits for an end; what came since is pulled at once
    return away > -elapsed ? Math.min(interval, Math.max(0, away)) : interval
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
