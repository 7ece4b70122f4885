import type { Clock } from '../clock.ts'
import type { Prefetch } from './prefetch.ts'

interface Waiter {
  grant: (seats: number) => void
}

/**
 * The seats of this node: one per slot, and as many more as may be claimed
 * ahead. A seat is taken from the moment work is looked for until its end is
 * stored; as many as may be claimed ahead are given again while an end is still
 * being stored, so that the next claim runs beside it. Whoever finds none free
 * waits in line: each source gets its turn.
 */
export class SeatPool {
  readonly #slots: number
  readonly #prefetch: Prefetch
  readonly #clock: Clock
  readonly #waiters: Waiter[] = []
  #taken = 0
  /** Of the taken ones, those whose handler has ended. */
  #storing = 0

  constructor(deps: { slots: number; prefetch: Prefetch; clock: Clock }) {
    this.#slots = deps.slots
    this.#prefetch = deps.prefetch
    this.#clock = deps.clock
  }

  get free(): number {
    return Math.max(0, this.#slots + this.#prefetch.allowance - this.busy)
  }

  get taken(): number {
    return this.#taken
  }

  /** Takes what can be had now, without waiting. */
  tryReserve(): number {
    return this.#waiters.length === 0 ? this.#take(this.#grantable()) : 0
  }

  /**
   * Takes seats, at least one, as soon as there are some.
   *
   * @returns 0 when `timeout` ms went by or the signal aborted before
   */
  reserve(params: { timeout: number; signal: AbortSignal }): Promise<number> {
    const now = this.tryReserve()
    if (now > 0 || params.signal.aborted) {
      return Promise.resolve(now)
    }
    return new Promise((resolve) => {
      const finish = (seats: number) => {
        timer.cancel()
        params.signal.removeEventListener('abort', leave)
        const place = this.#waiters.indexOf(waiter)
        if (place !== -1) {
          this.#waiters.splice(place, 1)
        }
        resolve(seats)
      }
      const leave = () => finish(0)
      const waiter: Waiter = { grant: finish }
      const timer = this.#clock.timer(params.timeout, leave)
      params.signal.addEventListener('abort', leave, { once: true })
      this.#waiters.push(waiter)
    })
  }

  /** Takes seats that may not be there: for work that is claimed already. */
  force(seats: number): void {
    this.#taken += seats
  }

  release(seats: number): void {
    this.#taken -= seats
    this.#grant()
  }

  /** A handler has ended, and how it ended is being stored: `stored` releases its seat. */
  ended(): void {
    this.#storing++
    this.#grant()
  }

  stored(): void {
    this.#storing--
    this.release(1)
  }

  /** What stands in the way of further claims. */
  get busy(): number {
    return this.#taken - Math.min(this.#storing, this.#prefetch.allowance)
  }

  #grant(): void {
    while (this.#waiters.length > 0) {
      const seats = this.#take(Math.ceil(this.#grantable() / this.#waiters.length))
      if (seats === 0) {
        return
      }
      this.#waiters[0].grant(seats)
    }
  }

  #take(seats: number): number {
    this.#taken += seats
    return seats
  }

  /**
   * A seat whose slot nobody waits for is given at once. Ahead of the slots,
   * half of the allowance must be free: one claim for many, not one for each.
   */
  #grantable(): number {
    const ahead = Math.ceil(this.#prefetch.allowance / 2)
    return this.busy < this.#slots || this.free >= Math.max(1, ahead) ? this.free : 0
  }
}
