import { E_EVENT_CONFLICT, E_EVENT_NOT_FOUND, E_STORAGE_UNAVAILABLE } from '../errors.ts'
import { changeEntries, eventNotice } from './event_journal.ts'
import { planForeign } from './foreign_plan.ts'
import { definitionOf, type EventDefinition } from './event_fields.ts'
import { validateEvent } from './event_validator.ts'
import type { EventParts } from './source_sync.ts'
import type { ForeignRow } from '../storage/contract.ts'
import type { EventRecord } from '../types/events.ts'

/** Rows read at a time. */
const PAGE = 500
/** Who did it, as far as anybody knows. */
const ACTOR = 'plain SQL'

/**
 * Rows of events that were changed by plain SQL. Their hash tells: it is
 * written with each change of ours and does not fit after any other.
 */
export class ForeignRows {
  readonly #deps: EventParts

  constructor(deps: EventParts) {
    this.#deps = deps
  }

  /** Walks over all events, page by page. @returns how many rows were taken over */
  async check(): Promise<number> {
    const { events } = this.#deps.storage
    let count = 0
    let after: string | null = null
    do {
      const page: Awaited<ReturnType<typeof events.listForeign>> = await events.listForeign({
        after,
        limit: PAGE,
      })
      const known = page.rows.filter((row) => !this.#isNewAndSound(row))
      const fresh = page.rows.filter((row) => !known.includes(row))
      await events.adopt(fresh.map(({ event, found }) => ({ id: event.id, found })))
      for (const { event, found } of known) {
        await this.absorb(event, found)
      }
      count += known.length
      after = page.next
    } while (after !== null)
    return count
  }

  /**
   * Takes over what plain SQL did to one event. One that moved meanwhile is
   * left to the next look.
   */
  async absorb(event: EventRecord, found: string): Promise<void> {
    try {
      await this.#settle({ event, found })
    } catch (error) {
      if (!(error instanceof E_EVENT_CONFLICT) && !(error instanceof E_EVENT_NOT_FOUND)) {
        throw error
      }
    }
  }

  /** A row that was there before rows had hashes needs one, and nothing else. */
  #isNewAndSound({ event }: ForeignRow): boolean {
    const idle = event.status !== 'active' || event.nextRunAt !== null
    return event.rowHash === null && idle && this.#read(event).problem === null
  }

  #read(event: EventRecord): { definition: EventDefinition; problem: null } | { problem: string } {
    if (event.problem !== null && event.trigger === null) {
      return { problem: event.problem }
    }
    try {
      const { definition } = validateEvent(definitionOf(event), this.#deps.fields)
      return { definition, problem: null }
    } catch (error) {
      return { problem: (error as Error).message }
    }
  }

  async #settle(row: ForeignRow): Promise<void> {
    const read = this.#read(row.event)
    if (read.problem !== null) {
      return this.#refuse(row, read.problem)
    }
    const { changes, plan, storage, clock } = this.#deps
    const { event, found } = row
    const now = await changes.now()
    let change
    try {
      change = planForeign(await changes.withOpen(event, now), read.definition, now, plan)
      const after = await storage.events.update({
        now: clock.nowOrNull(),
        id: event.id,
        expectedVersion: event.version,
        expectedNextRunAt: event.nextRunAt,
        accept: found,
        patch: change.patch,
        executions: change.executions,
        missed: change.missed,
        journal: changeEntries('event.updated', ACTOR, event, change),
      })
      await changes.announce(event, after, { kind: 'event.updated', by: ACTOR, plan: change, now })
    } catch (error) {
      if (isOfTheMoment(error)) {
        throw error
      }
      await this.#refuse(row, (error as Error).message)
    }
  }

  /** Told of once: the row is known as it is now, and stays out of the ticks. */
  async #refuse({ event, found }: ForeignRow, problem: string): Promise<void> {
    const { storage, clock, logger, notifier, changes } = this.#deps
    const subject = event.id
    const after = await storage.events.update({
      now: clock.nowOrNull(),
      id: subject,
      expectedVersion: event.version,
      accept: found,
      patch: { problem },
      journal: [{ kind: 'event.problem', actor: ACTOR, subject, after: { problem } }],
    })
    logger.error({ eventId: subject }, `Event "${event.name}" is not fired: ${problem}`)
    const notice = eventNotice(after, ACTOR, await changes.now())
    notifier.emit('event:problem', { ...notice, problem })
  }
}

/** Nothing that the row is to blame for. */
function isOfTheMoment(error: unknown): boolean {
  return [E_EVENT_CONFLICT, E_EVENT_NOT_FOUND, E_STORAGE_UNAVAILABLE].some(
    (kind) => error instanceof kind
  )
}
