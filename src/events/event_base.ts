import { newId } from '../ids.ts'
import { defaultsOf, type KnownHandlers } from '../loop/slot_execution.ts'
import { ChildPlanner } from './child_planner.ts'
import { EventChanges, type Change } from './event_changes.ts'
import { positionAfter, readFilter } from './event_filter.ts'
import { validateActor } from './event_validator.ts'
import type { Clock } from '../clock.ts'
import type { Storage } from '../storage/contract.ts'
import type { TriggerManager } from '../triggers/trigger_manager.ts'
import type { CoreConfig } from '../types/config.ts'
import type { Actor, EventFilter, EventPage, EventRecord } from '../types/events.ts'
import type { HandlerReference } from '../types/handlers.ts'
import type { Logger } from '../types/logger.ts'
import type { Notifier } from '../types/notifications.ts'
import type { FieldContext } from './event_fields.ts'
import type { PlanDeps } from './event_plan.ts'

export interface EventManagerDeps {
  storage: Storage
  triggers: TriggerManager
  notifier: Notifier
  clock: Clock
  logger: Logger
  config: Pick<CoreConfig, 'maxPayload' | 'maxMeta' | 'profiles'>
  /** The registry; its queues and priorities serve events that name none. */
  handlers: KnownHandlers & { nameOf(reference: HandlerReference): string }
  /** Called when the loop and the job manager have something new to look at. */
  wake: () => void
}

const DEFAULT_ACTOR = 'system'
export const API_SOURCE = 'api'
/** Events on a page, where the caller says nothing. */
const PAGE = 100

/** The reading half of the events, and what every change goes through. */
export abstract class EventBase {
  protected readonly deps: EventManagerDeps
  protected readonly changes: EventChanges
  /** Finds what runs after an execution of an event. */
  readonly children: ChildPlanner
  protected readonly planDeps: PlanDeps

  constructor(deps: EventManagerDeps) {
    const { triggers, handlers, config } = deps
    this.deps = deps
    this.planDeps = { triggers, newId, defaults: defaultsOf(handlers), profiles: config.profiles }
    this.children = new ChildPlanner({ ...deps, ...this.planDeps })
    this.changes = new EventChanges({ ...deps, children: this.children })
  }

  /** @throws E_EVENT_NOT_FOUND */
  async get(id: string): Promise<EventRecord> {
    return this.changes.get(id)
  }

  async find(id: string): Promise<EventRecord | null> {
    return this.deps.storage.events.find(id)
  }

  async findByName(name: string, source: string = API_SOURCE): Promise<EventRecord | null> {
    return this.deps.storage.events.findBy({ source, name })
  }

  /**
   * The events that a filter means, ordered by name unless it says otherwise.
   *
   * @throws E_INVALID_INPUT with every problem of the filter
   */
  async list(filter: EventFilter = {}): Promise<EventRecord[]> {
    return this.deps.storage.events.list(readFilter(filter))
  }

  /**
   * One page of the same list, 100 events unless `limit` says otherwise. The
   * next page goes on behind the last event of this one, by its place in the
   * order: events that come or go meanwhile shift nothing.
   *
   * @throws E_INVALID_INPUT with every problem of the filter
   */
  async page(filter: EventFilter = {}): Promise<EventPage> {
    const query = readFilter(filter)
    const limit = query.limit ?? PAGE
    const found = await this.deps.storage.events.list({ ...query, limit: limit + 1 })
    const events = found.slice(0, limit)
    return { events, next: found.length > limit ? positionAfter(events.at(-1)!, query) : null }
  }

  protected async change(
    id: string,
    change: Change
  ): Promise<{ event: EventRecord; written: boolean }> {
    const changed = await this.changes.apply(id, change)
    if (changed.written) {
      this.deps.wake()
    }
    return changed
  }

  protected fields(knownHandlersOnly: boolean): FieldContext {
    const { triggers, handlers, config } = this.deps
    const { maxPayload, maxMeta, profiles } = config
    return { triggers, handlers, maxPayload, maxMeta, profiles, knownHandlersOnly }
  }

  protected actorOf(by?: Actor): Actor {
    return by === undefined ? DEFAULT_ACTOR : validateActor(by)
  }
}
