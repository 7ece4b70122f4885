/** A handler that takes longer is slow: nothing is claimed ahead of it. */
const SLOW = 1_000
/** What is claimed ahead should wait no longer than about this, ms. */
const TARGET_WAIT = 250
/** Weight of the newest duration in the mean. */
const WEIGHT = 0.1

/**
 * How many executions to claim ahead of a free slot. Nothing at first; more
 * and more while handlers are quick; nothing again as soon as one is slow.
 */
export class Prefetch {
  readonly #slots: number
  readonly #max: number
  readonly #wait: number
  #mean = 0
  #allowance = 0

  /** @param params.wait how long what is claimed ahead should wait at most, ms */
  constructor(params: { slots: number; max: number; wait?: number }) {
    this.#slots = params.slots
    this.#max = params.max
    this.#wait = params.wait ?? TARGET_WAIT
  }

  get allowance(): number {
    return this.#allowance
  }

  /** A handler ended after `duration` ms. */
  ended(duration: number): void {
    if (duration > SLOW) {
      this.slow()
      return
    }
    this.#mean += (duration - this.#mean) * WEIGHT
    // So many are worked off by all slots together within the target
    const fitting = Math.floor((this.#slots * this.#wait) / Math.max(1, this.#mean))
    const wanted = Math.min(this.#max, this.#mean > this.#wait ? 0 : fitting)
    // One more for each quick end: it doubles with each round of that many
    this.#allowance = Math.min(wanted, this.#allowance + 1)
  }

  /** Slots are held by slow handlers. */
  slow(): void {
    this.#allowance = 0
    this.#mean = SLOW
  }
}
