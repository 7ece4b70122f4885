import type { JsonObject, JsonValue } from '../../types/json.ts'
import type { ExecutionRecord } from '../../types/executions.ts'
import {
  firstCheckpoint,
  runOf,
  withCheckpoint,
  type DayPayload,
  type FlowRun,
} from '../engine/flow_run.ts'
import { emptyParams } from '../params.ts'
import type { Day } from './days.ts'
import type { HistoryProgress } from './progress.ts'
import type { HistoryRequest, OnError } from './request.ts'

/** Name under which history loads are registered as a handler. */
export const HISTORY_HANDLER = 'legacy.history'

/** Payload of a history load. */
export type HistoryPayload = {
  source: string
  mapref: string
  requestId: string
  /** CLAIMED_BY of the row. */
  claim: string
  first: Day | null
  last: Day | null
  truncate: boolean
  onError: OnError | null
  requestParams: JsonObject
}

export function historyPayload(
  source: string,
  { requestId, mapref, first, last, truncate, onError, requestParams }: HistoryRequest,
  claim: string
): HistoryPayload {
  return { source, mapref, requestId, claim, first, last, truncate, onError, requestParams }
}

/** What the run of one day is given. */
export function dayPayload(payload: HistoryPayload, day: Day): DayPayload {
  const { source, mapref, claim, requestParams } = payload
  const cause = { source: 'request' as const, jobschid: null, chain: [] }
  return { source, mapref, claim, requestParams, cause, day }
}

type Executed = Pick<ExecutionRecord, 'id' | 'payload' | 'slot' | 'slotKey' | 'concurrencyKey'>

/** The run of the day that is under way; null between two days. */
export function dayRunOf(execution: Executed, checkpoint: JsonValue | null): FlowRun | null {
  const current = (checkpoint as HistoryProgress | null)?.current
  if (!current) {
    return null
  }
  const payload = dayPayload(execution.payload as HistoryPayload, current.day)
  return runOf({ ...execution, payload }, current.run, { slotRows: false })
}

/** The load as a whole, as its request sees it; under the PRCID of its newest complete day. */
export function loadRun(execution: Executed, progress: HistoryProgress | null): FlowRun {
  const { mapref, requestId, claim, requestParams } = execution.payload as HistoryPayload
  const run = {
    origin: 'request' as const,
    mapref,
    requestId,
    claim,
    params: emptyParams(),
    requestParams,
    cause: { source: 'request' as const, jobschid: null, chain: [] },
    executionId: execution.id,
  }
  return withCheckpoint(run, firstCheckpoint(progress?.prcid ?? 0, claim, null))
}
