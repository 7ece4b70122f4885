import type { SqlCell, SqlColumn } from '../../storage/sql_session.ts'
import { parseDate } from '../../triggers/civil_date.ts'
import type { WallClock } from '../wall_clock.ts'

const NUMBER = /^-?(?:\d+(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?$/i
const OFFSET_HOURS = /([+-]\d{2})$/

/** A text of digits as a JavaScript number; null when that would not be exactly the same. */
export function exactNumber(text: string): number | null {
  if (!NUMBER.test(text)) {
    return null
  }
  const number = Number(text)
  return Number.isFinite(number) && digitsOf(String(number)) === digitsOf(text) ? number : null
}

/** A number's digits in one spelling: `1.50` and `1.5` are the same, and so are `1e3` and `1000`. */
function digitsOf(text: string): string {
  const [, sign, whole, fraction = '', exponent = '0'] =
    /^(-?)(\d*)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text)!
  const digits = (whole + fraction).replace(/^0+/, '')
  const trimmed = digits.replace(/0+$/, '')
  const power = Number(exponent) - fraction.length + (digits.length - trimmed.length)
  return trimmed === '' ? '0' : `${sign}${trimmed}e${power}`
}

/** Whether a value is to be taken for a number. */
export function isNumeric(cell: SqlCell, { kind }: SqlColumn): boolean {
  return typeof cell === 'number' || (kind === 'number' && typeof cell === 'string')
}

/** A value as text: exact, dates in the zone of the source, empty for null. */
export function textOf(cell: SqlCell, { kind }: SqlColumn, wallClock: WallClock): string {
  if (cell === null) {
    return ''
  }
  if (typeof cell === 'string' && (kind === 'date' || kind === 'instant')) {
    return kind === 'instant' ? wallOfInstant(cell, wallClock) : wholeSeconds(cell)
  }
  return String(cell)
}

/**
 * A wall clock as a Date whose UTC fields show it, as spreadsheets count; null
 * for what is none.
 */
export function dateOf(text: string): Date | null {
  const parts = /^(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}:\d{2}(?:\.\d+)?))?$/.exec(text)
  if (!parts || parseDate(parts[1]) === null) {
    return null
  }
  const date = new Date(`${parts[1]}T${(parts[2] ?? '00:00:00').slice(0, 12)}Z`)
  return Number.isNaN(date.getTime()) ? null : date
}

/** An instant with its offset as a wall clock of the source. */
function wallOfInstant(text: string, wallClock: WallClock): string {
  const instant = Date.parse(text.replace(' ', 'T').replace(OFFSET_HOURS, '$1:00'))
  return Number.isNaN(instant) ? text : wholeSeconds(wallClock.render(instant, 'millisecond'))
}

function wholeSeconds(text: string): string {
  return text.replace('T', ' ').replace(/\.0+$/, '')
}
