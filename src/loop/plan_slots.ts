import { applyMisfire } from '../triggers/misfire.ts'
import { collectDue, type NextSlot } from './slot_search.ts'
import type { EventRecord } from '../types/events.ts'

/** Why a slot is not run. */
export type MissReason = 'misfire' | 'overlap' | 'paused'

/** An event with what is open of it. */
export type PlannedEvent = EventRecord & { openQueued: number; openRunning: number }

/** A slot that is run (reason null), or why it is not. */
export interface Verdict {
  slot: number
  reason: MissReason | null
}

/** Contiguous slots that are not run for one reason. */
export interface SlotRange {
  first: number
  last: number
  count: number
  reason: MissReason
}

export interface SlotPlan {
  /** Oldest first, without gaps. */
  verdicts: Verdict[]
  nextRunAt: number | null
}

/**
 * Decides the due slots of an event, at most 1,000 of them: misfire policy,
 * then overlap, then maxRuns. `first` is the event's next slot.
 */
export function planSlots(
  event: PlannedEvent,
  first: number,
  next: NextSlot,
  now: number
): SlotPlan {
  if (runsLeft(event) <= 0) {
    return { verdicts: [], nextRunAt: null }
  }
  const due = collectDue(next, first, now)
  const { cap, policy } = event.misfire
  if (due.more && policy === 'all' && cap < due.slots.length) {
    // Which slots are the newest `cap` is not known yet; that these are not, is.
    const known = due.slots.length - cap
    const verdicts = due.slots.slice(0, known).map((slot) => missed(slot, 'misfire'))
    return { verdicts, nextRunAt: due.slots[known] }
  }
  return decideSlots(event, due.slots, now, due)
}

/**
 * Decides slots that are known: `more` says that others are due after them.
 */
export function decideSlots(
  event: PlannedEvent,
  slots: number[],
  now: number,
  rest: { more: boolean; next: number | null }
): SlotPlan {
  const run = new Set(applyMisfire(slots, now, event.misfire, rest.more).run)
  const verdicts = slots.map((slot) =>
    run.has(slot) ? { slot, reason: null } : missed(slot, 'misfire')
  )
  return endAtMaxRuns(event, { verdicts: applyOverlap(event, verdicts), nextRunAt: rest.next })
}

/** Joins contiguous missed slots, one range per reason. */
export function missedRanges(verdicts: Verdict[]): SlotRange[] {
  const ranges: SlotRange[] = []
  for (const [index, { slot, reason }] of verdicts.entries()) {
    const open = ranges.at(-1)
    if (reason === null) {
      continue
    }
    if (open && verdicts[index - 1].reason === reason) {
      open.last = slot
      open.count += 1
    } else {
      ranges.push({ first: slot, last: slot, count: 1, reason })
    }
  }
  return ranges
}

/** `wait` holds one place in the queue, `skip` one in all, `allow` any number. */
function applyOverlap(event: PlannedEvent, verdicts: Verdict[]): Verdict[] {
  if (event.overlap === 'allow') {
    return verdicts
  }
  const open = event.openQueued + (event.overlap === 'skip' ? event.openRunning : 0)
  let free = open === 0
  return verdicts.map((verdict) => {
    if (verdict.reason !== null) {
      return verdict
    }
    const admitted = free
    free = false
    return admitted ? verdict : missed(verdict.slot, 'overlap')
  })
}

/** The run that reaches maxRuns is the event's last slot: what follows it never was one. */
function endAtMaxRuns(event: PlannedEvent, plan: SlotPlan): SlotPlan {
  let left = runsLeft(event)
  if (left <= 0) {
    return { verdicts: [], nextRunAt: null }
  }
  for (const [index, verdict] of plan.verdicts.entries()) {
    left -= verdict.reason === null ? 1 : 0
    if (left === 0) {
      return { verdicts: plan.verdicts.slice(0, index + 1), nextRunAt: null }
    }
  }
  return plan
}

function runsLeft(event: PlannedEvent): number {
  return event.maxRuns === null ? Number.POSITIVE_INFINITY : event.maxRuns - event.runCount
}

function missed(slot: number, reason: MissReason): Verdict {
  return { slot, reason }
}
