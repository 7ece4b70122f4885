import type { JsonObject, JsonValue } from '../../types/json.ts'
import {
  paramsOf,
  readDay,
  readMapref,
  readYes,
  Refusal,
  shorten,
  type RequestInput,
} from '../request_fields.ts'
import { daysBetween, type Day } from './days.ts'

/** What a day that fails does to the days after it. */
export type OnError = 'stop' | 'continue'

export const ON_ERROR: readonly OnError[] = ['stop', 'continue']

/** Longest range: a century. More is a year that was mistyped. */
export const MOST_DAYS = 36_525

export interface HistoryRequest {
  type: 'HISTORY'
  requestId: string
  mapref: string
  /** null: the default of the parameter table. */
  first: Day | null
  /** null: yesterday. */
  last: Day | null
  /** Whether the target is truncated before the first day. */
  truncate: boolean
  /** null: as config says. */
  onError: OnError | null
  /** What every day gets besides its own day, which is param1. */
  requestParams: JsonObject
}

/** `start_date`, `end_date`, `truncate_flag`; also `on_error` and `params`. */
export function readHistory(row: RequestInput, payload: JsonObject): HistoryRequest {
  const first = readDay('start_date', payload.start_date)
  const last = readDay('end_date', payload.end_date)
  if (first !== null && last !== null) {
    checkRange(first, last)
  }
  return {
    type: 'HISTORY',
    requestId: row.requestId,
    mapref: readMapref(row),
    first,
    last,
    truncate: readYes('truncate_flag', payload.truncate_flag),
    onError: readOnError(payload.on_error),
    requestParams: 'params' in payload ? paramsOf(payload) : {},
  }
}

/** @throws Refusal when the range has no day, or more than a century of them */
export function checkRange(first: Day, last: Day): void {
  const days = daysBetween(first, last)
  if (days < 1) {
    throw new Refusal(
      `the last day, ${last}, lies before the first, ${first}; give an end_date that does not`
    )
  }
  if (days > MOST_DAYS) {
    throw new Refusal(
      `${first} to ${last} are ${days} days, more than the ${MOST_DAYS} of a century; correct start_date or end_date`
    )
  }
}

function readOnError(value: JsonValue | undefined): OnError | null {
  if (value === undefined || value === null || value === '') {
    return null
  }
  const found = ON_ERROR.find((word) => word === String(value).trim().toLowerCase())
  if (found === undefined) {
    throw new Refusal(`PAYLOAD.on_error "${shorten(value)}" is neither "stop" nor "continue"`)
  }
  return found
}
