import type { ExecutionRecord } from '../../types/executions.ts'
import type { ExpiredLease, Settlement } from '../contract.ts'

export type ExecutionPatch = Partial<ExecutionRecord>

/** The part of an execution that an end of its attempt looks at. */
export type Attempt = Pick<
  ExecutionRecord,
  | 'availableAt'
  | 'startedAt'
  | 'failures'
  | 'rescues'
  | 'cancelRequestedAt'
  | 'reason'
  | 'progress'
  | 'error'
  | 'expiresAt'
>

/** Why an execution that was not begun in time is missed. */
export const EXPIRED = 'expired'

/** A row that waits in the queue again belongs to nobody. */
const UNOWNED = {
  state: 'queued',
  node: null,
  leaseExpiresAt: null,
  claimedAt: null,
  startedAt: null,
} as const

/**
 * What is stored for a settlement. An execution that was asked to stop does
 * not go back to the queue, where the request would be forgotten: it ends as
 * cancelled.
 */
export function storedAs(attempt: Attempt, settlement: Settlement): Settlement['to'] {
  const goesBack = settlement.to === 'retry' || settlement.to === 'release'
  return goesBack && attempt.cancelRequestedAt !== null ? 'cancelled' : settlement.to
}

/** The columns that the end of an attempt changes; `to` is not `discard`. */
export function settlementPatch(
  attempt: Attempt,
  settlement: Settlement,
  to: Exclude<Settlement['to'], 'discard'>,
  now: number
): ExecutionPatch {
  const progress = settlement.progress ?? attempt.progress
  if (to === 'release') {
    // Without a delay it keeps its place in the queue
    const { delay } = settlement
    const availableAt = delay === undefined ? attempt.availableAt : now + delay
    // What has begun does not expire any more
    const expiresAt = settlement.startedAt === null ? attempt.expiresAt : null
    return { ...UNOWNED, availableAt, expiresAt, progress, reason: settlement.reason ?? null }
  }
  if (to === 'retry') {
    return {
      ...UNOWNED,
      availableAt: now + (settlement.delay ?? 0),
      failures: attempt.failures + 1,
      expiresAt: null,
      error: settlement.error ?? null,
      reason: settlement.reason ?? null,
      progress,
    }
  }
  const failed = to === 'failed' || to === 'timed_out'
  return {
    state: to,
    leaseExpiresAt: null,
    startedAt: settlement.startedAt ?? attempt.startedAt,
    finishedAt: now,
    failures: attempt.failures + (failed ? 1 : 0),
    result: settlement.result ?? null,
    resultRef: settlement.resultRef ?? null,
    error: settlement.error ?? null,
    reason: settlement.reason ?? (to === 'cancelled' ? attempt.reason : null),
    progress,
  }
}

export type Rescue = 'requeued' | 'abandoned' | 'cancelled'

/** What becomes of an execution whose holder is gone. */
export function rescueOf(attempt: Attempt, maxRescues: number): Rescue {
  if (attempt.cancelRequestedAt !== null) {
    return 'cancelled'
  }
  return attempt.rescues + 1 > maxRescues ? 'abandoned' : 'requeued'
}

export function rescuePatch(
  attempt: Attempt,
  expired: ExpiredLease,
  rescue: Rescue,
  now: number
): ExecutionPatch {
  if (rescue === 'requeued') {
    // Nobody can say that it had not begun
    return { ...UNOWNED, rescues: attempt.rescues + 1, expiresAt: null }
  }
  const lost = `node ${expired.node} was lost, after ${attempt.rescues} rescues`
  return {
    state: rescue,
    leaseExpiresAt: null,
    finishedAt: now,
    reason: rescue === 'cancelled' ? attempt.reason : lost,
  }
}

/** Not begun in time. */
export function expiredPatch(now: number) {
  return { state: 'missed' as const, finishedAt: now, reason: EXPIRED, expiresAt: null }
}

export function isExpired(
  { state, expiresAt }: Pick<ExecutionRecord, 'state' | 'expiresAt'>,
  now: number
): boolean {
  return state === 'queued' && expiresAt !== null && expiresAt <= now
}
