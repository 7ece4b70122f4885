import { toJson } from '../../json.ts'
import { hashKey } from '../../keys.ts'
import type { EventRecord } from '../../types/events.ts'

/**
 * The columns that an author writes, and the status: a row whose hash does
 * not fit them was changed by other hands.
 */
const COLUMNS = [
  'name',
  'source',
  'sourceKey',
  'handler',
  'payload',
  'profile',
  'trigger',
  'meta',
  'subject',
  'tags',
  'status',
  'queue',
  'priority',
  'misfire',
  'overlap',
  'onResume',
  'concurrencyKey',
  'timeout',
  'retries',
  'maxRuns',
] as const satisfies (keyof EventRecord)[]

type Hashed = Pick<EventRecord, (typeof COLUMNS)[number]>

/**
 * Columns that hold nothing are left out, so that a later version may add some
 * without making every row look changed.
 *
 * @throws E_PAYLOAD_NOT_JSON
 */
export function rowHash(event: Hashed): string {
  toJson(event.payload, { field: 'payload' })
  toJson(event.meta, { field: 'meta' })
  const set = COLUMNS.filter((column) => isSet(event[column]))
  return hashKey(JSON.stringify(set.map((column) => [column, event[column]])))
}

function isSet(value: unknown): boolean {
  return value !== null && value !== undefined && !(Array.isArray(value) && value.length === 0)
}

export interface RowBefore {
  event: EventRecord
  /** Hash of the row as it is in the store. */
  found: string
  /** What plain SQL left is taken over with this change. */
  accepted: boolean
}

/**
 * The hash that is written with a change of ours. Where the row was changed by
 * other hands before, it stays as it is, so that their change is still noticed.
 */
export function hashAfter(before: RowBefore, patch: object, after: EventRecord): string | null {
  const { event, found, accepted } = before
  if (!accepted && event.rowHash !== found) {
    return event.rowHash
  }
  // A row that cannot be read keeps the hash that it was found with
  return COLUMNS.some((column) => column in patch) ? rowHash(after) : found
}

/** Whether other hands have changed a row, or nobody has looked at it yet. */
export function isForeign({ event, found }: { event: EventRecord; found: string }): boolean {
  return event.rowHash !== found
}
