interface Entry<Value> {
  value: Value
  weight: number
}

/**
 * A map that keeps the entries used last: as many as weigh no more than
 * `limit` together. An entry weighs 1 where nothing else is said.
 */
export class LruCache<Value> {
  readonly #limit: number
  readonly #entries = new Map<string, Entry<Value>>()
  #weight = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#entries.size
  }

  /**
   * The kept value, or a new one; a `make` that throws leaves nothing behind,
   * and what is heavier than all that may be kept sends nothing away.
   */
  get(key: string, make: () => Value, weight = 1): Value {
    if (weight > this.#limit) {
      return make()
    }
    const known = this.#entries.get(key)
    const entry = known ?? { value: make(), weight }
    // A map keeps the order of insertion: the first entry is the one longest unused
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    if (!known) {
      this.#weight += weight
      this.#trim()
    }
    return entry.value
  }

  #trim(): void {
    for (const [oldest, { weight }] of this.#entries) {
      if (this.#weight <= this.#limit) {
        break
      }
      this.#entries.delete(oldest)
      this.#weight -= weight
    }
  }
}
