/** First wait after a failure, ms; doubled with each further one up to the longest. */
const FIRST = 250
const LONGEST = 15_000

/** Waits that grow while a database stays away. */
export class Backoff {
  #failures = 0

  /** Wait after one more failure, ms. */
  failed(): number {
    const wait = Math.min(LONGEST, FIRST * 2 ** Math.min(this.#failures, 16))
    this.#failures++
    return wait
  }

  succeeded(): void {
    this.#failures = 0
  }
}
