import type { Retention } from '../types/handlers.ts'
import type { RetentionConfig } from '../types/config.ts'
import { OUTCOMES, type Outcome } from '../types/executions.ts'
import type { ConfigReader } from './reader.ts'

const DAY = 86_400_000

/** How long ended executions are kept where config says nothing. */
const DEFAULTS: Record<Outcome, Retention> = {
  succeeded: { age: 30 * DAY },
  failed: { age: 90 * DAY },
  cancelled: { age: 30 * DAY },
  timed_out: { age: 90 * DAY },
  abandoned: { age: 90 * DAY },
  missed: { age: 30 * DAY },
  skipped: { age: 30 * DAY },
}
const JOURNAL_AGE = 180 * DAY
const TOTALS_AGE = 730 * DAY

/** Reads `housekeeping.retention`; all ages become ms. */
export function readRetention(reader: ConfigReader): RetentionConfig {
  const config: RetentionConfig = {
    outcomes: { ...DEFAULTS, ...readOutcomes(reader.section('outcomes')) },
    handlers: readNamed(reader.section('handlers')),
    events: readNamed(reader.section('events')),
    journal: readAge(reader, 'journal', JOURNAL_AGE),
    // A total is of a whole day
    totals: readAge(reader, 'totals', TOTALS_AGE, DAY),
  }
  reader.end()
  return config
}

function readNamed(reader: ConfigReader) {
  return Object.fromEntries(reader.keys().map((name) => [name, readOutcomes(reader.section(name))]))
}

function readOutcomes(reader: ConfigReader): Partial<Record<Outcome, Retention>> {
  const rules: Partial<Record<Outcome, Retention>> = {}
  for (const outcome of OUTCOMES) {
    if (reader.take(outcome) !== undefined) {
      rules[outcome] = readRule(reader.section(outcome))
    }
  }
  reader.end()
  return rules
}

/** A rule without an age keeps by count alone. */
function readRule(reader: ConfigReader): Retention {
  const rule: Retention = { age: readAge(reader, 'age', 'forever') }
  if (reader.take('count') !== undefined) {
    rule.count = reader.number('count', 0)
  }
  reader.end()
  return rule
}

function readAge(
  reader: ConfigReader,
  key: string,
  fallback: number | 'forever',
  min?: number
): number | 'forever' {
  const value = reader.take(key) ?? fallback
  return value === 'forever' ? 'forever' : reader.duration(key, Number(fallback), min)
}
