import { E_EVENT_CONFLICT } from '../../errors.ts'
import type { EventRecord } from '../../types/events.ts'
import type { NewJournalEntry } from '../../types/journal.ts'
import type { SourceDefinition, SyncResult } from '../contract.ts'
import { checkExpected, updatedEvent } from './event_update.ts'
import { rowHash } from './row_hash.ts'

/** Whether a definition of a source has to be written to its event. */
export function needsWriting(event: EventRecord, definition: SourceDefinition): boolean {
  return definition.planned?.force === true || event.sourceHash !== definition.sourceHash
}

/**
 * @throws E_EVENT_CONFLICT when the event moved since the change was planned,
 *   or a change was not planned at all
 */
export function checkPlan(event: EventRecord | undefined, definition: SourceDefinition): void {
  const { planned } = definition
  if (planned) {
    if (event?.id !== planned.id) {
      throw new E_EVENT_CONFLICT([planned.id, String(planned.expectedVersion), 'no such event'])
    }
    checkExpected(event, planned, '')
  } else if (event && needsWriting(event, definition)) {
    throw new E_EVENT_CONFLICT([event.id, 'no event', String(event.version)])
  }
}

/** Journal entries about events that the sync did not write are left out. */
export function syncEntries(
  entries: NewJournalEntry[] | undefined,
  source: string,
  { added, changed, removed }: SyncResult
): NewJournalEntry[] {
  const written = [...added, ...changed.map(({ after }) => after), ...removed]
  const subjects = new Set([source, ...written.map(({ id }) => id)])
  return (entries ?? []).filter(({ subject }) => subjects.has(subject))
}

/**
 * The event after its definition changed at the source. What a user paused or
 * cancelled by hand stays so.
 */
export function redefined(
  before: EventRecord,
  definition: SourceDefinition,
  now: number
): EventRecord {
  const after = redefinedColumns(before, definition, now)
  // Every column of the definition is written: whatever other hands did to them is gone
  return { ...after, rowHash: rowHash(after) }
}

function redefinedColumns(
  before: EventRecord,
  definition: SourceDefinition,
  now: number
): EventRecord {
  const { planned, id, ...columns } = definition
  const event = { ...before, problem: null }
  const heldByHand =
    event.statusBy === 'user' && (event.status === 'paused' || event.status === 'cancelled')
  const next = updatedEvent(event, columns, now)
  if (heldByHand) {
    const { status, statusBy, pausedAt, cancelledAt } = event
    return { ...next, status, statusBy, pausedAt, cancelledAt }
  }
  return {
    ...next,
    pausedAt: next.status === 'paused' ? (definition.pausedAt ?? event.pausedAt ?? now) : null,
    completedAt: next.status === 'completed' ? (event.completedAt ?? now) : null,
    cancelledAt: next.status === 'cancelled' ? (event.cancelledAt ?? now) : null,
  }
}

/** The event after its definition vanished from the source; null when nothing changes. */
export function pausedBySource(event: EventRecord, now: number): EventRecord | null {
  if (event.status !== 'active') {
    return null
  }
  return updatedEvent(event, { status: 'paused', statusBy: 'source', pausedAt: now }, now)
}
