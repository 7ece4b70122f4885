import { setImmediate } from 'node:timers/promises'
import type { Clock, ClockTimer } from '../clock.ts'

interface PendingTimer {
  /** On the monotonic scale. */
  due: number
  order: number
  callback: () => void
}

/** Turns of the event loop that a promise chain gets between two timers. */
const SETTLE_TURNS = 10

/**
 * A clock that stands still until a test moves it. Storage calls are given
 * its instant, so that the whole of Almanac lives in the test's time.
 */
export class ManualClock implements Clock {
  #wall: number
  #monotonic = 0
  #order = 0
  readonly #timers = new Set<PendingTimer>()

  /** @param start wall clock in epoch ms (UTC), or an ISO text with its offset */
  constructor(start: number | string = '2026-01-01T00:00:00Z') {
    this.#wall = typeof start === 'string' ? Date.parse(start) : start
  }

  now(): number {
    return this.#wall
  }

  nowOrNull(): number {
    return this.#wall
  }

  monotonic(): number {
    return this.#monotonic
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.size
  }

  /** Milliseconds until the next timer, null when none waits. */
  get nextTimer(): number | null {
    const next = this.#earliest()
    return next ? next.due - this.#monotonic : null
  }

  timer(delay: number, callback: () => void): ClockTimer {
    const due = this.#monotonic + Math.max(0, delay)
    const timer: PendingTimer = { due, order: this.#order++, callback }
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }

  /**
   * Moves time on by `ms`. Timers that fall due fire in order, each at its own
   * instant, and what they started may settle before the next one fires.
   */
  async advance(ms: number): Promise<void> {
    const target = this.#monotonic + ms
    await this.settle()
    for (;;) {
      const timer = this.#earliest()
      if (!timer || timer.due > target) {
        break
      }
      this.#timers.delete(timer)
      this.#moveTo(timer.due)
      timer.callback()
      await this.settle()
    }
    this.#moveTo(target)
    await this.settle()
  }

  /**
   * Steps the wall clock, forwards or backwards, as an administrator or NTP
   * does: monotonic time and timers do not notice.
   */
  set(wall: number | string): void {
    this.#wall = typeof wall === 'string' ? Date.parse(wall) : wall
  }

  /** Lets promise chains that wait for no timer run to their end. */
  async settle(turns: number = SETTLE_TURNS): Promise<void> {
    for (let turn = 0; turn < turns; turn++) {
      await setImmediate()
    }
  }

  #moveTo(monotonic: number): void {
    const step = Math.max(0, monotonic - this.#monotonic)
    this.#monotonic += step
    this.#wall += step
  }

  #earliest(): PendingTimer | undefined {
    let first: PendingTimer | undefined
    for (const timer of this.#timers) {
      if (
        !first ||
        timer.due < first.due ||
        (timer.due === first.due && timer.order < first.order)
      ) {
        first = timer
      }
    }
    return first
  }
}
