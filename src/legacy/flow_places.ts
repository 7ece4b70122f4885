import type { LegacyPool } from './tables/client.ts'

/** Connections of a pool that flows leave to all else: controls, write-backs, recovery, sync. */
const LEFT = 2

/**
 * Places for flows that hold a connection for as long as they run. One that
 * finds none waits here rather than in the pool, where everybody would wait
 * behind it: even the request to stop it.
 */
export class FlowPlaces {
  #free: number
  readonly #waiting = new Set<() => void>()

  constructor({ max }: LegacyPool) {
    this.#free = Math.max(1, max - LEFT)
  }

  /**
   * Runs `work` in a place of its own.
   *
   * @throws the signal's reason when it aborts before there is one
   */
  async in<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#take(signal)
    try {
      return await work()
    } finally {
      this.#leave()
    }
  }

  async #take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#free > 0) {
      this.#free--
      return
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onAbort = () => {
      this.#waiting.delete(resolve)
      reject(signal.reason as Error)
    }
    this.#waiting.add(resolve)
    signal.addEventListener('abort', onAbort, { once: true })
    await promise.finally(() => signal.removeEventListener('abort', onAbort))
  }

  /** The place goes to whoever has waited longest. */
  #leave(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#free++
      return
    }
    this.#waiting.delete(next)
    next()
  }
}

const places = new WeakMap<LegacyPool, FlowPlaces>()

/** Sources on one connection share its pool, and so its places. */
export function placesOf(pool: LegacyPool): FlowPlaces {
  let found = places.get(pool)
  if (!found) {
    found = new FlowPlaces(pool)
    places.set(pool, found)
  }
  return found
}
