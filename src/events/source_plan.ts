import { changeEntries, createdEntry, deletedEntry, type EventKind } from './event_journal.ts'
import { planChange, planNewEvent, type ChangePlan, type PlanDeps } from './event_plan.ts'
import { shown } from '../triggers/field_reader.ts'
import { MAX_TEXT, text } from '../input/fields.ts'
import { Problems } from '../input/problems.ts'
import { definitionOf, type FieldContext } from './event_fields.ts'
import { validateEvent, type ValidEvent } from './event_validator.ts'
import type { EventChanges } from './event_changes.ts'
import type { PlannedEvent } from '../loop/plan_slots.ts'
import type { SourceDefinition } from '../storage/contract.ts'
import type { Actor, EventRecord, SourceInput, SourceProblem } from '../types/events.ts'
import type { NewJournalEntry } from '../types/journal.ts'

interface Deps {
  changes: EventChanges
  plan: PlanDeps
  fields: FieldContext
}

export interface SourceRequest {
  source: string
  definitions: SourceInput[]
  existing: EventRecord[]
  missing: 'delete' | 'pause'
  problems: SourceProblem[]
  by: Actor
  now: number
}

export interface PlannedSourceChange {
  kind: 'event.updated' | 'event.paused' | 'event.resumed'
  plan: ChangePlan
}

export interface SourcePlan {
  definitions: SourceDefinition[]
  problems: SourceProblem[]
  journal: NewJournalEntry[]
  /** By event id. */
  changes: Map<string, PlannedSourceChange>
  missing: 'delete' | 'pause'
}

/**
 * Plans the sync of one source: each definition alone, so that a bad one is
 * reported and leaves its event as it was.
 */
export class SourcePlanner {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  async plan(request: SourceRequest): Promise<SourcePlan> {
    const { missing, existing } = request
    const problems = [...request.problems]
    const plan: SourcePlan = { definitions: [], problems, journal: [], changes: new Map(), missing }
    const byKey = new Map(existing.map((event) => [event.sourceKey, event]))
    const names = new Map(existing.map((event) => [event.name, event.sourceKey]))
    const keys = new Set<string>()
    for (const input of request.definitions) {
      const refusal = refuse(input, keys, names)
      if (refusal) {
        problems.push(refusal)
        continue
      }
      keys.add(input.key)
      const event = byKey.get(input.key)
      // Read before the definition is judged: a store that fails is no fault of the definition
      const found = event && (await this.#found(event, input, request.now))
      try {
        plan.definitions.push(this.#define(input, found, request, plan))
        names.set(input.name, input.key)
      } catch (error) {
        problems.push({ key: input.key, message: (error as Error).message })
      }
    }
    keepUnread(byKey, plan)
    journalRemoved(existing, plan, request)
    return plan
  }

  /** What is open of the event matters only where it changes. */
  async #found(event: EventRecord, input: SourceInput, now: number): Promise<PlannedEvent> {
    return isUnchanged(event, input)
      ? { ...event, openQueued: 0, openRunning: 0 }
      : this.#deps.changes.withOpen(event, now)
  }

  #define(
    input: SourceInput,
    event: PlannedEvent | undefined,
    request: SourceRequest,
    plan: SourcePlan
  ): SourceDefinition {
    if (!event) {
      return this.#add(input, request, plan)
    }
    return isUnchanged(event, input) ? unchanged(event) : this.#alter(input, event, request, plan)
  }

