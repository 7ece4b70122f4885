import { toMilliseconds, type Duration } from '../duration.ts'
import { shown } from '../triggers/field_reader.ts'
import { toInstant } from '../triggers/instant.ts'
import type { Instant } from '../types/json.ts'

/*
 * Readers of single fields: each returns the value, or reports what is wrong
 * with it and returns undefined, so that all problems are told at once.
 */

/** Notes what is wrong with a field. */
export type Report = (field: string, value: unknown, message: string) => void

/** Longest text that the store holds: names, queues, keys, actors. */
export const MAX_TEXT = 255
/** The most that a column of counts holds. */
export const MAX_COUNT = 2_147_483_647
/** The most of a retry count that is a policy and not a mistake. */
export const MAX_RETRIES = 10_000

/** Reports the fields that nobody reads: a typing error must not pass as a default. */
export function refuseOthers(
  prefix: string,
  given: object,
  known: readonly string[],
  report: Report
): void {
  for (const [field, value] of Object.entries(given)) {
    if (!known.includes(field)) {
      report(
        `${prefix}${field}`,
        value,
        `the field is unknown; the fields here are ${known.join(', ')}`
      )
    }
  }
}

export function text(
  field: string,
  value: unknown,
  max: number,
  report: Report
): string | undefined {
  if (typeof value !== 'string' || value.trim() === '' || value.length > max) {
    report(field, value, `give a text of 1 to ${max} characters`)
    return undefined
  }
  // PostgreSQL refuses the one, and every database changes the other
  if (value.includes('\0') || !value.isWellFormed()) {
    report(field, value, 'it holds NUL, or half of a surrogate pair; leave that character out')
    return undefined
  }
  return value
}

export function integer(
  field: string,
  value: unknown,
  range: { min: number; max: number },
  report: Report
): number | undefined {
  if (Number.isInteger(value) && Number(value) >= range.min && Number(value) <= range.max) {
    return Number(value)
  }
  report(field, value, `give a whole number from ${range.min} to ${range.max}`)
  return undefined
}

export function oneOf<Word extends string>(
  field: string,
  value: unknown,
  words: readonly Word[],
  report: Report
): Word | undefined {
  const found = words.find((word) => word === value)
  if (found === undefined) {
    report(field, value, `write ${words.map((word) => `"${word}"`).join(' or ')}`)
  }
  return found
}

export function duration(
  field: string,
  value: unknown,
  min: number,
  report: Report
): number | undefined {
  try {
    const ms = toMilliseconds(value as Duration, field)
    if (ms >= min) {
      return ms
    }
  } catch (error) {
    report(
      field,
      value,
      `${(error as Error).message}; write ms, or "15s", "5m", "1h30m", at most a thousand years`
    )
    return undefined
  }
  report(field, value, `give at least ${min} ms`)
  return undefined
}

/** @returns epoch ms */
export function instant(field: string, value: unknown, report: Report): number | undefined {
  try {
    return toInstant(value as Instant, field)
  } catch {
    const remedy =
      'give a Date, epoch milliseconds, or an ISO text with its offset such as "2026-03-01T06:00:00Z"'
    report(field, value, `"${shown(value)}" is not an instant; ${remedy}`)
    return undefined
  }
}

/** The given object; {} and a problem when it is none. */
export function object(
  field: string,
  value: unknown,
  remedy: string,
  report: Report
): Record<string, unknown> {
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
    return value as Record<string, unknown>
  }
  report(field, value, remedy)
  return {}
}
