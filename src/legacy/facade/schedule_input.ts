import type { Report } from '../../input/fields.ts'
import { refuseOthers } from '../../input/fields.ts'
import { isFrequencyCode, usesMonthDay, usesWeekday } from '../../triggers/frequency_dialects.ts'
import { WEEKDAYS } from '../../triggers/civil_date.ts'
import { validateTrigger } from '../../triggers/main.ts'
import type { FrequencyCode } from '../../types/triggers.ts'
import { frequencyTrigger, type FrequencyOptions } from '../frequency_codes.ts'
import type { ScheduleRow } from '../tables/job_schedules.ts'
import type { ScheduleValues } from '../tables/schedule_edits.ts'
import type { WallClock } from '../wall_clock.ts'
import { asObject, isGiven, readMapref, readNumber, readWall } from './fields.ts'

/** When a mapping runs: the columns of a schedule, as a person gives them. */
export interface ScheduleInput {
  mapref: string
  /** YR, HY, MN, FN, WK, DL or ID. */
  frqcd: string
  /** MON..SUN for WK and FN, 1..31 for YR, HY and MN; else ignored. */
  frqdd?: string | number | null
  /** 0..23; empty or -1 lets an ID run every `frqmi` minutes. */
  frqhh?: string | number | null
  /** 0..59, or the minutes of such an ID. */
  frqmi: string | number
  /** First date: a wall clock of the zone (`2026-03-01`, `2026-03-01 06:00:00`), or an instant as a Date. */
  strtdt: string | Date
  /** Last date; one without a time means the end of that day. */
  enddt?: string | Date | null
}

/** What a schedule shall be. */
export interface WantedSchedule {
  values: ScheduleValues
  /** ENDDT was given without a time. */
  endsWithDay: boolean
}

export interface ScheduleContext extends FrequencyOptions {
  wallClock: WallClock
  /** Today in the zone, `yyyy-MM-dd`. */
  today: string
  /** Most minutes of an ID without hour. */
  mostMinutes: number
}

const FIELDS = ['mapref', 'frqcd', 'frqdd', 'frqhh', 'frqmi', 'strtdt', 'enddt'] as const
const EXAMPLE = '{ mapref, frqcd: "DL", frqhh: 6, frqmi: 0, strtdt: "2026-03-01" }'
const LAST_SECOND = 'T23:59:59'
const MIDNIGHT = 'T00:00:00'
const DAY_LENGTH = 'yyyy-MM-dd'.length

/**
 * Reads what `createJobSchedule` is given, by the rules of the old package and
 * the stricter ones of its replacement.
 *
 * @param keptStart STRTDT of the current row: a date that stays is not judged again
 * @returns null when something was reported
 */
export function readSchedule(
  input: unknown,
  context: ScheduleContext,
  keptStart: (mapref: string) => string | null,
  report: Report
): WantedSchedule | null {
  const given = asObject(input, EXAMPLE, report)
  refuseOthers('', given, FIELDS, report)
  const mapref = readMapref('mapref', given.mapref, report)
  const kept = mapref === undefined ? null : keptStart(mapref)
  const code = readCode(given.frqcd, report)
  const times = code && readTimes(code, given, context, report)
  const dates = readDates(given, context, kept, report)
  if (mapref === undefined || !code || !times || !dates) {
    return null
  }
  const values = { mapref, frqcd: code, ...times, strtdt: dates.strtdt, enddt: dates.enddt }
  return canFire(values, given, context, report) ? { values, endsWithDay: dates.endsWithDay } : null
}

/** Whether a current row says the same already. */
export function saysTheSame(
  row: ScheduleRow,
  { values, endsWithDay }: WantedSchedule,
  options: FrequencyOptions
): boolean {
  if (row.problems.length > 0) {
    return false
  }
  try {
    const { end: rowEnd, ...rowRest } = frequencyTrigger(row, options)
    const { end, ...rest } = frequencyTrigger(toRow(values), options)
    // Other programs store a day without a time as its midnight
    const isMidnight = endsWithDay && rowEnd === end?.replace(LAST_SECOND, MIDNIGHT)
    return JSON.stringify(rowRest) === JSON.stringify(rest) && (rowEnd === end || isMidnight)
  } catch {
    // A row that cannot be read is replaced by one that can
    return false
  }
}

