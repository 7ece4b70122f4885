import {
  decideSlots,
  missedRanges,
  type MissReason,
  type PlannedEvent,
  type SlotRange,
} from './plan_slots.ts'
import { collectDue, newestSlots, type NextSlot } from './slot_search.ts'

/** What becomes of the slots that a change of an event leaves behind. */
export interface PastPlan {
  /** Slots to run, oldest first. */
  run: number[]
  missed: SlotRange[]
  lastSlot: number | null
  /** False when more than 1,000 slots lie behind: the counts are then a lower bound. */
  exact: boolean
}

export const NOTHING_PAST: PastPlan = {
  run: [],
  missed: [],
  lastSlot: null,
  exact: true,
}

/** Of a longer past, how many of the newest slots the misfire policy looks at (`all`: its cap). */
const NEWEST = 100

/**
 * Decides all slots from `first` up to `now` under the definition they were
 * due by. One call covers the whole past: of more than 1,000 slots it looks
 * at the newest, and those before them are one missed range.
 */
export function planPast(
  event: PlannedEvent,
  first: number,
  next: NextSlot,
  now: number
): PastPlan {
  const due = collectDue(next, first, now)
  if (due.slots.length === 0) {
    return NOTHING_PAST
  }
  const count = event.misfire.policy === 'all' ? event.misfire.cap : NEWEST
  const slots = due.more ? newestSlots(next, first, now, count) : due.slots
  const { verdicts } = decideSlots(event, slots, now, { more: false, next: now })
  const missed = missedRanges(verdicts)
  if (due.more) {
    prepend(missed, olderThan(slots[0], due.slots, next))
  }
  return {
    run: verdicts.filter(({ reason }) => reason === null).map(({ slot }) => slot),
    missed,
    lastSlot: verdicts.at(-1)?.slot ?? slots.at(-1) ?? null,
    exact: !due.more,
  }
}

/**
 * The slots of a pause as one missed range: first and last are exact, the
 * count is a lower bound beyond 1,000.
 */
export function planPause(
  first: number,
  next: NextSlot,
  now: number,
  reason: MissReason = 'paused'
): PastPlan {
  const due = collectDue(next, first, now)
  if (due.slots.length === 0) {
    return NOTHING_PAST
  }
  const last = due.more ? newestSlots(next, first, now, 1)[0] : due.slots[due.slots.length - 1]
  const range: SlotRange = { first, last, count: due.slots.length, reason }
  return { run: [], missed: [range], lastSlot: last, exact: !due.more }
}

/** The range before the newest slots; it counts those that were listed, at most 1,000. */
function olderThan(newest: number, listed: number[], next: NextSlot): SlotRange {
  const known = listed.filter((slot) => slot < newest)
  const last = newestSlots(next, listed[0], newest - 1, 1)[0]
  return { first: listed[0], last, count: known.length, reason: 'misfire' }
}

/** A range of the same reason goes on from it: a policy runs the newest slots, so no run lies between. */
function prepend(ranges: SlotRange[], older: SlotRange): void {
  const following = ranges.at(0)
  if (following?.reason === older.reason) {
    following.first = older.first
    following.count += older.count
  } else {
    ranges.unshift(older)
  }
}
