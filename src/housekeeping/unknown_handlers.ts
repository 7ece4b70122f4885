import type { Counters } from '../counters.ts'
import type { Storage } from '../storage/contract.ts'
import type { Logger } from '../types/logger.ts'

interface Deps {
  storage: Storage
  logger: Logger
  counters: Counters
  registry: { has(name: string): boolean }
}

/**
 * Reports queued executions that no handler of this process can run. They
 * stay: another node, or the next deployment, may know the handler.
 */
export class UnknownHandlers {
  readonly #deps: Deps
  readonly #warned = new Set<string>()
  #found: { handler: string; count: number }[] = []

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** What the last round found. */
  get found(): { handler: string; count: number }[] {
    return this.#found
  }

  async runOnce(): Promise<void> {
    const { storage, logger, counters, registry } = this.#deps
    const queued = await storage.executions.countQueuedByHandler()
    this.#found = queued.filter(({ handler }) => !registry.has(handler))
    for (const { handler, count } of this.#found) {
      if (!this.#warned.has(handler)) {
        this.#warned.add(handler)
        counters.increment('handlers.unknown')
        logger.warn(
          { handler, count },
          `Executions wait for handler "${handler}", which is not registered here`
        )
      }
    }
  }
}
