import {
  instant,
  integer,
  MAX_COUNT,
  object,
  refuseOthers,
  text,
  MAX_TEXT,
} from '../../input/fields.ts'
import { Problems } from '../../input/problems.ts'
import { findZone, ZONE_REMEDY, type Zone } from '../../triggers/wall_clock.ts'
import type { Report } from '../../input/fields.ts'
import type { Instant } from '../../types/json.ts'

export interface ForecastOptions {
  /** First instant, inclusive. Default: now. */
  from?: Instant
  /** Last instant, exclusive. Default: a day after `from`; at most 366 days. */
  to?: Instant
  /** The zone whose hours the load is told in. Default `UTC`. */
  timezone?: string
  /** Only events of this source. */
  source?: string
  /** Only this event, by id. */
  event?: string
  /** Runs listed. Default 10,000, at most 100,000. */
  limit?: number
  /** Runs at once that are too many when they are passed. Default: what the working nodes take together. */
  concurrency?: number
}

export interface ReadForecast {
  from: number
  to: number
  zone: Zone
  source: string | undefined
  event: string | undefined
  limit: number
  concurrency: number | null
}

const NAMES = ['from', 'to', 'timezone', 'source', 'event', 'limit', 'concurrency'] as const
const DAY = 86_400_000
const LONGEST = 366 * DAY
const MOST_RUNS = 100_000

/**
 * Reads the options; null stands for left out.
 *
 * @param now the database's clock, epoch ms
 * @throws E_INVALID_INPUT with every problem at once
 */
export function readForecast(options: unknown, now: number): ReadForecast {
  const problems = new Problems()
  const { report } = problems
  const given = object('options', options, 'give an object, or leave it out', report)
  refuseOthers('', given, NAMES, report)
  const { concurrency = null } = given
  const read = {
    ...readWindow(given, now, report),
    zone: readZone(given.timezone ?? 'UTC', report)!,
    source: readText('source', given.source, report),
    event: readText('event', given.event, report),
    limit: integer('limit', given.limit ?? 10_000, { min: 1, max: MOST_RUNS }, report)!,
    concurrency:
      concurrency === null
        ? null
        : integer('concurrency', concurrency, { min: 1, max: MAX_COUNT }, report)!,
  }
  problems.throwAny('The forecast')
  return read
}

function readWindow(given: Record<string, unknown>, now: number, report: Report) {
  const from = instant('from', given.from ?? now, report) ?? now
  const to = instant('to', given.to ?? from + DAY, report) ?? from + DAY
  if (to <= from) {
    report('to', given.to, 'it does not lie after from; give a later instant')
  }
  if (to - from > LONGEST) {
    report('to', given.to, 'it lies more than 366 days after from; give a shorter window')
  }
  return { from, to }
}

function readText(field: string, value: unknown, report: Report): string | undefined {
  return value === undefined || value === null ? undefined : text(field, value, MAX_TEXT, report)
}

function readZone(value: unknown, report: Report): Zone | null {
  const zone = typeof value === 'string' ? findZone(value) : null
  if (!zone) {
    report('timezone', value, ZONE_REMEDY)
  }
  return zone
}
