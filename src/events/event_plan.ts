import { E_INVALID_INPUT } from '../errors.ts'
import { toIso } from '../triggers/instant.ts'
import { shown } from '../triggers/field_reader.ts'
import { NOTHING_PAST, planPast, planPause, type PastPlan } from '../loop/plan_past.ts'
import { refuseBroken, slotExecution, type ExecutionDefaults } from '../loop/slot_execution.ts'
import { payloadOf, type Profiles } from '../loop/slot_payload.ts'
import type { PlannedEvent } from '../loop/plan_slots.ts'
import type { NextSlot } from '../loop/slot_search.ts'
import type { EventPatch, MissedRange, NewEvent, NewExecution } from '../storage/contract.ts'
import type { EventRecord, EventStatus, StatusAuthor } from '../types/events.ts'
import type { Trigger } from '../types/triggers.ts'
import { transition } from './event_status.ts'
import { definitionOf, type EventDefinition } from './event_fields.ts'

export interface PlanDeps {
  triggers: { compile(trigger: Trigger): { next: NextSlot } }
  newId: () => string
  defaults: (handler: string) => ExecutionDefaults
  profiles: Profiles
}

/** What one change of an event writes. */
export interface ChangePlan {
  patch: EventPatch
  executions: NewExecution[]
  missed: MissedRange[]
  /** False when the counts of the missed ranges are lower bounds. */
  exact: boolean
  /** Why the slots of the old definition could not be decided as it says. */
  problem?: unknown
}

export interface ChangeRequest {
  event: PlannedEvent
  /** The definition from now on. */
  definition: EventDefinition
  status: Exclude<EventStatus, 'completed'>
  statusBy: StatusAuthor
  /** The database's clock, epoch ms. */
  now: number
  /** Other hands may have changed the trigger since the next slot was computed. */
  unsure?: boolean
}

/**
 * Plans a change that computes the next slot anew, from now. The slots that
 * the old definition leaves behind are decided first: by its misfire policy
 * while the event was active, as one range with reason `paused` where it was
 * paused or becomes so (unless a resume is to follow the misfire policy).
 */
export function planChange(request: ChangeRequest, deps: PlanDeps): ChangePlan {
  const { past, ...plan } = planBehind(request, deps)
  return { ...plan, patch: { ...request.definition, ...stateAfter(request, past, deps) } }
}

/** The slots that a change leaves behind. */
function planBehind(
  request: ChangeRequest,
  deps: PlanDeps
): Omit<ChangePlan, 'patch'> & { past: PastPlan } {
  const { event } = request
  const { past, problem } = settlePast(request, deps)
  const { profiles } = deps
  // A broken trigger gave one slot, behind which none is known
  const next: NextSlot = (slot) =>
    problem === undefined ? deps.triggers.compile(event.trigger).next(slot) : null
  const options = () => ({
    id: deps.newId(),
    defaults: deps.defaults(event.handler),
    profiles,
    next,
  })
  return {
    past,
    executions: past.run.map((slot) => slotExecution(event, slot, options())),
    missed: past.missed.map((range) => ({ ...range, id: deps.newId() })),
    exact: past.exact,
    ...(problem === undefined ? {} : { problem }),
  }
}

/** A change of the status alone: the next slot stays where it is. */
export function statusOnly(patch: EventPatch): ChangePlan {
  return { patch, executions: [], missed: [], exact: true }
}

/** The end of an event by hand: what is due of it is decided as if it went on. */
export function planCompletion(event: PlannedEvent, now: number, deps: PlanDeps): ChangePlan {
  const definition = definitionOf(event)
  const status = event.status === 'paused' ? 'paused' : 'active'
  // Its next slot is not asked for: the trigger may be one that plain SQL has broken
  const request = { event, definition, status, statusBy: 'user', now } as const
  const { past, ...plan } = planBehind(request, deps)
  const ended = { status: 'completed', completedAt: now, pausedAt: null, nextRunAt: null } as const
  return { ...plan, patch: { ...lastSlotOf(past), ...ended, statusBy: 'user' } }
}

/** Lets the next slot pass, after what is due already is decided. @returns null when none is left */
export function planSkip(
  event: PlannedEvent,
  reason: string,
  now: number,
  deps: PlanDeps
): ChangePlan | null {
  const { statusBy } = event
  const definition = definitionOf(event)
  const plan = planChange({ event, definition, status: 'active', statusBy, now }, deps)
  const slot = plan.patch.nextRunAt ?? null
  if (slot === null) {
    return null
  }
  const nextRunAt = deps.triggers.compile(event.trigger).next(slot)
  const ended = nextRunAt === null ? { status: 'completed' as const, completedAt: now } : {}
  const range = { id: deps.newId(), first: slot, last: slot, count: 1, reason }
  return {
    ...plan,
    patch: { ...plan.patch, skippedSlot: slot, nextRunAt, ...ended },
    missed: [...plan.missed, range],
  }
}

