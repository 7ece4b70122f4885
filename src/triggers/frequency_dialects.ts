import type { FrequencyCode, FrequencyDialect } from '../types/triggers.ts'
import type { CalendarRule } from './calendar_rule.ts'
import { FIXED_TIMES, REAL_TIME } from './zoned_series.ts'
import type { ClockPolicy } from './zoned_series.ts'

export type CalendarCode = Exclude<FrequencyCode, 'ID'>

/** What a code counts. */
export interface Period {
  unit: CalendarRule['unit']
  every: number
  /** Null: the month of STRTDT. */
  months: number[] | null
  words: string
}

/** How one of the old schedulers reads a row. */
export interface Dialect {
  periods: Record<CalendarCode, Period>
  /** Slots carry the seconds of STRTDT; else only the start of an interval may. */
  seconds: 'dropped' | 'kept' | 'of intervals'
  /** What an empty column means; null: nothing, such a row never fires. */
  empty: { day: string | null; time: number | null; interval: number | null }
  /** Minutes between the runs of a code that is none; null: refused. */
  unknownCode: number | null
  /** An ID with hour -1 is hourly, not every `minute` minutes. */
  hourlyAtMinusOne: boolean
  fixedTimes: ClockPolicy
  hourly: ClockPolicy
}

const period = (
  unit: CalendarRule['unit'],
  every: number,
  words: string,
  months: number[] | null = null
): Period => ({ unit, every, months, words })

const MN = period('month', 1, 'every month')
const WK = period('week', 1, 'every week')
const DL = period('day', 1, 'every day')

/** FN and HY count from STRTDT, YR runs in its month. */
const standard: Dialect = {
  periods: {
    YR: period('year', 1, 'every year'),
    HY: period('month', 6, 'every 6 months'),
    MN,
    FN: period('week', 2, 'every 2 weeks'),
    WK,
    DL,
  },
  seconds: 'dropped',
  empty: { day: null, time: null, interval: null },
  unknownCode: null,
  hourlyAtMinusOne: false,
  fixedTimes: FIXED_TIMES,
  hourly: REAL_TIME,
}

/** The calendar strings of the PL/SQL package: FREQ=YEARLY with a day of the month and no month is every month. */
const dbmsScheduler: Dialect = {
  ...standard,
  periods: { ...standard.periods, YR: MN },
  seconds: 'kept',
}

/** The cron fields of the Python service, which count by the calendar and know no STRTDT. */
const apscheduler: Dialect = {
  periods: {
    YR: period('year', 1, 'every year in January', [1]),
    HY: period('year', 1, 'every year in January, July', [1, 7]),
    MN,
    FN: WK,
    WK,
    DL,
  },
  seconds: 'of intervals',
  empty: { day: 'MON', time: 0, interval: 15 },
  unknownCode: 60,
  hourlyAtMinusOne: true,
  fixedTimes: { gap: 'shift', overlap: 'second' },
  hourly: REAL_TIME,
}

export const DIALECTS: Record<FrequencyDialect, Dialect> = {
  standard,
  dbms_scheduler: dbmsScheduler,
  apscheduler,
}

export const DIALECT_NAMES = Object.keys(DIALECTS) as FrequencyDialect[]

/** The day that the column FRQDD of such a row holds. */
const DAYS = {
  YR: 'month day',
  HY: 'month day',
  MN: 'month day',
  FN: 'weekday',
  WK: 'weekday',
  DL: 'none',
  ID: 'none',
} as const satisfies Record<FrequencyCode, string>

export const CODES = Object.keys(DAYS)

export function isFrequencyCode(code: unknown): code is FrequencyCode {
  return typeof code === 'string' && CODES.includes(code)
}

/** The column FRQDD of such a row holds MON..SUN. */
export function usesWeekday(code: string): boolean {
  return isFrequencyCode(code) && DAYS[code] === 'weekday'
}

/** The column FRQDD of such a row holds a day 1..31. */
export function usesMonthDay(code: string): boolean {
  return isFrequencyCode(code) && DAYS[code] === 'month day'
}
