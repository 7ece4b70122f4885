import { E_EVENT_CONFLICT } from '../../errors.ts'
import type { EventRecord } from '../../types/events.ts'
import type { EventPatch } from '../contract.ts'

export interface Expected {
  expectedVersion: number
  /** A tick moves next_run_at and not the version. */
  expectedNextRunAt?: number | null
}

/** @throws E_EVENT_CONFLICT */
export function checkExpected(event: EventRecord, expected: Expected): void {
  const { expectedVersion, expectedNextRunAt } = expected
  if (event.version !== expectedVersion) {
    throw new E_EVENT_CONFLICT([event.id, String(expectedVersion), String(event.version)])
  }
  if (expectedNextRunAt !== undefined && event.nextRunAt !== expectedNextRunAt) {
    throw new E_EVENT_CONFLICT([
      event.id,
      `${expectedVersion} with next run ${expectedNextRunAt}`,
      `${event.version} with next run ${event.nextRunAt}`,
    ])
  }
}

/**
 * The event after a change by hand or sync. Where next_run_at is computed
 * anew, the open missed range is closed: what is missed next does not
 * continue it.
 */
export function updatedEvent(event: EventRecord, patch: EventPatch, now: number): EventRecord {
  const closes = patch.nextRunAt !== undefined
  return {
    ...event,
    ...(closes ? { openMissedId: null, openMissedReason: null } : {}),
    ...patch,
    updatedAt: now,
    version: event.version + 1,
  }
}
