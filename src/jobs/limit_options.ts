import { duration, integer, MAX_COUNT, object, refuseOthers, type Report } from '../input/fields.ts'
import { MAX_PLACES, type HandlerLimits, type RateLimit } from '../types/controls.ts'

/** A span shorter than this is not a rate but a pause between two runs, ms. */
const MIN_PER = 1_000
const MAX_PER = 31 * 86_400_000

type Concurrency = Omit<HandlerLimits, 'rate'>
const BOUNDS = ['cluster', 'node', 'key'] as const

/** A bound on how many run at once, as options and `setLimit` give it: null = none. */
export function readConcurrency(
  field: string,
  value: unknown,
  report: Report
): Partial<Concurrency> {
  const remedy = 'give an object such as { cluster: 2, node: 1, key: 1 }'
  const given = object(field, value, remedy, report)
  refuseOthers(`${field}.`, given, BOUNDS, report)
  if (value !== null && typeof value === 'object' && Object.keys(given).length === 0) {
    report(field, value, `it says nothing; ${remedy}`)
  }
  const read: Partial<Concurrency> = {}
  for (const name of BOUNDS) {
    const bound = given[name]
    if (bound !== undefined) {
      const range = { min: 1, max: name === 'key' ? MAX_PLACES : MAX_COUNT }
      read[name] = bound === null ? null : integer(`${field}.${name}`, bound, range, report)
    }
  }
  return read
}

/** So many within any span of so long; null = as many as there are. */
export function readRate(value: unknown, report: Report): RateLimit | null {
  if (value === null) {
    return null
  }
  const given = object('rate', value, `give an object such as { limit: 100, per: '1m' }`, report)
  if (given !== value) {
    return null
  }
  refuseOthers('rate.', given, ['limit', 'per'], report)
  const limit = integer('rate.limit', given.limit, { min: 1, max: MAX_COUNT }, report)
  const per = duration('rate.per', given.per, 1, report)
  if (per !== undefined && (per < MIN_PER || per > MAX_PER)) {
    report('rate.per', given.per, 'give a span from 1s to 31d')
  }
  return limit === undefined || per === undefined ? null : { limit, per }
}
