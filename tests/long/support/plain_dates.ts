import type { Weekday } from '../../../src/types/triggers.ts'

/** Dates by the platform's own `Date`, for walks that check the code under test. */

export const NAMES: Weekday[] = ['MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT', 'SUN']

const DAY = 86_400_000

/** Days are counted from 1970-01-01. */
export function partsOf(day: number): { year: number; month: number; day: number } {
  const date = new Date(day * DAY)
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() }
}

/** 0 is Monday. */
export function weekdayOf(day: number): number {
  return (new Date(day * DAY).getUTCDay() + 6) % 7
}

/** The days of the month of a day. */
export function lengthOf(day: number): number {
  const { year, month } = partsOf(day)
  return new Date(Date.UTC(year, month, 0)).getUTCDate()
}
