import type { JsonValue } from '../types/json.ts'
import type { RunRequest } from '../types/work_source.ts'
import { FLOW_HANDLER, type RequestPayload } from './engine/flow_run.ts'
import { HISTORY_HANDLER, historyPayload } from './history/payload.ts'
import { concurrencyKeyOf } from './ids.ts'
import { REPORT_HANDLER, reportPayload } from './reports/payload.ts'
import type { ImmediateRequest, RunnableRequest, TypedRequest } from './request_mapper.ts'
import { REQUEST_HANDLER, type TypedPayload } from './types/payload.ts'

/**
 * The execution that a claimed request becomes. Every one holds its MAPREF
 * until it ends, whatever its type.
 *
 * @param claim CLAIMED_BY of the row
 * @param prcid for a single run
 */
export function birthOf(
  source: string,
  request: RunnableRequest,
  claim: string,
  prcid: number
): RunRequest {
  return {
    ...workOf(source, request, claim, prcid),
    dedupeKey: requestKey(source, request.requestId, claim),
    concurrencyKey: concurrencyKeyOf(source, request.mapref),
  }
}

/** The dedupe key of a request's execution: a claim is never made twice. */
export function requestKey(source: string, requestId: string, claim: string): string {
  return `req:${source}:${requestId}@${claim}`
}

function workOf(
  source: string,
  request: RunnableRequest,
  claim: string,
  prcid: number
): { handler: string; payload: JsonValue } {
  switch (request.type) {
    case 'IMMEDIATE':
      return { handler: FLOW_HANDLER, payload: flowPayload(source, request, claim, prcid) }
    case 'HISTORY':
      return { handler: HISTORY_HANDLER, payload: historyPayload(source, request, claim) }
    case 'REPORT':
      return { handler: REPORT_HANDLER, payload: reportPayload(source, request, claim) }
    case 'TYPED':
      return { handler: REQUEST_HANDLER, payload: typedPayload(source, request, claim) }
  }
}

function flowPayload(
  source: string,
  { requestId, mapref, requestParams, cause }: ImmediateRequest,
  claim: string,
  prcid: number
): RequestPayload {
  return { source, mapref, requestId, claim, prcid, requestParams, cause }
}

function typedPayload(
  source: string,
  { requestId, mapref, name: type, payload }: TypedRequest,
  claim: string
): TypedPayload {
  return { source, mapref, requestId, claim, type, payload }
}
