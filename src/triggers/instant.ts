import { E_INVALID_INSTANT } from '../errors.ts'
import type { Instant } from '../types/json.ts'

/** First and last instant that a trigger knows: the years 1 to 9999 (UTC). */
export const MIN_INSTANT = Date.parse('0001-01-01T00:00:00.000Z')
export const MAX_INSTANT = Date.parse('9999-12-31T23:59:59.999Z')

const TIME = '([01]\\d|2[0-3]):[0-5]\\d(:[0-5]\\d(\\.\\d{1,9})?)?'
const ISO = new RegExp(`^(\\d{4}-\\d{2}-\\d{2})T${TIME}(Z|[+-][01]\\d:[0-5]\\d)$`, 'i')

/**
 * Returns an instant in whole epoch milliseconds.
 *
 * @throws E_INVALID_INSTANT naming `field` and the value
 */
export function toInstant(value: Instant, field = 'instant'): number {
  const ms = parse(value)
  if (!(ms >= MIN_INSTANT && ms <= MAX_INSTANT)) {
    throw new E_INVALID_INSTANT([field, String(value)])
  }
  return Math.floor(ms)
}

/** The ISO UTC text of an instant in epoch milliseconds. */
export function toIso(ms: number): string {
  return new Date(ms).toISOString()
}

function parse(value: unknown): number {
  if (value instanceof Date) {
    return value.getTime()
  }
  if (typeof value === 'number') {
    return value
  }
  const date = typeof value === 'string' ? ISO.exec(value)?.[1] : undefined
  // Date.parse would take February 30 for March 2
  return date && isDate(date) ? Date.parse(String(value)) : Number.NaN
}

function isDate(text: string): boolean {
  const midnight = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(midnight) && toIso(midnight).startsWith(text)
}
