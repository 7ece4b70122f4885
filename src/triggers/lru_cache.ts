/**
 * A map that keeps the entries used last, at most `limit` of them.
 */
export class LruCache<Value> {
  readonly #limit: number
  readonly #entries = new Map<string, Value>()

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#entries.size
  }

  /** The kept value, or a new one; a `make` that throws leaves nothing behind. */
  get(key: string, make: () => Value): Value {
    const known = this.#entries.get(key)
    const value = known ?? make()
    // A map keeps the order of insertion: the first entry is the one longest unused
    this.#entries.delete(key)
    this.#entries.set(key, value)
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#limit) {
        break
      }
      this.#entries.delete(oldest)
    }
    return value
  }
}
