import type { MisfirePolicy } from '../types/events.ts'

export interface MisfireDecision {
  /** Slots to run, ascending. */
  run: number[]
  /** Slots that become missed, ascending. */
  missed: number[]
}

/**
 * Divides the due slots of one event into those that run and those that are
 * missed (the policies: see MisfirePolicy).
 *
 * `moreDue` says that the list was cut: newer slots are due already and follow
 * in a later tick. The policies that want the newest slots then run nothing of
 * this part, unless `all` has room for the whole of it.
 *
 * @param slots due slots in epoch ms, ascending
 * @param now epoch ms
 */
export function applyMisfire(
  slots: number[],
  now: number,
  policy: MisfirePolicy,
  moreDue: boolean
): MisfireDecision {
  const inTime = (slot: number) => now - slot <= policy.grace
  switch (policy.policy) {
    case 'skip':
      return { run: slots.filter(inTime), missed: slots.filter((slot) => !inTime(slot)) }
    case 'once':
      return newest(slots, moreDue ? 0 : 1)
    case 'latest':
      return newest(slots, !moreDue && slots.slice(-1).some(inTime) ? 1 : 0)
    case 'all':
      return newest(slots, moreDue && policy.cap < slots.length ? 0 : policy.cap)
  }
}

function newest(slots: number[], count: number): MisfireDecision {
  const cut = Math.max(0, slots.length - count)
  return { run: slots.slice(cut), missed: slots.slice(0, cut) }
}
