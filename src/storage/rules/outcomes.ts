import type { EventRecord } from '../../types/events.ts'
import type { ExecutionState, Outcome } from '../../types/executions.ts'

/** The outcomes that count as a failure of their event. */
const FAILURES: readonly Outcome[] = ['failed', 'timed_out', 'abandoned']

export function isFailure(outcome: Outcome): boolean {
  return FAILURES.includes(outcome)
}

export function isEnded(state: ExecutionState): state is Outcome {
  return state !== 'queued' && state !== 'running'
}

export type EventCounters = Pick<
  EventRecord,
  'lastOutcome' | 'lastRunAt' | 'failureCount' | 'consecutiveFailures'
>

/**
 * What the end of one execution does to the counters of its event. A
 * cancelled run neither breaks nor lengthens a row of failures; a missed slot
 * was no run.
 */
export function countOutcome(
  counters: EventCounters,
  outcome: Outcome,
  startedAt: number | null
): EventCounters {
  if (outcome === 'missed') {
    return counters
  }
  const failed = isFailure(outcome)
  return {
    lastOutcome: outcome,
    lastRunAt: startedAt ?? counters.lastRunAt,
    failureCount: counters.failureCount + (failed ? 1 : 0),
    consecutiveFailures: failed
      ? counters.consecutiveFailures + 1
      : outcome === 'succeeded'
        ? 0
        : counters.consecutiveFailures,
  }
}
