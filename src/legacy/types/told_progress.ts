import type { Clock } from '../../clock.ts'
import type { Progress } from '../../types/handlers.ts'
import type { JsonObject } from '../../types/json.ts'

interface Deps {
  clock: Clock
  /** Writes it down; what it throws is told to `failed`. */
  write: (progress: JsonObject) => Promise<unknown>
  failed: (error: unknown) => void
}

/** Between two writes, ms: those who poll the request do not look more often. */
const INTERVAL = 1_000

/** Progress that a request is told: the newest, one write at a time, never too often. */
export class ToldProgress {
  readonly #deps: Deps
  #newest: JsonObject | null = null
  #writing: Promise<void> | null = null
  #writtenAt = -Infinity

  constructor(deps: Deps) {
    this.#deps = deps
  }

  tell(progress: Progress | number): void {
    const given = typeof progress === 'number' ? { percent: progress } : progress
    const entries = Object.entries(given).filter(([, value]) => value !== undefined)
    this.#newest = Object.fromEntries(entries) as JsonObject
    const isEarly = this.#deps.clock.monotonic() - this.#writtenAt < INTERVAL
    if (!this.#writing && !isEarly) {
      this.#writing = this.#write().finally(() => (this.#writing = null))
    }
  }

  /** Settles when nothing is being written any more; what is told after it is lost. */
  async end(): Promise<void> {
    this.#newest = null
    await this.#writing
  }

  async #write(): Promise<void> {
    const progress = this.#newest
    if (progress === null) {
      return
    }
    this.#newest = null
    this.#writtenAt = this.#deps.clock.monotonic()
    try {
      await this.#deps.write(progress)
    } catch (error) {
      this.#deps.failed(error)
    }
  }
}
