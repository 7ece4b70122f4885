import { E_EVENT_EXISTS } from '../errors.ts'
import { newId } from '../ids.ts'
import { resolveAfter } from './after.ts'
import { EventDependencies } from './event_dependencies.ts'
import { API_SOURCE, type EventManagerDeps } from './event_base.ts'
import { copyOf } from './event_copy.ts'
import { createdEntry, eventNotice } from './event_journal.ts'
import { planChange, planNewEvent, refuseEnded, sameTrigger } from './event_plan.ts'
import { checkRunOptions, runNow, type RunOptions } from './event_run.ts'
import { transition } from './event_status.ts'
import { definitionOf, type EventDefinition } from './event_fields.ts'
import { validateChange, validateEvent, type ValidEvent } from './event_validator.ts'
import { ForeignRows } from './foreign_rows.ts'
import { SourceSync, type SourceResult } from './source_sync.ts'
import type {
  Actor,
  EventChange,
  EventInput,
  EventRecord,
  SourceInput,
  SourceProblem,
} from '../types/events.ts'
import type { ParentReference } from './after.ts'
import type { NewDependency } from '../storage/contract.ts'
import type { ExecutionRecord } from '../types/executions.ts'
import type { HandlerReference } from '../types/handlers.ts'

export type { EventManagerDeps } from './event_base.ts'

/** Between finding a name and writing it, another may come or go; more often is another fault. */
const ATTEMPTS = 5

/**
 * The events: what runs and when. Every change is one transition of the store,
 * with its row in the journal, and takes effect at the next tick of any node.
 */
export class EventManager extends EventDependencies {
  readonly #sync: SourceSync
  readonly #foreign: ForeignRows

  constructor(deps: EventManagerDeps) {
    super(deps)
    const { children } = this
    const parts = { ...deps, changes: this.changes, plan: this.planDeps, children }
    this.#sync = new SourceSync({ ...parts, fields: this.fields(false) })
    this.#foreign = new ForeignRows({ ...parts, fields: this.fields(false) })
  }

  /**
   * @throws E_INVALID_INPUT with every problem of the input
   * @throws E_EVENT_EXISTS when the name is taken
   */
  async create<H extends HandlerReference>(input: EventInput<H>, by?: Actor): Promise<EventRecord> {
    const actor = this.actorOf(by)
    return this.#insert(validateEvent(input, this.fields(true)), actor)
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
    const event = await this.get(id)
    const subject = `Event "${event.name}"`
    const fields = validateChange(change, this.fields(true), subject, event)
    if (event.problem !== null) {
      // What plain SQL left wrong must be put right by this change
      validateEvent({ ...definitionOf(event), ...fields }, this.fields(false))
    }
    return this.#redefine(event, fields, options)
  }

  /**
   * Creates the event, or gives the one of this name the whole definition:
   * what is left out goes back to its default. An event that is so already is
   * not written; its status stays what it is, so that `enabled` counts only
   * for a new one.
   *
   * @throws E_INVALID_INPUT, E_EVENT_TRANSITION when the event is cancelled
   */
  async upsert<H extends HandlerReference>(
    input: EventInput<H>,
    by?: Actor
  ): Promise<{ event: EventRecord; created: boolean }> {
    const actor = this.actorOf(by)
    const valid = validateEvent(input, this.fields(true))
    for (let attempt = 1; ; attempt++) {
      const found = await this.findByName(valid.definition.name)
      if (found) {
        return { event: await this.#bring(found, valid, actor), created: false }
      }
      try {
        return { event: await this.#insert(valid, actor), created: true }
      } catch (error) {
        if (!(error instanceof E_EVENT_EXISTS) || attempt === ATTEMPTS) {
          throw error
        }
      }
    }
  }

  /**
   * Copies an event of any source, with changes. The copy belongs to source
   * `api`, has a history of its own, and is paused unless `enabled` is true.
   * Its name is `<name> (copy)`, numbered where that is taken.
   *
   * @throws E_EVENT_NOT_FOUND, E_INVALID_INPUT
   * @throws E_EVENT_EXISTS when a name was given and is taken
   */
  async clone(
    id: string,
    change: EventChange & { enabled?: boolean } = {},
    by?: Actor
  ): Promise<EventRecord> {
    const actor = this.actorOf(by)
    const original = await this.get(id)
    const copies = copyOf(original, change)
    for (;;) {
      const { value: input } = copies.next()
      const valid = validateEvent(input, this.fields(true))
      try {
        return await this.#insert(valid, actor)
      } catch (error) {
        if (!(error instanceof E_EVENT_EXISTS) || 'name' in change) {
          throw error
        }
      }
    }
  }

  /**
   * Runs the event once now, beside its slots.
   *
   * @param options.payload in place of the event's own; meta and subject likewise
   * @returns the queued execution
   * @throws E_EVENT_NOT_FOUND, E_INVALID_INPUT, E_UNKNOWN_PROFILE
   * @throws E_EVENT_TRANSITION when the event is cancelled
   */
  async trigger(id: string, options: RunOptions & { by?: Actor } = {}): Promise<ExecutionRecord> {
    const event = await this.get(id)
    const title = `The run of event "${event.name}"`
    checkRunOptions(title, options)
    const { payload, meta, subject } = options
    const change = validateChange({ payload, meta, subject }, this.fields(false), title, event)
    const queued = await runNow({ ...event, ...change }, this.actorOf(options.by), {
      ...this.deps,
      ...this.planDeps,
      children: this.children,
    })
    this.deps.wake()
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
      by: this.actorOf(options.by),
    })
    if (result.added.length + result.changed.length > 0) {
      this.deps.wake()
    }
    return result
  }

