import { E_INVALID_DURATION } from './errors.ts'

/**
 * A length of time: a number of milliseconds, or a text such as `'250ms'`,
 * `'15s'`, `'5m'`, `'2h'`, `'7d'` or a sum of them (`'1h30m'`).
 */
export type Duration = number | string

const UNITS: Record<string, number> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}
const PART = /(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)/g
const WHOLE = /^(?:\s*\d+(?:\.\d+)?\s*(?:ms|s|m|h|d|w))+\s*$/

/**
 * Returns the duration in whole milliseconds.
 *
 * @throws E_INVALID_DURATION naming `field` and the value
 */
export function toMilliseconds(value: Duration, field = 'duration'): number {
  if (typeof value === 'number') {
    if (!Number.isFinite(value) || value < 0) {
      throw new E_INVALID_DURATION([field, String(value)])
    }
    return Math.round(value)
  }
  if (typeof value !== 'string' || !WHOLE.test(value)) {
    throw new E_INVALID_DURATION([field, String(value)])
  }
  let total = 0
  for (const [, amount, unit] of value.matchAll(PART)) {
    total += Number(amount) * UNITS[unit]
  }
  return Math.round(total)
}
