import type { Clock } from '../clock.ts'

/** Passes on the latest value at most once in an interval; the last one is never lost. */
export class Throttle<T> {
  readonly #clock: Clock
  readonly #interval: number
  readonly #pass: (value: T) => void
  #next = 0
  #waiting: { value: T } | null = null

  constructor(clock: Clock, interval: number, pass: (value: T) => void) {
    this.#clock = clock
    this.#interval = interval
    this.#pass = pass
  }

  set(value: T): void {
    const isFirst = this.#waiting === null
    this.#waiting = { value }
    const wait = this.#next - this.#clock.monotonic()
    if (wait <= 0) {
      this.flush()
    } else if (isFirst) {
      this.#clock.timer(wait, () => this.flush(), { ref: false })
    }
  }

  flush(): void {
    const waiting = this.#waiting
    this.#waiting = null
    if (waiting) {
      this.#next = this.#clock.monotonic() + this.#interval
      this.#pass(waiting.value)
    }
  }
}
