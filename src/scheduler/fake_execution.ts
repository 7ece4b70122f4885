import { newId } from '../ids.ts'
import type { ExecutionRecord } from '../types/executions.ts'
import type { JsonValue } from '../types/json.ts'

/**
 * A record of an execution that is stored nowhere: queued by hand, its
 * handler unnamed because no event is looked up.
 */
export function fakeExecution(params: {
  eventId: string | null
  payload: JsonValue
  now: number
}): ExecutionRecord {
  return {
    id: newId(),
    eventId: params.eventId,
    handler: '',
    queue: 'default',
    origin: 'manual',
    meta: null,
    subject: null,
    payload: params.payload,
    state: 'queued',
    priority: 5,
    slot: null,
    slotLast: null,
    slotCount: 1,
    slotKey: null,
    rerunOf: null,
    reason: null,
    dedupeKey: null,
    concurrencyKey: null,
    availableAt: params.now,
    createdAt: params.now,
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
    timeout: null,
    retries: null,
    expiresAt: null,
    workflowId: null,
    waitingFor: null,
  }
}
