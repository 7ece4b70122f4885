import { E_EVENT_CONFLICT } from '../../errors.ts'
import type { EventRecord } from '../../types/events.ts'
import type { EventPatch } from '../contract.ts'
import { hashAfter, rowHash } from './row_hash.ts'

export interface Expected {
  expectedVersion: number
  /** A tick moves next_run_at and not the version. */
  expectedNextRunAt?: number | null
  /** The hash of the row from which the change was planned. */
  accept?: string
}

/**
 * @param found hash of the row as it is
 * @throws E_EVENT_CONFLICT
 */
export function checkExpected(event: EventRecord, expected: Expected, found: string): void {
  const { expectedVersion, expectedNextRunAt, accept } = expected
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
  if (accept !== undefined && accept !== found) {
    throw new E_EVENT_CONFLICT([event.id, `row ${accept}`, `row ${found}`])
  }
}

/**
 * The event after a change by hand or sync. Where next_run_at is computed
 * anew, the open missed range is closed: what is missed next does not
 * continue it.
 */
export function updatedEvent(
  event: EventRecord,
  patch: EventPatch,
  now: number,
  row: { found: string; accepted: boolean } = { found: rowHash(event), accepted: false }
): EventRecord {
  const closes = patch.nextRunAt !== undefined
  const resumed = event.status === 'paused' && patch.status === 'active'
  const after = {
    ...event,
    ...(closes ? { openMissedId: null, openMissedReason: null } : {}),
    ...(resumed ? { resumedAt: now } : {}),
    ...patch,
    updatedAt: now,
    version: event.version + 1,
  }
  return { ...after, rowHash: hashAfter({ event, ...row }, patch, after) }
}
