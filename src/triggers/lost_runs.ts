import { MONTHS, WEEKDAYS, daysInMonth, modulo } from './civil_date.ts'
import { monthIndex } from './calendar_rule.ts'
import type { CalendarRule } from './calendar_rule.ts'

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
  const name = MONTHS[month - 1]
  const days = rule.monthDays
    .filter((day) => Math.abs(day) > daysInMonth(COMMON_YEAR, month))
    .map((day) =>
      Math.abs(day) > daysInMonth(LEAP_YEAR, month)
        ? `${name} has no day ${day}: its run is lost`
        : `${name} has a day ${day} in leap years only: its run is lost in the others`
    )
  const weekdays = rule.nthWeekdays
    .filter(({ nth }) => Math.abs(nth) === 5)
    .map(
      ({ weekday }) =>
        `${name} has a fifth ${WEEKDAYS[weekday]} in some years only: in the others its run is lost`
    )
  return [...days, ...weekdays]
}