  /**
   * Looks for rows that plain SQL has changed, and takes each over by itself:
   * one that is valid gets its next slot computed anew, one that is not is told
   * of once and not fired until it is corrected.
   *
   * @returns how many rows were changed
   */
  async checkRows(): Promise<number> {
    const found = await this.#foreign.check()
    if (found > 0) {
      this.deps.wake()
    }
    return found
  }

  /** The same for one event, before it is fired. `found`: hash of its row as it is. */
  async absorb(event: EventRecord, found: string): Promise<void> {
    await this.#foreign.absorb(event, found)
    this.deps.wake()
  }

  async #insert({ definition, enabled, after }: ValidEvent, actor: Actor): Promise<EventRecord> {
    const { storage, clock, notifier, wake } = this.deps
    const now = await this.changes.now()
    refuseEnded(`Event "${definition.name}"`, definition.trigger, now, this.planDeps)
    const parents = await this.#parents(definition.name, after ?? [])
    const id = newId()
    const origin = { id, source: API_SOURCE, sourceKey: id, sourceHash: null }
    const state = { statusBy: 'user' as const, enabled, now }
    const event = planNewEvent(definition, { ...origin, ...state }, this.planDeps)
    const journal = createdEntry(actor, event)
    const record = await storage.events.insert({
      now: clock.nowOrNull(),
      event,
      after: parents,
      journal,
    })
    notifier.emit('event:created', eventNotice(record, actor, now))
    wake()
    return record
  }

  /** An event that is so already is left alone. */
  async #bring(event: EventRecord, valid: ValidEvent, by: Actor): Promise<EventRecord> {
    const { definition, after } = valid
    transition(event, 'update')
    if (after !== null) {
      const set = await this.#parents(event.name, after)
      const kept = new Set(set.map(({ parentId }) => parentId))
      const before = await this.dependenciesOf(event.id)
      const gone = before.filter(({ declared, parentId }) => declared && !kept.has(parentId))
      const remove = gone.map(({ parentId }) => parentId)
      await this.setDependencies(event.id, { set, remove, declared: true, by })
    }
    const same = JSON.stringify(definitionOf(event)) === JSON.stringify(definitionOf(definition))
    return same ? event : this.#redefine(event, definition, { by })
  }

  #parents(name: string, after: ParentReference[]): Promise<NewDependency[]> {
    return resolveAfter(this.deps.storage, `Event "${name}"`, API_SOURCE, after)
  }

  async #redefine(
    { id, name }: EventRecord,
    fields: Partial<EventDefinition>,
    options: { by?: Actor; expectedVersion?: number }
  ): Promise<EventRecord> {
    const { planDeps } = this
    const { event } = await this.change(id, {
      kind: 'event.updated',
      by: this.actorOf(options.by),
      expectedVersion: options.expectedVersion,
      plan: (before, now) => {
        const status = transition(before, 'update') === 'paused' ? 'paused' : 'active'
        const definition = { ...definitionOf(before), ...fields }
        if (!sameTrigger(definition.trigger, before.trigger)) {
          refuseEnded(`Event "${name}"`, definition.trigger, now, planDeps)
        }
        const request = {
          event: before,
          definition,
          status,
          statusBy: before.statusBy,
          now,
        } as const
        const plan = planChange(request, planDeps)
        return { ...plan, patch: { ...plan.patch, problem: null } }
      },
    })
    return event
  }
}
