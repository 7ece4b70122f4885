import type { Clock, ClockTimer } from '../../clock.ts'
import { toMilliseconds, type Duration } from '../../duration.ts'
import type { AbortReason } from '../../types/handlers.ts'

/** The signal of one day: that of its load, and a timeout of its own. */
export class DayTimeout {
  readonly signal: AbortSignal
  readonly #clock: Clock
  readonly #own = new AbortController()
  #timer: ClockTimer | null = null

  /** @param limit ms; null = none */
  constructor(clock: Clock, load: AbortSignal, limit: number | null) {
    this.#clock = clock
    this.signal = AbortSignal.any([load, this.#own.signal])
    if (limit !== null) {
      this.extend(limit)
    }
  }

  /** Whether the day alone ran out of time. */
  get ranOut(): boolean {
    return this.#own.signal.aborted
  }

  /** Moves the timeout to `duration` from now. */
  extend(duration: Duration): void {
    this.cancel()
    const ms = toMilliseconds(duration, 'duration')
    const reason: AbortReason = 'timeout'
    this.#timer = this.#clock.timer(ms, () => this.#own.abort(reason), { ref: false })
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#timer = null
  }
}
