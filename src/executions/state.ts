import type { ExecutionState, Outcome } from '../types/executions.ts'

/**
 * The one table of allowed transitions.
 *
 * - running -> queued: a retry, a hand-back, a rescue
 * - running -> missed: a slot that another installation ran
 * - missed -> queued: a backfill of the slot, in place
 * - queued -> abandoned: never; only a lease that lapsed too often abandons
 */
const TRANSITIONS: Record<ExecutionState, readonly ExecutionState[]> = {
  queued: ['running', 'cancelled', 'missed', 'skipped'],
  running: ['queued', 'succeeded', 'failed', 'cancelled', 'timed_out', 'abandoned', 'missed'],
  succeeded: [],
  failed: [],
  cancelled: [],
  timed_out: [],
  abandoned: [],
  missed: ['queued'],
  skipped: [],
}

export function canTransition(from: ExecutionState, to: ExecutionState): boolean {
  return TRANSITIONS[from].includes(to)
}

/** Queued or running: what a dedupe key binds and what an overlap policy looks at. */
export function isOpen(state: ExecutionState): state is 'queued' | 'running' {
  return state === 'queued' || state === 'running'
}

/** True for the states that are an end. */
export function isOutcome(state: ExecutionState): state is Outcome {
  return !isOpen(state)
}
