import type { Duration } from '../duration.ts'
import type { Instant } from '../types/json.ts'
import type {
  CalendarTrigger,
  CronTrigger,
  IntervalTrigger,
  ManualTrigger,
  NthWeekday,
  OnceTrigger,
  TriggerBounds,
  Weekday,
} from '../types/triggers.ts'

/**
 * Short forms of the common triggers. Each returns the plain literal that it
 * stands for; nothing is checked before the literal is used.
 */

/** What a wall-clock trigger may be given besides; the zone is UTC where none is named. */
export type CalendarOptions = Partial<
  Omit<
    CalendarTrigger,
    'kind' | 'unit' | 'times' | 'weekdays' | 'monthDays' | 'nthWeekdays' | 'months'
  >
>

/** A date of the month: 1..31, -1 for the last day, or the nth weekday. */
export type MonthDate = number | NthWeekday

/** Every fixed length of real time: `every('15m')`. */
export function every(
  length: Duration,
  options: Omit<IntervalTrigger, 'kind' | 'every'> = {}
): IntervalTrigger {
  return { kind: 'interval', every: length, ...options }
}

/** One instant. */
export function once(at: Instant, options: TriggerBounds = {}): OnceTrigger {
  return { kind: 'once', at, ...options }
}

/** No slots: the event runs by hand, or after the events that it depends on. */
export function manual(): ManualTrigger {
  return { kind: 'manual' }
}

/** A cron expression of five or six fields: `cron('30 6 * * MON-FRI', { timezone: 'Europe/Berlin' })`. */
export function cron(
  expression: string,
  options: Partial<Omit<CronTrigger, 'kind' | 'expression'>> = {}
): CronTrigger {
  return { kind: 'cron', expression, timezone: 'UTC', ...options }
}

/** Every day at one or several times: `daily('02:30')`. */
export function daily(times: string | string[], options: CalendarOptions = {}): CalendarTrigger {
  return calendar('day', times, {}, options)
}

/** Every week: `weekly('MON', '06:00')`, `weekly(['MON', 'THU'], '06:00', { every: 2, anchor: '2026-01-05' })`. */
export function weekly(
  weekdays: Weekday | Weekday[],
  times: string | string[],
  options: CalendarOptions = {}
): CalendarTrigger {
  return calendar('week', times, { weekdays: listOf(weekdays) }, options)
}

/** Every month: `monthly(31, '23:00', { shortMonths: 'clamp' })`, `monthly({ nth: -1, weekday: 'FRI' }, '17:00')`. */
export function monthly(
  dates: MonthDate | MonthDate[],
  times: string | string[],
  options: CalendarOptions = {}
): CalendarTrigger {
  return calendar('month', times, datesOf(dates), options)
}

/** Every year in one or several months: `yearly(12, 24, '09:00')`. */
export function yearly(
  months: number | number[],
  dates: MonthDate | MonthDate[],
  times: string | string[],
  options: CalendarOptions = {}
): CalendarTrigger {
  return calendar('year', times, { ...datesOf(dates), months: listOf(months) }, options)
}

function calendar(
  unit: CalendarTrigger['unit'],
  times: string | string[],
  days: Partial<CalendarTrigger>,
  options: CalendarOptions
): CalendarTrigger {
  return { kind: 'calendar', unit, times: listOf(times), timezone: 'UTC', ...days, ...options }
}

function datesOf(dates: MonthDate | MonthDate[]): Partial<CalendarTrigger> {
  const list = listOf(dates)
  const monthDays = list.filter((date) => typeof date === 'number')
  const nthWeekdays = list.filter((date) => typeof date !== 'number')
  return {
    ...(monthDays.length > 0 ? { monthDays } : {}),
    ...(nthWeekdays.length > 0 ? { nthWeekdays } : {}),
  }
}

function listOf<Item>(value: Item | Item[]): Item[] {
  return Array.isArray(value) ? value : [value]
}
