import type { Clock } from '../clock.ts'

/**
 * Items that come due a while after they were added, handed over in one go.
 * An item that waits already is not moved.
 */
export class MarkQueue<T> {
  readonly #clock: Clock
  readonly #onDue: (items: T[]) => void
  readonly #due = new Map<T, number>()
  #timer: { cancel(): void } | null = null
  #timerAt = Number.POSITIVE_INFINITY

  constructor(clock: Clock, onDue: (items: T[]) => void) {
    this.#clock = clock
    this.#onDue = onDue
  }

  add(item: T, delay: number): void {
    if (!this.#due.has(item)) {
      const due = this.#clock.monotonic() + delay
      this.#due.set(item, due)
      this.#arm(due)
    }
  }

  delete(item: T): void {
    this.#due.delete(item)
    if (this.#due.size === 0) {
      this.clear()
    }
  }

  clear(): void {
    this.#due.clear()
    this.#timer?.cancel()
    this.#timer = null
    this.#timerAt = Number.POSITIVE_INFINITY
  }

  #arm(due: number): void {
    if (due >= this.#timerAt) {
      return
    }
    this.#timer?.cancel()
    this.#timerAt = due
    const delay = Math.max(0, Math.ceil(due - this.#clock.monotonic()))
    this.#timer = this.#clock.timer(delay, () => this.#fire())
  }

  #fire(): void {
    this.#timer = null
    this.#timerAt = Number.POSITIVE_INFINITY
    const now = this.#clock.monotonic()
    const items: T[] = []
    let next = Number.POSITIVE_INFINITY
    for (const [item, due] of this.#due) {
      if (due <= now) {
        items.push(item)
        this.#due.delete(item)
      } else {
        next = Math.min(next, due)
      }
    }
    if (next !== Number.POSITIVE_INFINITY) {
      this.#arm(next)
    }
    if (items.length > 0) {
      this.#onDue(items)
    }
  }
}
