import type { JsonObject } from '../types/json.ts'
import type { QueuedChildren } from './dependents.ts'
import type { FlowRun, LogicEnd } from './engine/flow_run.ts'
import type { RunError } from './tables/job_errors.ts'
import type { FlowRow } from './tables/job_flows.ts'
import type { RunCountsRow } from './tables/job_logs.ts'
import type { EndedRun } from './tables/process_logs.ts'
import type { RequestEnd } from './tables/request_sets.ts'
import { cutText, type TextLimit } from './text_cut.ts'

/** The row in progress was closed by somebody else: this attempt is fenced, all is rolled back. */
export class FencedError extends Error {
  override readonly name = 'FencedError'

  constructor(readonly prcid: number) {
    super(`The run ${prcid} is no longer in progress`)
  }
}

/** What of a flow the log rows carry. */
export type FlowIdentity = Pick<FlowRow, 'jobid' | 'mapref'>

/** Ids that a closing may need, taken before its transaction. */
export interface ClosingIds {
  jobLogId: number
  errorId: number
}

export interface Closing {
  run: FlowRun
  flow: FlowIdentity
  end: LogicEnd
  ids: ClosingIds
  /** When the run began, epoch ms; null when it never did. */
  startedAt: number | null
  /** False leaves the request CLAIMED: the run begins again. */
  endsRequest: boolean
  /** What RESULT_PAYLOAD tells besides. */
  details?: JsonObject
}

/** Longest message in a result; DWPRCLOG and DWJOBERR cut their own. */
const MESSAGE: TextLimit = { length: 2_000, unit: 'characters' }

/** What DWPRCLOG is told. */
export function endedRun({ run, end }: Closing, now: number): EndedRun {
  return {
    prcid: run.prcid,
    status: end.status,
    now,
    message: end.error?.message ?? null,
    ...(end.counts && { sourceRows: end.counts.sourceRows, targetRows: end.counts.targetRows }),
  }
}

/** The row of DWJOBLOG that a success leaves; null for any other end. */
export function countsOf(closing: Closing, sessionid: number, now: number): RunCountsRow | null {
  const { end, ids } = closing
  if (end.status !== 'PC') {
    return null
  }
  const counts = end.counts ?? { sourceRows: 0, targetRows: 0, errorRows: 0 }
  return { jobLogId: ids.jobLogId, ...identity(closing), sessionid, ...counts, now }
}

/** The row of DWJOBERR that a failure leaves; null for any other end. */
export function errorOf(closing: Closing, sessionid: number, now: number): RunError | null {
  const { end, ids } = closing
  if (end.status !== 'FL' || !end.error) {
    return null
  }
  const { type, message, databaseMessage: dbMessage } = end.error
  return { ...ids, ...identity(closing), sessionid, type, dbMessage, message, now }
}

/** What the request is told; null for a run that has none. */
export function endedRequest(
  { run, end }: Closing,
  result: JsonObject,
  now: number
): RequestEnd | null {
  const { requestId, claim: claimedBy } = run
  const status = end.status === 'PC' ? 'DONE' : 'FAILED'
  return requestId === null ? null : { requestId, claimedBy, status, result, now }
}

/** RESULT_PAYLOAD. */
export function resultOf(
  { run, end, startedAt, details }: Closing,
  children: QueuedChildren | null,
  nodeId: string
): JsonObject {
  const result: JsonObject = { status: end.status, mapref: run.mapref }
  if (startedAt !== null) {
    result.prcid = run.prcid
  }
  if (end.counts) {
    result.source_rows = end.counts.sourceRows
    result.target_rows = end.counts.targetRows
    result.error_rows = end.counts.errorRows
  }
  if (end.error) {
    result.message = cutText(end.error.message, MESSAGE)
  }
  if (children && children.queued.length > 0) {
    result.children = children.queued
  }
  if (children && children.loops.length > 0) {
    result.loops = children.loops
  }
  return { ...result, ...details, node: nodeId }
}

function identity({ run, flow }: Closing) {
  return { prcid: run.prcid, jobid: flow.jobid, mapref: run.mapref }
}
