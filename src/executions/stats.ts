import { percentile, sumOf, type Histogram } from '../histogram.ts'
import type { StatsRow } from '../storage/contract.ts'
import type { Outcome } from '../types/executions.ts'

/** Totals over a span of days. Durations in ms. */
export interface ExecutionStats {
  /** First and last day, `yyyy-MM-dd`, UTC, both included. */
  from: string
  to: string
  /** Ended executions; a missed range counts its slots. */
  total: number
  outcomes: Partial<Record<Outcome, number>>
  /** Succeeded of those that were run to an end (0..1); null when none was. */
  successRate: number | null
  /**
   * Mean, median, 95th percentile and longest run of those that were run to an
   * end; null when none was. Percentiles are right to 2 %.
   */
  meanDuration: number | null
  p50Duration: number | null
  p95Duration: number | null
  maxDuration: number | null
  /** The same of the delay between the slot and the start. */
  meanLateness: number | null
  p50Lateness: number | null
  p95Lateness: number | null
  maxLateness: number | null
}

/** Outcomes of executions whose handler ran to an end of its own. */
const RUN: readonly Outcome[] = ['succeeded', 'failed', 'timed_out']
/** What counts against the success rate. */
const FAILED: readonly Outcome[] = ['failed', 'timed_out', 'abandoned']

/** Adds up the rows of the daily totals. */
export function summarize(rows: StatsRow[], from: string, to: string): ExecutionStats {
  const outcomes: ExecutionStats['outcomes'] = {}
  for (const { outcome, count } of rows) {
    outcomes[outcome] = (outcomes[outcome] ?? 0) + count
  }
  const run = rows.filter(({ outcome }) => RUN.includes(outcome))
  const runs = sum(run.map(({ count }) => count))
  const judged = sum([...FAILED, 'succeeded' as const].map((outcome) => outcomes[outcome] ?? 0))
  const duration = {
    total: sum(run.map(({ durationTotal }) => durationTotal)),
    max: greatest(run.map(({ durationMax }) => durationMax)),
    spread: sumOf(run.map(({ durations }) => durations)),
  }
  const lateness = {
    total: sum(run.map(({ latenessTotal }) => latenessTotal)),
    max: greatest(run.map(({ latenessMax }) => latenessMax)),
    spread: sumOf(run.map(({ latenesses }) => latenesses)),
  }
  return {
    from,
    to,
    total: sum(Object.values(outcomes)),
    outcomes,
    successRate: judged === 0 ? null : (outcomes.succeeded ?? 0) / judged,
    meanDuration: mean(duration, runs),
    p50Duration: share(duration, 0.5),
    p95Duration: share(duration, 0.95),
    maxDuration: duration.max,
    meanLateness: mean(lateness, runs),
    p50Lateness: share(lateness, 0.5),
    p95Lateness: share(lateness, 0.95),
    maxLateness: lateness.max,
  }
}

/** Measured ms of several runs. */
interface Measured {
  total: number
  max: number | null
  spread: Histogram
}

function mean({ total }: Measured, count: number): number | null {
  return count === 0 ? null : Math.round(total / count)
}

/** No more than the greatest, whatever the width of its bucket. */
function share({ spread, max }: Measured, part: number): number | null {
  const found = percentile(spread, part)
  return found === null ? null : Math.min(found, max ?? found)
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function greatest(values: number[]): number | null {
  return values.length === 0 ? null : Math.max(...values)
}
