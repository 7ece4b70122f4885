import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import type { Storage } from '../storage/contract.ts'
import type { EventRecord } from '../types/events.ts'
import type { Logger } from '../types/logger.ts'

interface Deps {
  storage: Storage
  clock: Clock
  logger: Logger
  counters: Counters
  nodeId: string
}

/**
 * Reports events that cannot be fired: each once per version of the event,
 * however often the loop comes by. The event stays active and due, so that
 * nothing of it is lost once it is corrected.
 */
export class EventProblems {
  readonly #deps: Deps
  readonly #reported = new Map<string, number>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  async report(event: EventRecord, error: unknown): Promise<void> {
    const { storage, clock, logger, counters, nodeId } = this.#deps
    counters.increment('events.problems')
    if (this.#reported.get(event.id) === event.version) {
      return
    }
    logger.error({ err: error, eventId: event.id }, `Event "${event.name}" cannot be fired`)
    const after = { key: event.sourceKey, eventId: event.id, message: String(error) }
    const entry = { kind: 'source.problem' as const, actor: nodeId, subject: event.id, after }
    await storage.journal.append({ now: clock.nowOrNull(), entries: [entry] })
    this.#reported.set(event.id, event.version)
  }

  /** The event fired: its next problem is news again. */
  solved(eventId: string): void {
    this.#reported.delete(eventId)
  }
}
