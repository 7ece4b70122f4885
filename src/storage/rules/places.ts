import { hashKey } from '../../keys.ts'

/** A place of a concurrency key that is taken; the key itself, or the hash that stands for it. */
export interface HeldPlace {
  key: string
  runningKey: string
}

/**
 * What holds a place of a key. The store keeps it unique, so that no two
 * executions ever have the same one. The first place is the key itself: it is
 * the only one that handlers without a limit per key know of.
 */
export function placeKey(key: string, place: number): string {
  return place === 1 ? key : hashKey(`${key}#${place}`)
}

/**
 * How many places the key of an execution has for it; null: the first or
 * none. Executions of an event keep to the first, which their overlap rests on.
 */
export function placesOf(
  { handler, eventId }: { handler: string; eventId: string | null },
  keyed: Map<string, number>
): number | null {
  return eventId === null ? (keyed.get(handler) ?? null) : null
}

/** The places of keys: those that are held, and those given out on top. */
export class KeyPlaces {
  readonly #held = new Set<string>()
  readonly #counts = new Map<string, number>()

  constructor(held: readonly HeldPlace[]) {
    held.forEach((place) => this.#hold(place))
  }

  /** How many more of a key with so many places may begin. */
  room(key: string, places: number): number {
    return Math.max(0, places - (this.#counts.get(key) ?? 0))
  }

  isFirstFree(key: string): boolean {
    return !this.#held.has(key)
  }

  /**
   * Takes the first free place. Those beyond a number that was lowered count
   * until their executions have ended.
   *
   * @returns what holds it; null when there is none
   */
  take(key: string, places: number | null): string | null {
    if (places === null) {
      return this.isFirstFree(key) ? this.#hold({ key, runningKey: key }) : null
    }
    if (this.room(key, places) === 0) {
      return null
    }
    for (let place = 1; ; place++) {
      const runningKey = placeKey(key, place)
      if (!this.#held.has(runningKey)) {
        return this.#hold({ key, runningKey })
      }
    }
  }

  #hold({ key, runningKey }: HeldPlace): string {
    this.#held.add(runningKey)
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
    return runningKey
  }
}
