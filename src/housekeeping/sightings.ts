import type { Clock } from '../clock.ts'

interface Sighting {
  mark: string
  /** On the monotonic scale. */
  since: number
}

/**
 * How long something has been seen unchanged, by our own monotonic clock:
 * the second half of the rule by which others are declared dead. The database's
 * clock may step, and a process may have been frozen between two looks; only
 * what stood still for a full lease before our eyes is gone.
 */
export class Sightings {
  readonly #clock: Clock
  readonly #needed: number
  #seen = new Map<string, Sighting>()

  /** @param needed ms that something must have been seen unchanged */
  constructor(clock: Clock, needed: number) {
    this.#clock = clock
    this.#needed = needed
  }

  /**
   * Takes one look. What is not in it any more is forgotten; a changed mark
   * begins anew.
   *
   * @param began when the look was begun, on the monotonic scale
   * @returns those that stood still long enough
   */
  look<T>(items: T[], began: number, describe: (item: T) => { key: string; mark: string }): T[] {
    const before = this.#seen
    const now = this.#clock.monotonic()
    this.#seen = new Map()
    return items.filter((item) => {
      const { key, mark } = describe(item)
      const known = before.get(key)
      const since = known?.mark === mark ? known.since : now
      this.#seen.set(key, { mark, since })
      return began - since >= this.#needed
    })
  }
}
