/**
 * Something that is opened once, at its first use. An opening that fails is
 * tried again at the next one.
 */
export class Opening<T> {
  readonly #open: () => Promise<T>
  #promise: Promise<T> | null = null
  #opened: T | null = null

  constructor(open: () => Promise<T>) {
    this.#open = open
  }

  /** null until it was opened. */
  get opened(): T | null {
    return this.#opened
  }

  get(): Promise<T> {
    this.#promise ??= this.#open().then(
      (opened) => (this.#opened = opened),
      (error: unknown) => {
        this.#promise = null
        throw error
      }
    )
    return this.#promise
  }
}
