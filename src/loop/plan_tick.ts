import { missedRanges, planSlots, type PlannedEvent } from './plan_slots.ts'
import { refuseBroken, slotExecution, type ExecutionDefaults } from './slot_execution.ts'
import type { NextSlot } from './slot_search.ts'
import type { Profiles } from './slot_payload.ts'
import type { DueEvent, Firing } from '../storage/contract.ts'
import type { EventRecord } from '../types/events.ts'

export interface TickInput {
  /** The database's clock, epoch ms. */
  now: number
  events: DueEvent[]
  triggers: (event: EventRecord) => { next: NextSlot }
  newId: () => string
  /** Where executions of a handler go when the event says nothing. */
  defaults: (handler: string) => ExecutionDefaults
  profiles: Profiles
}

export interface TickProblem {
  eventId: string
  error: unknown
}

export interface TickPlan {
  firings: Firing[]
  problems: TickProblem[]
}

/**
 * Decides for each due event which slots are run, which are missed and when it
 * is due next. Pure: it reads no clock and no store. An event whose trigger
 * cannot be computed becomes a problem and stands in nobody's way.
 */
export function planTick(input: TickInput): TickPlan {
  const plan: TickPlan = { firings: [], problems: [] }
  for (const event of input.events) {
    if (event.nextRunAt === null) {
      continue
    }
    try {
      plan.firings.push(planFiring(event, event.nextRunAt, input))
    } catch (error) {
      plan.problems.push({ eventId: event.id, error })
    }
  }
  return plan
}

function planFiring(event: PlannedEvent, first: number, input: TickInput): Firing {
  refuseBroken(event)
  const { next } = input.triggers(event)
  const { verdicts, nextRunAt } = planSlots(event, first, next, input.now)
  const missed = missedRanges(verdicts)
  const defaults = input.defaults(event.handler)
  const { profiles } = input
  const head = verdicts.at(0)?.reason ?? null
  return {
    eventId: event.id,
    expectedNextRunAt: first,
    nextRunAt,
    executions: verdicts
      .filter((verdict) => verdict.reason === null)
      .map(({ slot }) =>
        slotExecution(event, slot, { id: input.newId(), defaults, profiles, next })
      ),
    missed: missed.map((range) => ({ ...range, id: input.newId() })),
    extendsOpenMissed:
      event.openMissedId !== null && head !== null && head === event.openMissedReason,
    leavesMissedOpen: (verdicts.at(-1)?.reason ?? null) !== null,
    lastSlot: verdicts.at(-1)?.slot ?? event.lastSlot ?? first,
  }
}
