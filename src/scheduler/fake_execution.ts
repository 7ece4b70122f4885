import { newId } from '../ids.ts'
import type { ExecutionRecord } from '../types/executions.ts'
import type { JsonValue } from '../types/json.ts'

/**
 * The record that a faked trigger returns: queued, by hand, and stored nowhere.
 * The event is not looked up, so its handler stays unnamed.
 */
export function fakeExecution(params: {
  eventId: string
  payload: JsonValue
  now: number
}): ExecutionRecord {
  return {
    id: newId(),
    eventId: params.eventId,
    handler: '',
    queue: 'default',
    origin: 'manual',
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
    error: null,
    timeout: null,
    retries: null,
  }
}
