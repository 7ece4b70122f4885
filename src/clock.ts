/**
 * A pending timer of a clock.
 */
export interface ClockTimer {
  cancel(): void
}

/**
 * Where all time comes from. Components are handed a clock and never read
 * `Date.now()` or call `setTimeout` themselves, so that a test can drive them.
 */
export interface Clock {
  /**
   * Wall clock in epoch milliseconds (UTC). For display and planning only;
   * ownership is decided by the database's clock.
   */
  now(): number

  /**
   * What storage calls are given: null lets the database's clock decide
   * (production), a number overrides it (the manual clock in tests).
   */
  nowOrNull(): number | null

  /**
   * Milliseconds that never go backwards and ignore clock steps.
   */
  monotonic(): number

  /**
   * Calls back once after `delay` ms. The timer of the system clock does not
   * keep the process alive when `ref` is false.
   */
  timer(delay: number, callback: () => void, options?: { ref?: boolean }): ClockTimer
}

/** Longest delay that a Node.js timer can hold (2^31 - 1 ms). */
const MAX_TIMER_DELAY = 2_147_483_647

/**
 * The clock of this machine.
 */
export class SystemClock implements Clock {
  now(): number {
    return Date.now()
  }

  nowOrNull(): null {
    return null
  }

  monotonic(): number {
    return performance.now()
  }

  timer(delay: number, callback: () => void, options?: { ref?: boolean }): ClockTimer {
    if (delay > MAX_TIMER_DELAY) {
      return this.#inParts(delay, callback, options)
    }
    const handle = setTimeout(callback, Math.max(0, delay))
    if (options?.ref === false) {
      handle.unref()
    }
    return { cancel: () => clearTimeout(handle) }
  }

  /** One timer after the other: a timeout of 30 days must not be over after 24. */
  #inParts(delay: number, callback: () => void, options?: { ref?: boolean }): ClockTimer {
    const rest = () => (part = this.timer(delay - MAX_TIMER_DELAY, callback, options))
    let part = this.timer(MAX_TIMER_DELAY, rest, options)
    return { cancel: () => part.cancel() }
  }
}

/**
 * Resolves after `delay` ms of the given clock, or at once when the signal
 * aborts. It never rejects: callers look at the signal themselves.
 */
export function sleep(clock: Clock, delay: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) {
    return Promise.resolve()
  }
  return new Promise((resolve) => {
    const finish = () => {
      timer.cancel()
      signal?.removeEventListener('abort', finish)
      resolve()
    }
    const timer = clock.timer(delay, finish)
    signal?.addEventListener('abort', finish, { once: true })
  })
}