  #add(input: SourceInput, request: SourceRequest, plan: SourcePlan): SourceDefinition {
    const { source, by, now } = request
    const { definition, enabled } = this.#read(input)
    const origin = { id: this.#deps.plan.newId(), source, sourceKey: input.key }
    const state = { sourceHash: input.hash, statusBy: 'source' as const, enabled, now }
    const event = planNewEvent(definition, { ...origin, ...state }, this.#deps.plan)
    plan.journal.push(createdEntry(by, event))
    return { ...event, sourceHash: input.hash }
  }

  #alter(
    input: SourceInput,
    event: PlannedEvent,
    request: SourceRequest,
    plan: SourcePlan
  ): SourceDefinition {
    const { by, now } = request
    const valid = this.#read(input)
    const state = stateFor(event, valid)
    const { definition } = valid
    const change = planChange({ event, definition, ...state, now }, this.#deps.plan)
    const kind = kindOf(event, change)
    plan.journal.push(...changeEntries(kind, by, event, change))
    plan.changes.set(event.id, { kind, plan: change })
    return {
      ...unchanged({ ...event, ...change.patch }),
      sourceHash: input.hash,
      planned: {
        id: event.id,
        expectedVersion: event.version,
        expectedNextRunAt: event.nextRunAt,
        force: event.sourceHash === input.hash,
        executions: change.executions,
        missed: change.missed,
      },
    }
  }

  #read(input: SourceInput): ValidEvent {
    const { key, hash, ...event } = input
    return validateEvent(event, this.#deps.fields)
  }
}

/** Longest hash that the store holds. */
const MAX_HASH = 128

/** Of two definitions with one key or one name, the first stands. */
function refuse(
  input: SourceInput,
  keys: Set<string>,
  names: Map<string, string>
): SourceProblem | null {
  const { key, hash, name } = input
  const { list, report } = new Problems()
  text('key', key, MAX_TEXT, report)
  text('hash', hash, MAX_HASH, report)
  const problem = list.at(0)
  if (problem) {
    const message = `${problem.field} (${problem.value}): ${problem.message}`
    return { key: typeof key === 'string' ? key : shown(key), message }
  }
  if (keys.has(key)) {
    return { key, message: `the key "${key}" is given twice; only its first definition counts` }
  }
  const holder = names.get(name)
  return holder === undefined || holder === key
    ? null
    : { key, message: `the name "${name}" belongs to the definition "${holder}"; choose another` }
}

/** An event that its source had paused comes back with its definition, whatever the hash says. */
function isUnchanged(event: EventRecord, input: SourceInput): boolean {
  const returns =
    event.status === 'paused' && event.statusBy === 'source' && input.enabled !== false
  return event.sourceHash === input.hash && !returns
}

/** What a user paused or cancelled by hand stays so; else the definition decides. */
function stateFor(event: EventRecord, { enabled }: ValidEvent) {
  if (event.status === 'cancelled') {
    return { status: 'cancelled' as const, statusBy: event.statusBy }
  }
  if (event.status === 'paused' && event.statusBy === 'user') {
    return { status: 'paused' as const, statusBy: 'user' as const }
  }
  return {
    status: enabled ? ('active' as const) : ('paused' as const),
    statusBy: 'source' as const,
  }
}

function kindOf(event: EventRecord, { patch }: ChangePlan): PlannedSourceChange['kind'] {
  if (patch.status === 'paused' && event.status !== 'paused') {
    return 'event.paused' satisfies EventKind
  }
  return patch.status === 'active' && event.status === 'paused' ? 'event.resumed' : 'event.updated'
}

/** The event as it is, in the form of a definition: the store leaves it alone. */
function unchanged(event: EventRecord): SourceDefinition {
  const { id, source, sourceKey, sourceHash, status, statusBy, nextRunAt, pausedAt } = event
  const origin = { id, source, sourceKey, sourceHash: sourceHash ?? '' }
  return { ...definitionOf(event), ...origin, status, statusBy, nextRunAt, pausedAt }
}

/** The events of definitions that could not be read stay as they were. */
function keepUnread(byKey: Map<string, EventRecord>, plan: SourcePlan): void {
  const kept = new Set(plan.definitions.map(({ sourceKey }) => sourceKey))
  for (const { key } of plan.problems) {
    const event = byKey.get(key)
    if (event && !kept.has(key)) {
      kept.add(key)
      plan.definitions.push(unchanged(event))
    }
  }
}

function journalRemoved(existing: EventRecord[], plan: SourcePlan, request: SourceRequest): void {
  const { by, source, missing } = request
  const kept = new Set(plan.definitions.map(({ sourceKey }) => sourceKey))
  const gone = existing.filter(({ sourceKey }) => !kept.has(sourceKey))
  for (const event of gone) {
    if (missing === 'delete') {
      plan.journal.push(deletedEntry(by, event))
    } else if (event.status === 'active') {
      const patch = { status: 'paused', statusBy: 'source' } as const
      const change = { patch, executions: [], missed: [], exact: true }
      plan.journal.push(...changeEntries('event.paused', by, event, change))
    }
  }
  if (plan.journal.length > 0) {
    const after = { definitions: request.definitions.length, problems: plan.problems.length }
    plan.journal.push({ kind: 'source.synced', actor: by, subject: source, after })
  }
}
