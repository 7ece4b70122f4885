/**
 * Arithmetic of the Gregorian calendar on day numbers (days since 1970-01-01)
 * and wall clocks (ms since 1970-01-01T00:00, in no zone).
 */
export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

export const WEEKDAYS = ['MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT', 'SUN'] as const

export const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]

const DAYS_OF_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

export interface CivilDate {
  year: number
  /** 1..12 */
  month: number
  /** 1..31 */
  day: number
}

export function isLeapYear(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
}

export function daysInMonth(year: number, month: number): number {
  return month === 2 && isLeapYear(year) ? 29 : DAYS_OF_MONTH[month - 1]
}

/** Days since 1970-01-01 of a date of the years 1 to 9999. */
export function dayNumber({ year, month, day }: CivilDate): number {
  // Date.UTC takes the years 0..99 for 1900..1999: shift by one 400-year cycle
  return Date.UTC(year + 400, month - 1, day) / DAY - 146_097
}

export function civilDate(dayOfEpoch: number): CivilDate {
  const date = new Date(dayOfEpoch * DAY)
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() }
}

/** 0 (Monday) to 6 (Sunday). */
export function weekdayOf(dayOfEpoch: number): number {
  return modulo(dayOfEpoch + 3, 7)
}

/** The remainder that is never negative. */
export function modulo(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor
}

/** Day number of `yyyy-MM-dd`, or null when there is no such date. */
export function parseDate(text: string): number | null {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text)
  if (!match) {
    return null
  }
  const [year, month, day] = match.slice(1).map(Number)
  const exists = year >= 1 && month >= 1 && month <= 12 && day >= 1
  return exists && day <= daysInMonth(year, month) ? dayNumber({ year, month, day }) : null
}

/** Milliseconds since midnight of `HH:mm` or `HH:mm:ss`, or null when there is no such time. */
export function parseTime(text: string): number | null {
  const match = /^([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/.exec(text)
  if (!match) {
    return null
  }
  const [hour, minute, second] = match.slice(1).map((part) => Number(part ?? 0))
  return hour * HOUR + minute * MINUTE + second * SECOND
}

/** Wall clock of `yyyy-MM-ddTHH:mm[:ss]`, or null when there is none. */
export function parseWall(text: string): number | null {
  const day = parseDate(text.slice(0, 10))
  const time = text[10] === 'T' ? parseTime(text.slice(11)) : null
  return day === null || time === null ? null : day * DAY + time
}

/** `yyyy-MM-ddTHH:mm:ss` of a wall clock. */
export function formatWall(wall: number): string {
  return new Date(wall).toISOString().slice(0, 19)
}
