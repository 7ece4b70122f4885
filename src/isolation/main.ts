import { ProcessIsolator } from './process_isolator.ts'
import type { Clock } from '../clock.ts'
import type { HandlerContext, Isolation, Isolator } from '../types/handlers.ts'
import type { Logger } from '../types/logger.ts'
import type { ThreadIsolator } from './thread_isolator.ts'

interface Deps {
  clock: Clock
  logger: Logger
  /** URL of the app's root. */
  root: string
}

/** Runs isolated handlers where their options say. What threads need is loaded with the first. */
export class HandlerIsolator implements Isolator {
  readonly #deps: Deps
  readonly #processes: ProcessIsolator
  #threads: Promise<ThreadIsolator> | null = null

  constructor(deps: Deps) {
    this.#deps = deps
    this.#processes = new ProcessIsolator(deps)
  }

  async run(name: string, isolation: Isolation, context: HandlerContext): Promise<unknown> {
    if (isolation.in === 'process') {
      return this.#processes.run(name, isolation, context)
    }
    this.#threads ??= this.#loadThreads()
    const threads = await this.#threads
    return threads.run(name, isolation, context)
  }

  /** Ends the threads. Processes end with their attempts. */
  async close(): Promise<void> {
    const threads = await this.#threads
    this.#threads = null
    await threads?.close()
  }

  async #loadThreads(): Promise<ThreadIsolator> {
    const { ThreadIsolator: Threads } = await import('./thread_isolator.ts')
    return new Threads(this.#deps)
  }
}
