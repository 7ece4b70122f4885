import { parseDate } from '../../triggers/civil_date.ts'
import type { JsonObject, JsonValue } from '../../types/json.ts'
import type { FlowCheckpoint } from '../engine/flow_run.ts'
import { cutText } from '../text_cut.ts'
import { dayAfter, daysBetween, type Day } from './days.ts'
import { ON_ERROR, type OnError } from './request.ts'

/** A day whose run did not complete. */
export type FailedDay = { day: Day; prcid: number | null; message: string }

export type RowCounts = { source: number; target: number; errors: number }

/**
 * How far a history load has come. It is stored twice: in our own store, for
 * whoever goes on after a crash, and in RESULT_PAYLOAD, for those who look and
 * for a load that is started again.
 */
export type HistoryProgress = {
  first: Day
  last: Day
  onError: OnError
  /** null: the target is left as it is. */
  truncate: 'asked' | 'truncating' | 'truncated' | null
  /** Days that complete. */
  complete: number
  /** Days to run again, before those from `next` on. */
  again: Day[]
  /** The first day that no run was begun for. */
  next: Day
  failed: FailedDay[]
  rows: RowCounts
  /** The day that runs, with what its run has stored; null between two days. */
  current: { day: Day; run: FlowCheckpoint } | null
  /** The newest run that completed; null before there is one. */
  prcid: number | null
}

const SHOWN = { length: 200, unit: 'characters' } as const
/** Failed days whose message is kept; DWPRCLOG has those of all. */
const MESSAGES = 50

export function freshProgress(
  range: Pick<HistoryProgress, 'first' | 'last' | 'onError'>,
  truncate: boolean
): HistoryProgress {
  return {
    ...range,
    truncate: truncate ? 'asked' : null,
    complete: 0,
    again: [],
    next: range.first,
    failed: [],
    rows: { source: 0, target: 0, errors: 0 },
    current: null,
    prcid: null,
  }
}

/** The day to run now; null when all were run. */
export function dueDay({ again, next, last }: HistoryProgress): Day | null {
  return again[0] ?? (daysBetween(next, last) > 0 ? next : null)
}

/** The same load once the day that runs has ended. */
export function dayEnded(
  progress: HistoryProgress,
  day: Day,
  end: { failed: FailedDay } | { prcid: number; rows: RowCounts }
): HistoryProgress {
  const { again, next, failed, complete, rows } = progress
  const left = {
    ...progress,
    current: null,
    again: again.filter((each) => each !== day),
    next: again.includes(day) ? next : dayAfter(day),
  }
  if ('failed' in end) {
    const message = failed.length < MESSAGES ? cutText(end.failed.message, SHOWN) : ''
    return { ...left, failed: [...failed, { ...end.failed, message }] }
  }
  return {
    ...left,
    complete: complete + 1,
    prcid: end.prcid,
    rows: {
      source: rows.source + end.rows.source,
      target: rows.target + end.rows.target,
      errors: rows.errors + end.rows.errors,
    },
  }
}

/** How RESULT_PAYLOAD tells it, under `history`. */
export function toResult(progress: HistoryProgress): JsonObject {
  const { first, last, onError, truncate, complete, failed, again, next, rows } = progress
  const { current, prcid } = progress
  return {
    first_day: first,
    last_day: last,
    days: daysBetween(first, last),
    complete,
    next_day: next,
    on_error: onError,
    source_rows: rows.source,
    target_rows: rows.target,
    error_rows: rows.errors,
    failed,
    ...(again.length > 0 && { again }),
    ...(truncate && { truncate }),
    ...(prcid !== null && { last_prcid: prcid }),
    ...(current && { day: current.day, prcid: current.run.prcid }),
  }
}

/** A load that was started before, by the same request. */
export interface EarlierLoad {
  progress: HistoryProgress
  /** The run that was under way when it was last noted; null when none was. */
  underWay: { day: Day; prcid: number } | null
}

/**
 * What RESULT_PAYLOAD tells of an earlier start; null when it tells nothing
 * that can be gone on from. Days that failed are to be run again, first of all.
 */
export function readEarlier(result: string | null): EarlierLoad | null {
  const told = objectIn(parsed(result), 'history')
  const { first_day: first, last_day: last, next_day: next } = told ?? {}
  if (!told || !isDay(first) || !isDay(last) || !isDay(next)) {
    return null
  }
  const failed = listOf(told.failed).filter(isFailedDay)
  const again = [...listOf(told.again).filter(isDay), ...failed.map(({ day }) => day)]
  const onError = ON_ERROR.find((word) => word === told.on_error) ?? 'stop'
  const complete = countOf(told.complete)
  return {
    underWay: isDay(told.day) && isCount(told.prcid) ? { day: told.day, prcid: told.prcid } : null,
    progress: {
      ...freshProgress({ first, last, onError }, false),
      // As long as nothing is complete the load begins with an empty target again
      truncate: typeof told.truncate === 'string' ? (complete > 0 ? 'truncated' : 'asked') : null,
      complete,
      again: [...new Set(again)].sort(),
      next,
      rows: {
        source: countOf(told.source_rows),
        target: countOf(told.target_rows),
        errors: countOf(told.error_rows),
      },
      prcid: isCount(told.last_prcid) ? told.last_prcid : null,
    },
  }
}

function parsed(text: string | null): JsonValue {
  try {
    return JSON.parse(text ?? 'null') as JsonValue
  } catch {
    // Another program's words tell nothing of days
    return null
  }
}

function objectIn(value: JsonValue, key: string): JsonObject | null {
  const found = isObject(value) ? value[key] : null
  return isObject(found) ? found : null
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function listOf(value: JsonValue | undefined): JsonValue[] {
  return Array.isArray(value) ? value : []
}

function isDay(value: JsonValue | undefined): value is Day {
  return typeof value === 'string' && parseDate(value) !== null
}

function isCount(value: JsonValue | undefined): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function countOf(value: JsonValue | undefined): number {
  return isCount(value) ? value : 0
}

function isFailedDay(value: JsonValue): value is FailedDay {
  return isObject(value) && isDay(value.day)
}
