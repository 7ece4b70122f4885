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
/**
 * A thousand years, ms: an instant that far from now is one that the store can
 * hold and a date can show. What is longer is a mistake, and would be one of
 * the store's, at the worst while it takes the end of an execution.
 */
export const LONGEST = 365_250 * 86_400_000
const PART = /(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)/g
const WHOLE = /^(?:\s*\d+(?:\.\d+)?\s*(?:ms|s|m|h|d|w))+\s*$/

/**
 * Returns the duration in whole milliseconds.
 *
 * @throws E_INVALID_DURATION naming `field` and the value
 */
export function toMilliseconds(value: Duration, field = 'duration'): number {
  const ms = typeof value === 'number' ? value : lengthOf(value)
  // Nothing compares with NaN
  if (!(ms >= 0 && ms <= LONGEST)) {
    throw new E_INVALID_DURATION([field, String(value)])
  }
  return Math.round(ms)
}

function lengthOf(text: unknown): number {
  if (typeof text !== 'string' || !WHOLE.test(text)) {
    return Number.NaN
  }
  let total = 0
  for (const [, amount, unit] of text.matchAll(PART)) {
    total += Number(amount) * UNITS[unit]
  }
  return total
}
