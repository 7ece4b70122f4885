import { E_EVENT_NO_SLOT, E_EVENT_NOT_FOUND } from '../errors.ts'
import { changeMany } from './event_bulk.ts'
import { EventBase } from './event_base.ts'
import { readSelector } from './event_filter.ts'
import { deletedEntry, eventNotice } from './event_journal.ts'
import { planChange, planCompletion, planSkip, statusOnly } from './event_plan.ts'
import { transition } from './event_status.ts'
import { definitionOf } from './event_fields.ts'
import type { Actor, BulkResult, EventRecord, EventSelector } from '../types/events.ts'
import type { Change } from './event_changes.ts'

/** What is done to events beside their definitions, to one or to many. */
export abstract class EventStates extends EventBase {
  /**
   * Stops firing until `resume`. Executions that are queued still run. A pause
   * by hand survives every sync of the event's source.
   *
   * @throws E_EVENT_NOT_FOUND
   * @throws E_EVENT_TRANSITION when the event is completed or cancelled
   */
  async pause(id: string, by?: Actor): Promise<EventRecord> {
    return this.#one(id, this.#pausing(by))
  }

  /**
   * Fires again, from now on. The slots of the pause become one missed range
   * with reason `paused`; with `onResume: 'misfire'` the misfire policy
   * decides about them instead. Beyond 1,000 slots the range's count is a
   * lower bound; its first and last slot are always exact.
   *
   * @throws E_EVENT_NOT_FOUND
   * @throws E_EVENT_TRANSITION when the event is completed or cancelled
   */
  async resume(id: string, by?: Actor): Promise<EventRecord> {
    return this.#one(id, this.#resuming(by))
  }

  /**
   * Ends the event for good. Executions that are queued still run.
   *
   * @throws E_EVENT_NOT_FOUND
   * @throws E_EVENT_TRANSITION when the event is completed
   */
  async cancel(id: string, by?: Actor): Promise<EventRecord> {
    return this.#one(id, this.#cancelling(by))
  }

  /**
   * Ends the event as done: nothing fires any more, until an update gives it
   * slots again. Slots that are due already are decided first.
   *
   * @throws E_EVENT_NOT_FOUND
   * @throws E_EVENT_TRANSITION when the event is cancelled
   */
  async complete(id: string, by?: Actor): Promise<EventRecord> {
    return this.#one(id, {
      kind: 'event.completed',
      by: this.actorOf(by),
      plan: (event, now) => {
        const status = transition(event, 'complete')
        return event.status === status ? null : planCompletion(event, now, this.planDeps)
      },
    })
  }

  /**
   * Lets the next slot pass: it becomes a missed slot with reason
   * `skipped by <actor>` at once, and the event goes on with the one after it.
   * Said again it skips one more. The slot stays skipped whatever is done to
   * the event until then.
   *
   * @throws E_EVENT_NOT_FOUND
   * @throws E_EVENT_TRANSITION when the event is not active
   * @throws E_EVENT_NO_SLOT when no slot is left
   */
  async skipNext(id: string, by?: Actor): Promise<EventRecord> {
    const actor = this.actorOf(by)
    return this.#one(id, {
      kind: 'event.skipped',
      by: actor,
      plan: (event, now) => {
        transition(event, 'skip')
        const plan = planSkip(event, `skipped by ${actor}`, now, this.planDeps)
        if (!plan) {
          throw new E_EVENT_NO_SLOT([id])
        }
        return plan
      },
    })
  }

  /**
   * Deletes the event; its executions stay, and those that are queued still run.
   *
   * @param options.detach deletes it also when others run after it: they no longer do
   * @returns the event as it was
   * @throws E_EVENT_NOT_FOUND
   * @throws E_EVENT_HAS_DEPENDENTS
   */
  async delete(
    id: string,
    by?: Actor,
    { detach = false }: { detach?: boolean } = {}
  ): Promise<EventRecord> {
    const { storage, clock, notifier } = this.deps
    const actor = this.actorOf(by)
    const event = await this.get(id)
    const journal = deletedEntry(actor, event)
    const deleted = await storage.events.delete({
      now: clock.nowOrNull(),
      id,
      detach,
      journal,
    })
    if (!deleted) {
      throw new E_EVENT_NOT_FOUND([id])
    }
    notifier.emit('event:deleted', eventNotice(deleted, actor, await this.changes.now()))
    return deleted
  }

  /**
   * Pauses every event with these tags, or of this source. Those that cannot
   * be paused are listed in `failed` and stand in nobody's way.
   *
   * @throws E_INVALID_INPUT when the selector is not valid, or would mean all events
   */
  async pauseMany(selector: EventSelector, by?: Actor): Promise<BulkResult> {
    return this.#many(selector, this.#pausing(by))
  }

  /** Resumes many; see `pauseMany`. @throws E_INVALID_INPUT */
  async resumeMany(selector: EventSelector, by?: Actor): Promise<BulkResult> {
    return this.#many(selector, this.#resuming(by))
  }

  /** Cancels many; see `pauseMany`. @throws E_INVALID_INPUT */
  async cancelMany(selector: EventSelector, by?: Actor): Promise<BulkResult> {
    return this.#many(selector, this.#cancelling(by))
  }

  /** Deletes many; see `pauseMany`. @throws E_INVALID_INPUT */
  async deleteMany(selector: EventSelector, by?: Actor): Promise<BulkResult> {
    const query = readSelector(selector)
    const actor = this.actorOf(by)
    const change = async ({ id }: EventRecord) => Boolean(await this.delete(id, actor))
    return changeMany({ events: this.deps.storage.events, query, change })
  }

  async #one(id: string, change: Change): Promise<EventRecord> {
    const { event } = await this.change(id, change)
    return event
  }

  async #many(selector: EventSelector, planned: Change): Promise<BulkResult> {
    const query = readSelector(selector)
    const change = async ({ id }: EventRecord) => {
      const { written } = await this.change(id, planned)
      return written
    }
    return changeMany({ events: this.deps.storage.events, query, change })
  }

  #pausing(by?: Actor): Change {
    return {
      kind: 'event.paused',
      by: this.actorOf(by),
      plan: (event, now) => {
        const status = transition(event, 'pause')
        const again = event.status === status && event.statusBy === 'user'
        const pausedAt = event.status === status ? event.pausedAt : now
        return again ? null : statusOnly({ status, statusBy: 'user', pausedAt })
      },
    }
  }

  #resuming(by?: Actor): Change {
    return {
      kind: 'event.resumed',
      by: this.actorOf(by),
      plan: (event, now) => {
        transition(event, 'resume')
        const definition = definitionOf(event)
        const request = { event, definition, status: 'active', statusBy: 'user', now } as const
        return event.status === 'active' ? null : planChange(request, this.planDeps)
      },
    }
  }

  #cancelling(by?: Actor): Change {
    return {
      kind: 'event.cancelled',
      by: this.actorOf(by),
      plan: (event, now) => {
        const status = transition(event, 'cancel')
        const ended = { cancelledAt: now, pausedAt: null, nextRunAt: null }
        return event.status === status ? null : statusOnly({ status, statusBy: 'user', ...ended })
      },
    }
  }
}
