import { collectDue, MAX_SLOTS, newestSlots, type NextSlot } from '../../loop/slot_search.ts'
import type { SlotRow, SlotSpan } from '../../storage/contract.ts'

/** What is left of a missed range on both sides of the slots that are taken out. */
export interface RangeRest {
  before: SlotSpan | null
  after: SlotSpan | null
}

/** No range is counted further than this from one of its ends. */
const MOST_COUNTED = 10_000

/** The slots of a trigger, as far as they are known. */
export interface Series {
  /** Those of the window, oldest first, and the place of each. */
  slots: number[]
  index: Map<number, number>
  next: NextSlot
}

/**
 * Whether a missed range holds slots of this trigger: one that was recorded
 * under another trigger, before an edit, stands for other slots.
 */
export function isOfSeries(row: SlotRow, { slots, index, next }: Series): boolean {
  // The count of a longer range may be a lower bound
  const counts = (count: number) => row.slotCount >= MAX_SLOTS || count === row.slotCount
  if (slots[0] <= row.slot && row.slotLast <= slots[slots.length - 1]) {
    const [first, last] = [index.get(row.slot), index.get(row.slotLast)]
    return first !== undefined && last !== undefined && counts(last - first + 1)
  }
  const isSlot = (instant: number) => next(instant - 1) === instant
  return (
    isSlot(row.slot) &&
    isSlot(row.slotLast) &&
    counts(collectDue(next, row.slot, row.slotLast, row.slotCount + 1).slots.length)
  )
}

/**
 * What is left of a range without the slots `taken` (all of its slots from the
 * first to the last of them). The counts of both sides and what was taken add
 * up to the count of the range.
 */
export function restOf(row: SlotRow, taken: number[], next: NextSlot): RangeRest {
  const [first, last] = [taken[0], taken[taken.length - 1]]
  const left = row.slotCount - taken.length
  const before = row.slot < first ? { first: row.slot, last: slotBefore(row, first, next) } : null
  const after = last < row.slotLast ? { first: next(last)!, last: row.slotLast } : null
  if (before && after) {
    const counts = divide(before, after, left, next)
    return {
      before: { ...before, count: counts.before },
      after: { ...after, count: counts.after },
    }
  }
  const count = Math.max(1, left)
  return { before: before && { ...before, count }, after: after && { ...after, count } }
}

type Bounds = Omit<SlotSpan, 'count'>

/** Counts the shorter side; the other one has the rest. */
function divide(before: Bounds, after: Bounds, left: number, next: NextSlot) {
  const known = countUpTo(before, next)
  if (known !== null) {
    return { before: known, after: Math.max(1, left - known) }
  }
  const behind = countUpTo(after, next) ?? Math.floor(left / 2)
  return { before: Math.max(1, left - behind), after: behind }
}

/** How many slots a span has; null when they are too many to count. */
function countUpTo({ first, last }: Bounds, next: NextSlot): number | null {
  const { slots, more } = collectDue(next, first, last, MOST_COUNTED)
  return more ? null : slots.length
}

function slotBefore(row: SlotRow, instant: number, next: NextSlot): number {
  return newestSlots(next, row.slot, instant - 1, 1)[0]
}