function readCode(value: unknown, report: Report): FrequencyCode | undefined {
  const code = typeof value === 'string' ? value.trim().toUpperCase() : value
  if (isFrequencyCode(code)) {
    return code
  }
  report('frqcd', value, 'give one of YR, HY, MN, FN, WK, DL, ID')
  return undefined
}

function readTimes(
  code: FrequencyCode,
  { frqdd, frqhh, frqmi }: Record<string, unknown>,
  { mostMinutes }: ScheduleContext,
  report: Report
) {
  const day = readDayOf(code, frqdd, report)
  const byMinutes = code === 'ID' && (!isGiven(frqhh) || Number(frqhh) === -1)
  const hour = byMinutes ? null : readNumber('frqhh', frqhh, { min: 0, max: 23 }, report)
  const range = byMinutes ? { min: 1, max: mostMinutes } : { min: 0, max: 59 }
  const minute = readNumber('frqmi', frqmi, range, report)
  return day === undefined || hour === undefined || minute === undefined
    ? null
    : { frqdd: day, frqhh: hour, frqmi: minute }
}

/** null where the code ignores it. */
function readDayOf(code: FrequencyCode, value: unknown, report: Report): string | null | undefined {
  if (usesMonthDay(code)) {
    const day = readNumber('frqdd', value, { min: 1, max: 31 }, report)
    return day === undefined ? undefined : String(day)
  }
  if (!usesWeekday(code)) {
    return null
  }
  const day = typeof value === 'string' ? value.trim().toUpperCase() : value
  const found = WEEKDAYS.find((weekday) => weekday === day)
  if (found === undefined) {
    report('frqdd', value, `${code} needs a weekday: give one of ${WEEKDAYS.join(', ')}`)
  }
  return found
}

function readDates(
  given: Record<string, unknown>,
  { wallClock, today }: ScheduleContext,
  kept: string | null,
  report: Report
) {
  const strtdt = readWall('strtdt', given.strtdt, wallClock, report)
  const isPast = strtdt !== undefined && strtdt.slice(0, DAY_LENGTH) < today
  if (isPast && withTime(strtdt) !== (kept && withTime(kept))) {
    report('strtdt', given.strtdt, `it lies before today, ${today}; give today or a later day`)
  }
  const enddt = isGiven(given.enddt) ? readWall('enddt', given.enddt, wallClock, report) : null
  if (strtdt !== undefined && enddt && withTime(enddt) <= withTime(strtdt)) {
    const remedy = 'give a later one, with a time to end on the same day, or leave it empty'
    report('enddt', given.enddt, `it does not lie after STRTDT (${strtdt}); ${remedy}`)
  }
  if (strtdt === undefined || enddt === undefined) {
    return null
  }
  const endsWithDay = enddt !== null && enddt.length === DAY_LENGTH
  return {
    strtdt: withTime(strtdt),
    enddt: endsWithDay ? `${enddt}${LAST_SECOND}` : enddt,
    endsWithDay,
  }
}

function withTime(text: string): string {
  return text.length === DAY_LENGTH ? `${text}${MIDNIGHT}` : text
}

/** A day that none of its months has would wait for ever. */
function canFire(
  values: ScheduleValues,
  given: Record<string, unknown>,
  options: FrequencyOptions,
  report: Report
): boolean {
  const problems = validateTrigger(frequencyTrigger(toRow(values), options))
  for (const { message } of problems) {
    report('frqdd', given.frqdd, message)
  }
  return problems.length === 0
}

function toRow(values: ScheduleValues) {
  const { frqcd, frqdd, frqhh, frqmi, strtdt, enddt } = values
  return { frqcd, frqdd, frqhh, frqmi, strtdt, enddt }
}
