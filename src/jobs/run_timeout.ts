import type { Clock, ClockTimer } from '../clock.ts'

/**
 * The timeout of one attempt. The handler may move it.
 */
export class RunTimeout {
  readonly #clock: Clock
  readonly #onExpire: () => void
  readonly #begun: number
  #timer: ClockTimer | null = null
  #over = false
  #allowed: number | null = null

  /** @param ms null = none, until `extend` sets one */
  constructor(clock: Clock, ms: number | null, onExpire: () => void) {
    this.#clock = clock
    this.#onExpire = onExpire
    this.#begun = clock.monotonic()
    if (ms !== null) {
      this.extend(ms)
    }
  }

  /** How long the attempt may run in all, ms, as it stands now. */
  get allowed(): number | null {
    return this.#allowed
  }

  /** Moves the end to `ms` from now. Once it has expired nothing changes. */
  extend(ms: number): void {
    if (this.#over) {
      return
    }
    this.#timer?.cancel()
    this.#allowed = Math.round(this.#clock.monotonic() - this.#begun + ms)
    this.#timer = this.#clock.timer(ms, () => {
      this.#over = true
      this.#onExpire()
    })
  }

  cancel(): void {
    this.#over = true
    this.#timer?.cancel()
  }
}
