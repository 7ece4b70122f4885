import { E_EVENT_CONFLICT } from '../../errors.ts'
import type { EventRecord } from '../../types/events.ts'
import type { SourceDefinition } from '../contract.ts'
import { checkExpected, updatedEvent } from './event_update.ts'

/** Whether a definition of a source has to be written to its event. */
export function needsWriting(event: EventRecord, definition: SourceDefinition): boolean {
  return definition.planned?.force === true || event.sourceHash !== definition.sourceHash
}

/** @throws E_EVENT_CONFLICT when the event moved since the change was planned */
export function checkPlan(event: EventRecord | undefined, definition: SourceDefinition): void {
  const { planned } = definition
  if (!planned) {
    return
  }
  if (event?.id !== planned.id) {
    throw new E_EVENT_CONFLICT([planned.id, String(planned.expectedVersion), 'no such event'])
  }
  checkExpected(event, planned)
}

/**
 * The event after its definition changed at the source. What a user paused or
 * cancelled by hand stays so.
 */
export function redefined(
  event: EventRecord,
  definition: SourceDefinition,
  now: number
): EventRecord {
  const { planned, id, ...columns } = definition
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
