import { E_EVENT_NOT_FOUND } from '../errors.ts'
import { newId } from '../ids.ts'
import { defaultsOf, type KnownHandlers } from '../loop/slot_execution.ts'
import { EventChanges, type Change } from './event_changes.ts'
import { createdEntry, deletedEntry, eventNotice } from './event_journal.ts'
import {
  planChange,
  planNewEvent,
  refuseEnded,
  sameTrigger,
  statusOnly,
  type PlanDeps,
} from './event_plan.ts'
import { runNow } from './event_run.ts'
import { transition } from './event_status.ts'
import { definitionOf, type FieldContext } from './event_fields.ts'
import { validateActor, validateChange, validateEvent } from './event_validator.ts'
import { SourceSync, type SourceResult } from './source_sync.ts'
import type { Clock } from '../clock.ts'
import type { Storage } from '../storage/contract.ts'
import type { TriggerManager } from '../triggers/trigger_manager.ts'
import type { CoreConfig } from '../types/config.ts'
import type {
  Actor,
  EventChange,
  EventFilter,
  EventInput,
  EventRecord,
  SourceInput,
  SourceProblem,
} from '../types/events.ts'
import type { ExecutionRecord } from '../types/executions.ts'
import type { HandlerReference } from '../types/handlers.ts'
import type { JsonValue } from '../types/json.ts'
import type { Logger } from '../types/logger.ts'
import type { Notifier } from '../types/notifications.ts'

export interface EventManagerDeps {
  storage: Storage
  triggers: TriggerManager
  notifier: Notifier
  clock: Clock
  logger: Logger
  config: Pick<CoreConfig, 'maxPayload'>
  /** The registry; its queues and priorities serve events that name none. */
  handlers: KnownHandlers & { nameOf(reference: HandlerReference): string }
  /** Called when the loop and the job manager have something new to look at. */
  wake: () => void
}

const DEFAULT_ACTOR = 'system'
const API_SOURCE = 'api'

/**
 * The events: what runs and when. Every change is one transition of the store,
 * with its row in the journal, and takes effect at the next tick of any node.
 */
export class EventManager {
  readonly #deps: EventManagerDeps
  readonly #changes: EventChanges
  readonly #sync: SourceSync
  readonly #plan: PlanDeps

