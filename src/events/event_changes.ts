import { E_EVENT_CONFLICT, E_EVENT_NOT_FOUND } from '../errors.ts'
import { announceSlots } from '../loop/slot_notices.ts'
import {
  changeEntries,
  completes,
  eventNotice,
  noticeName,
  type EventKind,
} from './event_journal.ts'
import type { Clock } from '../clock.ts'
import type { ChildPlanner } from './child_planner.ts'
import type { ChangePlan } from './event_plan.ts'
import type { PlannedEvent } from '../loop/plan_slots.ts'
import type { Storage } from '../storage/contract.ts'
import type { Actor, EventRecord } from '../types/events.ts'
import type { ExecutionRecord } from '../types/executions.ts'
import type { Logger } from '../types/logger.ts'
import type { Notifier } from '../types/notifications.ts'

interface Deps {
  storage: Storage
  notifier: Notifier
  clock: Clock
  logger: Logger
  /** Finds what runs after the slots that a change decides. */
  children: Pick<ChildPlanner, 'attach'>
}

export interface Change {
  kind: Exclude<EventKind, 'event.created' | 'event.deleted' | 'event.triggered' | 'event.problem'>
  by: Actor
  expectedVersion?: number
  /** Hash of the row whose change by other hands this one takes over. */
  accept?: string
  /** Plans from what is found; null when there is nothing to change. */
  plan: (event: PlannedEvent, now: number) => ChangePlan | null
}

/** A tick moves a due event between our reading and our writing; more often than this it is another fault. */
const ATTEMPTS = 5

/**
 * Changes stored events: reads, plans and writes, and does so again when a
 * tick or another edit came between.
 */
export class EventChanges {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /**
   * @returns the event as it is now, and whether it was written
   * @throws E_EVENT_NOT_FOUND
   * @throws E_EVENT_CONFLICT when it no longer has the expected version
   */
  async apply(id: string, change: Change): Promise<{ event: EventRecord; written: boolean }> {
    return this.retrying(() => this.#once(id, change))
  }

  /** Runs work that reads and then writes, anew while others come between. */
  async retrying<Result>(work: () => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof Moved) || attempt === ATTEMPTS) {
          throw error instanceof Moved ? error.cause : error
        }
      }
    }
  }

  /** The database's clock, epoch ms. */
  async now(): Promise<number> {
    return this.#deps.clock.nowOrNull() ?? this.#deps.storage.now()
  }

  /** @throws E_EVENT_NOT_FOUND */
  async get(id: string): Promise<EventRecord> {
    const event = await this.#deps.storage.events.find(id)
    if (!event) {
      throw new E_EVENT_NOT_FOUND([id])
    }
    return event
  }

  /** The event with what is open of it, as far as its due slots need to know. */
  async withOpen(event: EventRecord, now: number): Promise<PlannedEvent> {
    const matters = event.overlap !== 'allow' && event.nextRunAt !== null && event.nextRunAt <= now
    const count = async (state: 'queued' | 'running') => {
      // What a backfill has queued takes no slot's place
      const others = state === 'queued' ? ({ exceptOrigin: 'backfill' } as const) : {}
      const filter = { eventId: event.id, states: [state], limit: 1, ...others }
      const found = matters ? await this.#deps.storage.executions.list(filter) : []
      return found.length
    }
    return { ...event, openQueued: await count('queued'), openRunning: await count('running') }
  }

  /** Announces a change that was written, with the slots it decided. */
  async announce(
    before: EventRecord,
    after: EventRecord,
    options: { kind: Change['kind']; by: Actor; plan: ChangePlan; now: number }
  ): Promise<void> {
    const { kind, by, plan, now } = options
    const { notifier, logger } = this.#deps
    if (plan.problem !== undefined) {
      const message = `The due slots of event "${before.name}" could not be decided as its definition says`
      logger.warn({ err: plan.problem, eventId: before.id }, message)
    }
    notifier.emit(noticeName(kind), eventNotice(after, by, now))
    const fired = await this.#stored(plan.executions)
    const missed = await this.#stored(plan.missed)
    const opened = new Set(missed.map((execution) => execution.id))
    announceSlots(notifier, { name: after.name, fired, missed, opened, now })
    if (completes(before, plan) && kind !== 'event.completed') {
      notifier.emit('event:completed', eventNotice(after, by, now))
    }
  }

  async #once(id: string, change: Change): Promise<{ event: EventRecord; written: boolean }> {
    const { storage, clock, children } = this.#deps
    const found = await this.get(id)
    if (change.expectedVersion !== undefined && change.expectedVersion !== found.version) {
      const versions = [String(change.expectedVersion), String(found.version)] as const
      throw new E_EVENT_CONFLICT([id, ...versions])
    }
    const now = await this.now()
    const event = await this.withOpen(found, now)
    const plan = change.plan(event, now)
    if (!plan) {
      return { event: found, written: false }
    }
    const update = storage.events.update({
      now: clock.nowOrNull(),
      id,
      expectedVersion: found.version,
      expectedNextRunAt: found.nextRunAt,
      ...(change.accept === undefined ? {} : { accept: change.accept }),
      patch: plan.patch,
      executions: await children.attach(plan.executions),
      missed: plan.missed,
      journal: changeEntries(change.kind, change.by, found, plan),
    })
    const after = await update.catch(rethrowMoved)
    await this.announce(found, after, { ...change, plan, now })
    return { event: after, written: true }
  }

  async #stored(rows: { id: string }[]): Promise<ExecutionRecord[]> {
    const found: ExecutionRecord[] = []
    for (const { id } of rows) {
      const execution = await this.#deps.storage.executions.find(id)
      if (execution) {
        found.push(execution)
      }
    }
    return found
  }
}

/** The event moved between reading and writing: plan again. */
class Moved extends Error {}

/** Marks a conflict of the write itself, so that the caller's own expectation is not retried. */
export function rethrowMoved(error: unknown): never {
  if (error instanceof E_EVENT_CONFLICT) {
    throw new Moved('The event moved between reading and writing', { cause: error })
  }
  throw error
}
