import type { Logger } from '../types/logger.ts'

/** Something that runs between start and stop. */
export interface Part {
  name: string
  start?(): Promise<unknown> | unknown
  /** @param options.deadline ms that running work gets to end */
  stop?(options: { deadline: number }): Promise<unknown> | unknown
}

/**
 * Starts parts in order and stops them in reverse. Both may be called at any
 * time and any number of times: calls wait for their turn, and one that finds
 * nothing to do does nothing.
 */
export class Lifecycle {
  readonly #parts: Part[]
  readonly #logger: Logger
  #started: Part[] = []
  #running = false
  #phase: 'idle' | 'starting' | 'stopping' = 'idle'
  #last: Promise<unknown> = Promise.resolve()
  #starting: Promise<void> | null = null
  #stopping: Promise<void> | null = null

  constructor(parts: Part[], deps: { logger: Logger }) {
    this.#parts = parts
    this.#logger = deps.logger
  }

  get state(): 'stopped' | 'starting' | 'running' | 'stopping' {
    if (this.#phase !== 'idle') {
      return this.#phase
    }
    return this.#running ? 'running' : 'stopped'
  }

  /** A start that fails stops what it had started and throws the failure. */
  start(): Promise<void> {
    this.#starting ??= this.inTurn(() => this.#begin()).finally(() => (this.#starting = null))
    return this.#starting
  }

  /** Stops everything, whatever fails on the way, and then throws the first failure. */
  stop(options: { deadline: number }): Promise<void> {
    this.#stopping ??= this.inTurn(() => this.#end(options)).finally(() => (this.#stopping = null))
    return this.#stopping
  }

  /** Runs work while nothing starts or stops. */
  inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(work)
    // The next turn comes whatever became of this one; its caller gets the failure
    this.#last = turn.then(
      () => undefined,
      () => undefined
    )
    return turn
  }

  async #begin(): Promise<void> {
    if (this.#running) {
      return
    }
    this.#phase = 'starting'
    try {
      for (const part of this.#parts) {
        await part.start?.()
        this.#started.push(part)
      }
      this.#running = true
    } catch (error) {
      await this.#stopStarted({ deadline: 0 })
      throw error
    } finally {
      this.#phase = 'idle'
    }
  }

  async #end(options: { deadline: number }): Promise<void> {
    if (!this.#running) {
      return
    }
    this.#phase = 'stopping'
    const failures = await this.#stopStarted(options)
    this.#running = false
    this.#phase = 'idle'
    if (failures.length > 0) {
      throw failures[0]
    }
  }

  async #stopStarted(options: { deadline: number }): Promise<unknown[]> {
    const failures: unknown[] = []
    for (const part of this.#started.splice(0).reverse()) {
      try {
        await part.stop?.(options)
      } catch (error) {
        failures.push(error)
        this.#logger.error({ err: error, part: part.name }, `${part.name} did not stop cleanly`)
      }
    }
    return failures
  }
}
