import type { EventRecord } from '../../types/events.ts'
import type { NewJournalEntry } from '../../types/journal.ts'
import type { Firing } from '../contract.ts'
import { hashAfter, rowHash } from './row_hash.ts'

export type FiredState = Pick<
  EventRecord,
  | 'nextRunAt'
  | 'lastSlot'
  | 'openMissedId'
  | 'openMissedReason'
  | 'status'
  | 'completedAt'
  | 'rowHash'
>

/** Whether an event only goes on to its next slot: what else is in its row need not be read. */
export function onlyMovesOn({ nextRunAt, missed, leavesMissedOpen }: Firing): boolean {
  return nextRunAt !== null && missed.length === 0 && !leavesMissedOpen
}

/** Where such a firing leaves its event; the rest of it stays as it is. */
export function movedOn({ nextRunAt, lastSlot }: Firing): Partial<FiredState> {
  return { nextRunAt, lastSlot, openMissedId: null, openMissedReason: null }
}

/**
 * Where a firing leaves its event. `lastMissedId` is the row of its last
 * missed range, null when it has none.
 */
export function firedState(
  event: EventRecord,
  firing: Firing,
  lastMissedId: string | null,
  now: number
): FiredState {
  const completed = firing.nextRunAt === null
  const open = firing.leavesMissedOpen && !completed
  const openMissedId = open ? (lastMissedId ?? event.openMissedId) : null
  const lastReason = lastMissedId === null ? event.openMissedReason : firing.missed.at(-1)!.reason
  return {
    nextRunAt: firing.nextRunAt,
    lastSlot: firing.lastSlot,
    openMissedId,
    openMissedReason: openMissedId === null ? null : lastReason,
    status: completed ? 'completed' : event.status,
    completedAt: completed ? now : event.completedAt,
    rowHash: completed ? completedHash(event) : event.rowHash,
  }
}

function completedHash(event: EventRecord): string | null {
  const patch = { status: 'completed' } as const
  const before = { event, found: rowHash(event), accepted: false }
  return hashAfter(before, patch, { ...event, ...patch })
}

/** Journal entries about events that did not fire are not written. */
export function entriesToKeep(
  entries: NewJournalEntry[] | undefined,
  stale: string[]
): NewJournalEntry[] {
  const left = new Set(stale)
  return (entries ?? []).filter((entry) => !left.has(entry.subject))
}
