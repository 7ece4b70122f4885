import type { Clock } from './clock.ts'

/**
 * A nudge for a loop that sleeps. Nudges given while nobody waits are kept as
 * one: the next wait returns at once.
 */
export class Wakeup {
  #pending = false
  #waiting = new Set<() => void>()

  notify(): void {
    if (this.#waiting.size === 0) {
      this.#pending = true
      return
    }
    for (const wake of [...this.#waiting]) {
      wake()
    }
  }

  /**
   * Resolves on a nudge, after `ms` of the clock, or when the signal aborts,
   * whichever is first. It never rejects.
   */
  wait(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
    if (this.#pending || signal?.aborted) {
      this.#pending = false
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      const finish = () => {
        timer.cancel()
        signal?.removeEventListener('abort', finish)
        this.#waiting.delete(finish)
        resolve()
      }
      const timer = clock.timer(ms, finish)
      signal?.addEventListener('abort', finish, { once: true })
      this.#waiting.add(finish)
    })
  }
}
