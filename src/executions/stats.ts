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
  /** Mean and longest run of those that were run to an end; null when none was. */
  meanDuration: number | null
  maxDuration: number | null
  /** Mean and greatest delay between the slot and the start. */
  meanLateness: number | null
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
  return {
    from,
    to,
    total: sum(Object.values(outcomes)),
    outcomes,
    successRate: judged === 0 ? null : (outcomes.succeeded ?? 0) / judged,
    meanDuration: mean(
      run.map(({ durationTotal }) => durationTotal),
      runs
    ),
    maxDuration: max(run.map(({ durationMax }) => durationMax)),
    meanLateness: mean(
      run.map(({ latenessTotal }) => latenessTotal),
      runs
    ),
    maxLateness: max(run.map(({ latenessMax }) => latenessMax)),
  }
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function mean(totals: number[], count: number): number | null {
  return count === 0 ? null : Math.round(sum(totals) / count)
}

function max(values: number[]): number | null {
  return values.length === 0 ? null : Math.max(...values)
}
