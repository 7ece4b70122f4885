import type { CalendarTrigger } from '../types/triggers.ts'
import { DAY, MONTHS, civilDate, dayNumber, daysInMonth, modulo, weekdayOf } from './civil_date.ts'
import type { CompiledTrigger } from './compiled.ts'
import { MAX_INSTANT } from './instant.ts'
import { instantOf, wallOf } from './wall_clock.ts'
import type { Zone } from './wall_clock.ts'

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
  /** Months and years: 1..31. */
  monthDays: number[]
  /** Years: 1..12. */
  months: number[]
  /** A month without the day: its last day (true) or none. */
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
const monthIndex = (day: number) => {
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
  const length = daysInMonth(year, month)
  const days = rule.clamp
    ? rule.monthDays.map((day) => Math.min(day, length))
    : rule.monthDays.filter((day) => day <= length)
  return [...new Set(days)].map((day) => dayNumber({ year, month, day }))
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

/**
 * The slots of a rule in a zone, one at a time: wall clocks are found by
 * arithmetic and only those that may be next are turned into instants.
 */
export function calendarSeries(rule: CalendarRule, zone: Zone): CompiledTrigger {
  return {
    next(after) {
      const wall = wallOf(after, zone)
      for (const day of matchingDays(rule, Math.floor(wall / DAY))) {
        for (const time of rule.times) {
          const candidate = day * DAY + time
          // An earlier wall clock gives no later instant; a repeated one may give an earlier
          const slot = candidate < wall ? after : instantOf(candidate, zone)
          if (slot > after) {
            return slot
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

/**
 * The months of a rule that lack one of its days, in words. A rule of every
 * single month is left out: there, skipping is what was asked for.
 */
export function lostRuns(rule: CalendarRule): string[] {
  const { unit, every, clamp } = rule
  if (clamp || unit === 'day' || unit === 'week' || (unit === 'month' && every === 1)) {
    return []
  }
  const months = unit === 'year' ? rule.months : monthsOfYear(rule)
  return months.flatMap((month) => lostIn(rule, month))
}

function monthsOfYear(rule: CalendarRule): number[] {
  const start = monthIndex(rule.anchor)
  const months = Array.from({ length: 12 }, (_, n) => modulo(start + n * rule.every, 12) + 1)
  return [...new Set(months)].sort((a, b) => a - b)
}

const LEAP_YEAR = 2000
const COMMON_YEAR = 2001

function lostIn(rule: CalendarRule, month: number): string[] {
  return rule.monthDays
    .filter((day) => day > daysInMonth(COMMON_YEAR, month))
    .map((day) =>
      day > daysInMonth(LEAP_YEAR, month)
        ? `${MONTHS[month - 1]} has no day ${day}: its run is lost`
        : `${MONTHS[month - 1]} has a day ${day} in leap years only: its run is lost in the others`
    )
}
