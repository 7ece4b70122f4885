import type { Report } from '../../input/fields.ts'
import { object } from '../../input/fields.ts'
import { parseDate } from '../../triggers/civil_date.ts'
import type { WallClock } from '../wall_clock.ts'

/*
 * Readers of single fields of the facade's calls: each returns the value, or
 * reports what is wrong with it and returns undefined.
 */

/** Length of every MAPREF column. */
const MAPREF_LENGTH = 100
const REPORT_PREFIX = 'REPORT:'

export function asObject(given: unknown, example: string, report: Report): Record<string, unknown> {
  return object('input', given, `give an object such as ${example}`, report)
}

export function isGiven(value: unknown): boolean {
  const isBlank = typeof value === 'string' && value.trim() === ''
  return value !== undefined && value !== null && !isBlank
}

/** A MAPREF without the blanks around it. */
export function readMapref(field: string, value: unknown, report: Report): string | undefined {
  const mapref = typeof value === 'string' ? value.trim() : ''
  if (mapref === '' || mapref.length > MAPREF_LENGTH || hasControls(mapref)) {
    report(
      field,
      value,
      `name the mapping in 1 to ${MAPREF_LENGTH} characters, without line breaks`
    )
    return undefined
  }
  return mapref
}

/** MAPREF of a report's request, `REPORT:<id>`. */
export function readReport(field: string, value: unknown, report: Report): string | undefined {
  const id = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value
  const text = typeof id === 'string' ? id.trim() : ''
  const most = MAPREF_LENGTH - REPORT_PREFIX.length
  if (text === '' || text.length > most || hasControls(text)) {
    report(field, value, `give the report's id in 1 to ${most} characters, without line breaks`)
    return undefined
  }
  return text
}

export function reportMapref(reportId: string): string {
  return `${REPORT_PREFIX}${reportId}`
}

/** One of two letters, in any case. */
export function readLetter<Letter extends string>(
  field: string,
  value: unknown,
  letters: readonly [Letter, Letter],
  report: Report
): Letter | undefined {
  const given = typeof value === 'string' ? value.trim().toUpperCase() : value
  const found = letters.find((letter) => letter === given)
  if (found === undefined) {
    report(field, value, `write "${letters[0]}" or "${letters[1]}"`)
  }
  return found
}

/** A whole number, as a number or as a text of digits. */
export function readNumber(
  field: string,
  value: unknown,
  { min, max }: { min: number; max: number },
  report: Report
): number | undefined {
  const number =
    typeof value === 'string' && /^\s*[+-]?\d{1,15}\s*$/.test(value) ? Number(value) : value
  if (Number.isSafeInteger(number) && Number(number) >= min && Number(number) <= max) {
    return Number(number)
  }
  report(field, value, `give a whole number from ${min} to ${max}`)
  return undefined
}

/** A calendar day, `yyyy-MM-dd`; of a text with a time its day, of a Date its day in the zone. */
export function readDay(
  field: string,
  value: unknown,
  wallClock: WallClock,
  report: Report
): string | undefined {
  return readWall(field, value, wallClock, report)?.slice(0, 'yyyy-MM-dd'.length)
}

/**
 * A wall clock of the zone, `yyyy-MM-ddTHH:mm:ss`, or `yyyy-MM-dd` where no
 * time was given. A Date is an instant, and so is a text with an offset.
 */
export function readWall(
  field: string,
  value: unknown,
  wallClock: WallClock,
  report: Report
): string | undefined {
  const given = value instanceof Date ? value.getTime() : value
  if (value instanceof Date || typeof value === 'string') {
    const text = wallClock.readTextOrNull(given)
    if (text !== null && parseDate(text.slice(0, 10)) !== null) {
      return text
    }
  }
  report(field, value, 'give a date as "2026-03-01" or "2026-03-01 06:00:00"')
  return undefined
}

function hasControls(text: string): boolean {
  return /\p{Cc}/u.test(text)
}