/** An event as it is created. */
export function planNewEvent(
  definition: EventDefinition,
  origin: Pick<NewEvent, 'id' | 'source' | 'sourceKey' | 'sourceHash' | 'statusBy'> & {
    enabled: boolean
    now: number
  },
  deps: PlanDeps
): NewEvent {
  const { enabled, now, ...columns } = origin
  const nextRunAt = firstSlot(definition.trigger, now, deps)
  const open = nextRunAt === null && hasSlots(definition) ? 'completed' : 'active'
  return {
    ...definition,
    ...columns,
    status: enabled ? open : 'paused',
    nextRunAt,
    pausedAt: enabled ? null : now,
  }
}

/**
 * The first slot of a definition that is new. A `once` in the past keeps its
 * slot: the misfire policy decides about it. Null when no slot is left.
 */
export function firstSlot(trigger: Trigger, now: number, deps: PlanDeps): number | null {
  const after = trigger.kind === 'once' ? Number.NEGATIVE_INFINITY : now
  return deps.triggers.compile(trigger).next(after)
}

/** Without slots of its own an event is never over by itself. */
export function hasSlots({ trigger }: Pick<EventDefinition, 'trigger'>): boolean {
  return trigger.kind !== 'manual'
}

/**
 * Refuses a trigger given by hand that has no slot left.
 *
 * @throws E_INVALID_INPUT
 */
export function refuseEnded(subject: string, trigger: Trigger, now: number, deps: PlanDeps): void {
  if (hasSlots({ trigger }) && firstSlot(trigger, now, deps) === null) {
    const message = `it has no slot after ${toIso(now)}; give a later end, or another trigger`
    const value = shown(trigger)
    throw new E_INVALID_INPUT(subject, [{ field: 'trigger', value, message }])
  }
}

function settlePast(request: ChangeRequest, deps: PlanDeps): { past: PastPlan; problem?: unknown } {
  const { event, now } = request
  const first = event.nextRunAt
  const open = event.status === 'active' || event.status === 'paused'
  if (!open || first === null || first > now || request.status === 'cancelled') {
    return { past: NOTHING_PAST }
  }
  const follows = followsMisfire(request)
  // Nothing can be run without its payload, or of a row that plain SQL has broken
  const lacking = follows ? executionProblem(event, deps.profiles) : undefined
  const plan =
    follows && lacking === undefined
      ? (next: NextSlot) => planPast(event, first, next, now)
      : (next: NextSlot) => planPause(first, next, now, follows ? 'misfire' : 'paused')
  try {
    const past = plan(deps.triggers.compile(event.trigger).next)
    return lacking === undefined ? { past } : { past, problem: lacking }
  } catch (problem) {
    // The trigger is broken and this change may repair it: only its one known slot is decided
    return { past: plan(() => null), problem }
  }
}

/** Why no execution can be made of an event. */
function executionProblem(event: EventRecord, profiles: Profiles): unknown {
  try {
    refuseBroken(event)
    payloadOf(event, profiles)
    return undefined
  } catch (error) {
    return error
  }
}

function followsMisfire({ event, status }: ChangeRequest): boolean {
  if (status !== 'active') {
    return false
  }
  return event.status === 'active' || event.onResume === 'misfire'
}

function stateAfter(request: ChangeRequest, past: PastPlan, deps: PlanDeps): EventPatch {
  const { event, status, statusBy, now } = request
  const nextRunAt = status === 'cancelled' ? null : nextSlot(request, past, deps)
  const ended = nextRunAt === null && hasSlots(request.definition)
  const completed = status === 'active' && ended
  return {
    ...lastSlotOf(past),
    nextRunAt,
    status: completed ? transition(event, 'complete') : status,
    statusBy,
    pausedAt: status === 'paused' ? pausedSince(event, now) : null,
    completedAt: completed ? (event.completedAt ?? now) : null,
  }
}

function lastSlotOf({ lastSlot }: PastPlan): Pick<EventPatch, 'lastSlot'> {
  return lastSlot === null ? {} : { lastSlot }
}

function nextSlot(request: ChangeRequest, past: PastPlan, deps: PlanDeps): number | null {
  const { event, definition, now, unsure = false } = request
  const { maxRuns } = definition
  if (maxRuns !== null && event.runCount + past.run.length >= maxRuns) {
    return null
  }
  const { skippedSlot } = event
  const { trigger } = definition
  const first =
    sameTrigger(event.trigger, trigger) && !unsure
      ? deps.triggers.compile(trigger).next(Math.max(now, skippedSlot ?? now))
      : firstSlot(trigger, now, deps)
  // A slot that was skipped by hand stays so
  return first !== null && first === skippedSlot
    ? deps.triggers.compile(trigger).next(first)
    : first
}

function pausedSince(event: EventRecord, now: number): number {
  return event.status === 'paused' ? (event.pausedAt ?? now) : now
}

/** Both are in the stored form, whose fields have one order. */
export function sameTrigger(a: Trigger, b: Trigger): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
