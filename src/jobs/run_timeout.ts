import type { Clock, ClockTimer } from '../clock.ts'

/**
 * The timeout of one attempt: none until `extend` sets it. The handler may move it.
 */
export class RunTimeout {
  readonly #clock: Clock
  readonly #onExpire: () => void
  readonly #begun: number
  #timer: ClockTimer | null = null
  #over = false
  #allowed: number | null = null

  /** @param begun when the attempt began, on the monotonic scale */
  constructor(clock: Clock, begun: number, onExpire: () => void) {
    this.#clock = clock
    this.#onExpire = onExpire
    this.#begun = begun
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