  constructor(deps: EventManagerDeps) {
    this.#deps = deps
    this.#changes = new EventChanges(deps)
    this.#plan = { triggers: deps.triggers, newId, defaults: defaultsOf(deps.handlers) }
    this.#sync = new SourceSync({
      ...deps,
      changes: this.#changes,
      plan: this.#plan,
      fields: this.#fields(false),
    })
  }

  /**
   * @throws E_INVALID_INPUT with every problem of the input
   * @throws E_EVENT_EXISTS when the name is taken
   */
  async create<H extends HandlerReference>(input: EventInput<H>, by?: Actor): Promise<EventRecord> {
    const { storage, clock, notifier, wake } = this.#deps
    const actor = actorOf(by)
    const { definition, enabled } = validateEvent(input, this.#fields(true))
    const now = await this.#changes.now()
    refuseEnded(`Event "${definition.name}"`, definition.trigger, now, this.#plan)
    const id = newId()
    const event = planNewEvent(
      definition,
      { id, source: API_SOURCE, sourceKey: id, sourceHash: null, statusBy: 'user', enabled, now },
      this.#plan
    )
    const journal = createdEntry(actor, event)
    const record = await storage.events.insert({ now: clock.nowOrNull(), event, journal })
    notifier.emit('event:created', eventNotice(record, actor, now))
    wake()
    return record
  }

  /**
   * Changes any part of the definition. The next slot is computed anew, from
   * now; slots that were due already go through the misfire policy that they
   * were due under.
   *
   * @param options.expectedVersion refuses the change when the event has another version
   * @throws E_EVENT_NOT_FOUND, E_INVALID_INPUT, E_EVENT_CONFLICT, E_EVENT_EXISTS
   * @throws E_EVENT_TRANSITION when the event is cancelled
   */
  async update(
    id: string,
    change: EventChange,
    options: { by?: Actor; expectedVersion?: number } = {}
  ): Promise<EventRecord> {
    const { name } = await this.get(id)
    const subject = `Event "${name}"`
    const fields = validateChange(change, this.#fields(true), subject)
    return this.#change(id, {
      kind: 'event.updated',
      by: actorOf(options.by),
      expectedVersion: options.expectedVersion,
      plan: (event, now) => {
        const status = transition(event, 'update') === 'paused' ? 'paused' : 'active'
        const definition = { ...definitionOf(event), ...fields }
        if (!sameTrigger(definition.trigger, event.trigger)) {
          refuseEnded(subject, definition.trigger, now, this.#plan)
        }
        return planChange({ event, definition, status, statusBy: event.statusBy, now }, this.#plan)
      },
    })
  }

  /** @throws E_EVENT_NOT_FOUND */
  async get(id: string): Promise<EventRecord> {
    return this.#changes.get(id)
  }

  async find(id: string): Promise<EventRecord | null> {
    return this.#deps.storage.events.find(id)
  }

  async findByName(name: string, source: string = API_SOURCE): Promise<EventRecord | null> {
    return this.#deps.storage.events.findBy({ source, name })
  }

  /** Ordered by name. */
  async list(filter: EventFilter = {}): Promise<EventRecord[]> {
    return this.#deps.storage.events.list(filter)
  }

  /**
   * Deletes the event; its executions stay, and those that are queued still run.
   *
   * @returns the event as it was
   * @throws E_EVENT_NOT_FOUND
   */
  async delete(id: string, by?: Actor): Promise<EventRecord> {
    const { storage, clock, notifier } = this.#deps
    const actor = actorOf(by)
    const event = await this.get(id)
    const journal = deletedEntry(actor, event)
    const deleted = await storage.events.delete({ now: clock.nowOrNull(), id, journal })
    if (!deleted) {
      throw new E_EVENT_NOT_FOUND([id])
    }
    notifier.emit('event:deleted', eventNotice(deleted, actor, await this.#changes.now()))
    return deleted
  }

  /**
   * Stops firing until `resume`. Executions that are queued still run. A pause
   * by hand survives every sync of the event's source.
   *
   * @throws E_EVENT_NOT_FOUND
   * @throws E_EVENT_TRANSITION when the event is completed or cancelled
   */
  async pause(id: string, by?: Actor): Promise<EventRecord> {
    return this.#change(id, {
      kind: 'event.paused',
      by: actorOf(by),
      plan: (event, now) => {
        const status = transition(event, 'pause')
        const again = event.status === status && event.statusBy === 'user'
        const pausedAt = event.status === status ? event.pausedAt : now
        return again ? null : statusOnly({ status, statusBy: 'user', pausedAt })
      },
    })
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
    return this.#change(id, {
      kind: 'event.resumed',
      by: actorOf(by),
      plan: (event, now) => {
        transition(event, 'resume')
        const definition = definitionOf(event)
        const request = { event, definition, status: 'active', statusBy: 'user', now } as const
        return event.status === 'active' ? null : planChange(request, this.#plan)
      },
    })
  }

  /**
   * Ends the event for good. Executions that are queued still run.
   *
   * @throws E_EVENT_NOT_FOUND
   * @throws E_EVENT_TRANSITION when the event is completed
   */
  async cancel(id: string, by?: Actor): Promise<EventRecord> {
    return this.#change(id, {
      kind: 'event.cancelled',
      by: actorOf(by),
      plan: (event, now) => {
        const status = transition(event, 'cancel')
        const ended = { cancelledAt: now, pausedAt: null, nextRunAt: null }
        return event.status === status ? null : statusOnly({ status, statusBy: 'user', ...ended })
      },
    })
  }

  /**
   * Runs the event once now, beside its slots.
   *
   * @param options.payload in place of the event's own
   * @returns the queued execution
   * @throws E_EVENT_NOT_FOUND, E_INVALID_INPUT
   * @throws E_EVENT_TRANSITION when the event is cancelled
   */
  async trigger(
    id: string,
    options: { payload?: JsonValue; by?: Actor } = {}
  ): Promise<ExecutionRecord> {
    const event = await this.get(id)
    const fields = { payload: options.payload }
    const change = validateChange(fields, this.#fields(false), `The run of event "${event.name}"`)
    const payload = 'payload' in change ? change.payload! : event.payload
    const queued = await runNow(event, payload, actorOf(options.by), {
      ...this.#deps,
      defaults: this.#plan.defaults,
    })
    this.#deps.wake()
    return queued
  }

  /**
   * Brings the events of one source in step with its definitions. Each
   * definition is judged alone: one that is not valid is reported, and its
   * event stays as it was.
   *
   * @param options.missing what happens to an event whose definition is gone
   * @param options.problems definitions that the source itself could not read: their events stay too
   */
  async syncSource(
    source: string,
    definitions: SourceInput[],
    options: { missing: 'delete' | 'pause'; problems?: SourceProblem[]; by?: Actor }
  ): Promise<SourceResult> {
    const result = await this.#sync.run(source, definitions, {
      missing: options.missing,
      problems: options.problems ?? [],
      by: actorOf(options.by),
    })
    if (result.added.length + result.changed.length > 0) {
      this.#deps.wake()
    }
    return result
  }

  async #change(id: string, change: Change): Promise<EventRecord> {
    const { event, written } = await this.#changes.apply(id, change)
    if (written) {
      this.#deps.wake()
    }
    return event
  }

  #fields(knownHandlersOnly: boolean): FieldContext {
    const { triggers, handlers, config } = this.#deps
    return { triggers, handlers, maxPayload: config.maxPayload, knownHandlersOnly }
  }
}

function actorOf(by?: Actor): Actor {
  return by === undefined ? DEFAULT_ACTOR : validateActor(by)
}
