import { E_INVALID_TRIGGER } from '../errors.ts'

/** The first slot strictly after an instant (epoch ms), null when there is none. */
export type NextSlot = (after: number) => number | null

/** No call computes more slots of one event than this; the rest follows in later calls. */
export const MAX_SLOTS = 1_000

export interface DueSlots {
  /** Oldest first, at most the limit. */
  slots: number[]
  /** The slot after them: due as well when `more` is true, null when the trigger has ended. */
  next: number | null
  more: boolean
}

/**
 * The slots from `first` (itself a slot) up to `now`, both inclusive.
 *
 * @throws E_INVALID_TRIGGER when the trigger does not advance
 */
export function collectDue(
  next: NextSlot,
  first: number,
  now: number,
  limit = MAX_SLOTS
): DueSlots {
  const slots: number[] = []
  let slot: number | null = first
  while (slot !== null && slot <= now && slots.length < limit) {
    slots.push(slot)
    slot = advance(next, slot)
  }
  return { slots, next: slot, more: slot !== null && slot <= now }
}

/**
 * The newest slots of a long range `from`..`to` (inclusive), at most `count`,
 * oldest first. It searches by halves, so the cost does not depend on how
 * many slots lie before them.
 */
export function newestSlots(next: NextSlot, from: number, to: number, count: number): number[] {
  let low = from - 1
  let high = to
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2)
    if (slotsAfter(next, middle, to, count + 1).length > count) {
      low = middle + 1
    } else {
      high = middle
    }
  }
  return slotsAfter(next, low, to, count)
}

function slotsAfter(next: NextSlot, after: number, to: number, limit: number): number[] {
  const first = advance(next, after)
  return first === null ? [] : collectDue(next, first, to, limit).slots
}

/** A trigger that stands still would hold the loop for ever. */
function advance(next: NextSlot, after: number): number | null {
  const slot = next(after)
  if (slot !== null && !(slot > after)) {
    throw new E_INVALID_TRIGGER([
      'next',
      String(slot),
      `the slot after ${after} must lie after it: the trigger cannot be used`,
    ])
  }
  return slot
}
