import { slotKey } from '../../keys.ts'
import type { EventRecord } from '../../types/events.ts'
import type { ExecutionRecord } from '../../types/executions.ts'
import { rowHash } from './row_hash.ts'
import { waitingColumns } from './workflow.ts'
import type { Claimant, MissedRange, NewEvent, NewExecution } from '../contract.ts'

/** For missed slots of an event that names no queue or priority of its own. */
const DEFAULT_QUEUE = 'default'
const DEFAULT_PRIORITY = 5

/** An execution as it is born: queued, no attempt yet. */
export function newExecution(input: NewExecution, now: number): ExecutionRecord {
  const { delay = 0, expiresIn = null, onDuplicate, parents, children, ...given } = input
  const availableAt = input.availableAt ?? now + delay
  const { meta = null, subject = null, workflowId = null } = input
  return {
    ...given,
    meta,
    subject,
    workflowId,
    state: 'queued',
    slotLast: input.slot,
    slotCount: 1,
    reason: null,
    availableAt,
    expiresAt: expiresIn === null ? null : availableAt + expiresIn,
    createdAt: now,
    claimedAt: null,
    startedAt: null,
    finishedAt: null,
    attempt: 0,
    failures: 0,
    rescues: 0,
    node: null,
    leaseExpiresAt: null,
    renewals: 0,
    cancelRequestedAt: null,
    checkpoint: null,
    progress: null,
    result: null,
    resultRef: null,
    error: null,
    waitingFor: null,
    ...waitingColumns(input, now),
  }
}

/** What a claim changes. */
export function claimPatch(execution: ExecutionRecord, claimant: Claimant, now: number) {
  return {
    state: 'running' as const,
    attempt: execution.attempt + 1,
    node: claimant.node,
    claimedAt: now,
    startedAt: null,
    leaseExpiresAt: now + claimant.lease,
    renewals: 0,
    cancelRequestedAt: null,
    progress: null,
    reason: null,
  }
}

/** One row for a contiguous range of slots that is not run. */
export function missedExecution(
  event: EventRecord,
  range: MissedRange,
  now: number
): ExecutionRecord {
  const execution = newExecution(
    {
      id: range.id,
      eventId: event.id,
      handler: event.handler,
      queue: event.queue ?? DEFAULT_QUEUE,
      origin: 'schedule',
      payload: event.payload,
      meta: event.meta,
      subject: event.subject,
      priority: event.priority ?? DEFAULT_PRIORITY,
      slot: range.first,
      slotKey: slotKey(event.id, range.first),
      rerunOf: null,
      dedupeKey: null,
      concurrencyKey: event.concurrencyKey,
      availableAt: range.first,
      timeout: event.timeout,
      retries: event.retries,
    },
    now
  )
  return {
    ...execution,
    state: 'missed',
    slotLast: range.last,
    slotCount: range.count,
    reason: range.reason,
    finishedAt: now,
  }
}

/** An event as it is created: nothing has run yet. */
export function newEvent(input: NewEvent, now: number): EventRecord {
  const { profile = null, meta = null, subject = null, tags = [] } = input
  const columns = { ...input, profile, meta, subject, tags }
  return {
    ...columns,
    lastSlot: null,
    skippedSlot: null,
    openMissedId: null,
    openMissedReason: null,
    lastRunAt: null,
    lastOutcome: null,
    runCount: 0,
    failureCount: 0,
    consecutiveFailures: 0,
    createdAt: now,
    updatedAt: now,
    resumedAt: null,
    completedAt: input.status === 'completed' ? now : null,
    cancelledAt: input.status === 'cancelled' ? now : null,
    version: 1,
    rowHash: rowHash(columns),
    problem: null,
  }
}
