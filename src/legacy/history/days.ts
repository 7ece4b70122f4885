import { civilDate, MONTHS, parseDate } from '../../triggers/civil_date.ts'

/** A calendar day, `yyyy-MM-dd`. */
export type Day = string

const SHORT_MONTHS = MONTHS.map((name) => name.slice(0, 3))
const WRITTEN = /^(\d{1,2})-([a-z]{3})-(\d{4})$/i

/** `DD-Mon-YYYY` with the English month, as the flows of a history load get their day. */
export function writtenDay(day: Day): string {
  const { year, month, day: date } = civilDate(parseDate(day)!)
  return `${padded(date, 2)}-${SHORT_MONTHS[month - 1]}-${padded(year, 4)}`
}

/** The day of a text `DD-Mon-YYYY`, in any letter case, or `yyyy-MM-dd`; null when it is none. */
export function readWrittenDay(text: string): Day | null {
  const given = text.trim()
  const [, date, name, year] = WRITTEN.exec(given) ?? []
  if (date === undefined) {
    return parseDate(given) === null ? null : given
  }
  const month = SHORT_MONTHS.findIndex((each) => each.toLowerCase() === name.toLowerCase())
  const day = `${year}-${padded(month + 1, 2)}-${date.padStart(2, '0')}`
  return parseDate(day) === null ? null : day
}

/** The day so many days later; earlier for a negative number. */
export function dayAfter(day: Day, days = 1): Day {
  const { year, month, day: date } = civilDate(parseDate(day)! + days)
  return `${padded(year, 4)}-${padded(month, 2)}-${padded(date, 2)}`
}

/** How many days a range has, both ends counted; 0 or less when it ends before it begins. */
export function daysBetween(first: Day, last: Day): number {
  return parseDate(last)! - parseDate(first)! + 1
}

function padded(number: number, length: number): string {
  return String(number).padStart(length, '0')
}
