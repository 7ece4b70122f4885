import type { CalendarTrigger } from '../types/triggers.ts'
import { DAY, civilDate, dayNumber, daysInMonth, modulo, weekdayOf } from './civil_date.ts'
import { MAX_INSTANT } from './instant.ts'
import type { WallSeries } from './zoned_series.ts'

/**
 * Counted periods of a calendar and the days and times in them that fire.
 * Days are day numbers (see civil_date.ts).
 */
export interface CalendarRule {
  unit: CalendarTrigger['unit']
  /** Every n-th period, counted from the anchor's. */
  every: number
  anchor: number
  /** No day before it counts; -Infinity when there is no anchor. */
  firstDay: number
  /** Weeks: 0 (Monday) to 6. */
  weekdays: number[]
  /** Months and years: 1..31, or -1 (the last day) to -31. */
  monthDays: number[]
  /** Months and years: the nth weekday, from the end where negative. */
  nthWeekdays: { nth: number; weekday: number }[]
  /** Years: 1..12. */
  months: number[]
  /** A month without the day: the nearest that it has (true) or none. */
  clamp: boolean
  /** ms since midnight, ascending */
  times: number[]
}

/**
 * The Gregorian calendar repeats after 400 years, so a rule that gives nothing
 * in as many periods gives nothing at all.
 */
export const PERIODS_IN_CYCLE = 4800
const LAST_DAY = Math.floor(MAX_INSTANT / DAY)

/** A month as a number of months since the year 0. */
export const monthIndex = (day: number) => {
  const { year, month } = civilDate(day)
  return year * 12 + month - 1
}
const mondayOf = (day: number) => day - weekdayOf(day)

/** Index of the counted period that holds a day, or of the last one before it. */
function periodOf(rule: CalendarRule, day: number): number {
  const { unit, every, anchor } = rule
  switch (unit) {
    case 'day':
      return Math.floor((day - anchor) / every)
    case 'week':
      return Math.floor((mondayOf(day) - mondayOf(anchor)) / (7 * every))
    case 'month':
      return Math.floor((monthIndex(day) - monthIndex(anchor)) / every)
    case 'year':
      return Math.floor((civilDate(day).year - civilDate(anchor).year) / every)
  }
}

/** The days of a counted period that fire, ascending. */
export function daysOfPeriod(rule: CalendarRule, index: number): number[] {
  const { unit, every, anchor } = rule
  switch (unit) {
    case 'day':
      return [anchor + index * every]
    case 'week': {
      const monday = mondayOf(anchor) + index * every * 7
      return rule.weekdays.map((weekday) => monday + weekday)
    }
    case 'month': {
      const month = monthIndex(anchor) + index * every
      return daysOfMonth(rule, Math.floor(month / 12), modulo(month, 12) + 1)
    }
    case 'year': {
      const year = civilDate(anchor).year + index * every
      return rule.months.flatMap((month) => daysOfMonth(rule, year, month))
    }
  }
}

function daysOfMonth(rule: CalendarRule, year: number, month: number): number[] {
  const first = dayNumber({ year, month, day: 1 })
  const length = daysInMonth(year, month)
  const dates = [
    ...rule.monthDays.map((day) => (day > 0 ? day : length + 1 + day)),
    ...rule.nthWeekdays.map((nth) => dateOfNth(nth, weekdayOf(first), { length, ...rule })),
  ]
  const found = rule.clamp
    ? dates.map((date) => Math.min(Math.max(date, 1), length))
    : dates.filter((date) => date >= 1 && date <= length)
  return [...new Set(found)].sort((a, b) => a - b).map((date) => first + date - 1)
}

/** The date of an nth weekday; outside of the month when there is none, and then not to be clamped. */
function dateOfNth(
  { nth, weekday }: { nth: number; weekday: number },
  firstWeekday: number,
  { length, clamp }: { length: number; clamp: boolean }
): number {
  const first = 1 + modulo(weekday - firstWeekday, 7)
  const count = Math.floor((length - first) / 7) + 1
  const wanted = nth > 0 ? nth : count + 1 + nth
  const index = clamp ? Math.min(Math.max(wanted, 1), count) : wanted
  return first + (index - 1) * 7
}

/**
 * The days that fire, from a day on (inclusive). Ends by itself: after the
 * year 9999, or after a whole cycle of the calendar without a day.
 */
export function* matchingDays(
  rule: CalendarRule,
  from: number,
  periodDays = daysOfPeriod
): Generator<number> {
  const start = Math.max(from, rule.firstDay)
  let index = periodOf(rule, start)
  for (let barren = 0; barren < PERIODS_IN_CYCLE; barren++) {
    for (const day of periodDays(rule, index)) {
      if (day > LAST_DAY) {
        return
      }
      if (day >= start) {
        barren = 0
        yield day
      }
    }
    index++
  }
}

/** The wall clocks of a rule. */
export function calendarWalls(rule: CalendarRule): WallSeries {
  return {
    next(from) {
      for (const day of matchingDays(rule, Math.floor(from / DAY))) {
        for (const time of rule.times) {
          if (day * DAY + time >= from) {
            return day * DAY + time
          }
        }
      }
      return null
    },
  }
}

/** True when a rule has a day at all. */
export function everFires(rule: CalendarRule): boolean {
  return !matchingDays(rule, rule.anchor).next().done
}
