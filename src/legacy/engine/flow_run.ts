import { E_LEGACY_REQUEST } from '../../errors.ts'
import type { JsonObject, JsonValue } from '../../types/json.ts'
import type { ExecutionRecord } from '../../types/executions.ts'
import { writtenDay } from '../history/days.ts'
import { scheduledRequestId } from '../ids.ts'
import type { RunParams } from '../params.ts'
import { mapParams, type RunCause } from '../request_mapper.ts'

/** Name under which the engine is registered as a handler. */
export const FLOW_HANDLER = 'legacy.flow'

/** The concurrency key of a MAPREF, as `concurrencyKeyOf` makes it. */
const KEY = /^legacy:([^:]+):(.+)$/s

/** Payload of a run that a row of the request table asked for. */
export type RequestPayload = {
  source: string
  mapref: string
  requestId: string
  /** CLAIMED_BY of the row. */
  claim: string
  prcid: number
  requestParams: JsonObject
  cause: RunCause
}

/** Payload of one day of a history load: the load's execution lends it to the run of the day. */
export type DayPayload = Omit<RequestPayload, 'requestId' | 'prcid'> & {
  /** `yyyy-MM-dd` */
  day: string
}

/** Payload of an event of the source. */
export type SchedulePayload = {
  source: string
  mapref: string
  /** null for a run by hand whose payload does not say it. */
  jobschid: number | null
  /** Only for a run by hand. */
  params?: JsonObject
}

/** How the logic of a run ended, in the words of DWPRCLOG. */
export type LogicEnd = {
  status: 'PC' | 'FL' | 'ST'
  counts: { sourceRows: number; targetRows: number; errorRows: number } | null
  error: { type: string; message: string; databaseMessage: string | null } | null
}

/** What an attempt leaves for the next one in our own store. */
export type FlowCheckpoint = {
  prcid: number
  /** CLAIMED_BY of the request row. */
  claim: string
  /** The schedule that a slot belongs to; null for a request. */
  jobschid: number | null
  /** Times that the run was cut off in its logic and begun again. */
  restarts: number
  /** Times that it was tried again after a transient error; absent: never. */
  retries?: number
  /**
   * The answer to step 3 was lost: a row in progress under this PRCID may be
   * there, but its logic has not begun.
   */
  unbegun: boolean
  /** The logic has ended so; only the write-back is missing. */
  ended: LogicEnd | null
  /** The checkpoint of the logic itself. */
  work: JsonValue
}

/** One run of a flow, whatever asked for it. */
export interface FlowRun {
  /** A `day` is a part of a history load, which alone ends the request and queues children. */
  readonly origin: 'request' | 'slot' | 'manual' | 'day'
  readonly mapref: string
  /** The row in the request table; null for a scheduled run that leaves none. */
  readonly requestId: string | null
  /** CLAIMED_BY of that row. */
  readonly claim: string
  readonly prcid: number
  readonly params: RunParams
  readonly requestParams: JsonObject
  readonly cause: RunCause
  /** Id of the execution in our own store. */
  readonly executionId: string
  readonly checkpoint: FlowCheckpoint
}

type Executed = Pick<ExecutionRecord, 'id' | 'payload' | 'slot' | 'slotKey' | 'concurrencyKey'>

/**
 * The run of an execution, once it has its PRCID: that of a request from
 * birth, that of an event from its first attempt's checkpoint.
 *
 * @param slotRows whether scheduled runs leave rows in the request table
 * @throws E_LEGACY_REQUEST when the payload is none of the adapter's
 */
export function runOf(
  execution: Executed,
  checkpoint: JsonValue | null,
  { slotRows }: { slotRows: boolean }
): FlowRun | null {
  const payload = readPayload(execution)
  const left = checkpoint as FlowCheckpoint | null
  if ('requestId' in payload) {
    return withCheckpoint(
      requestRun(execution.id, payload),
      left ?? firstCheckpoint(payload.prcid, payload.claim, null)
    )
  }
  if ('day' in payload) {
    return left && withCheckpoint(dayRun(execution.id, payload), left)
  }
  const run = left && scheduledRun(execution, payload, left)
  return run && !slotRows ? { ...run, requestId: null } : run
}

export function firstCheckpoint(
  prcid: number,
  claim: string,
  jobschid: number | null
): FlowCheckpoint {
  return { prcid, claim, jobschid, restarts: 0, unbegun: false, ended: null, work: null }
}

/** The same run with what a later attempt has stored about it. */
export function withCheckpoint(
  run: Omit<FlowRun, 'checkpoint' | 'prcid'>,
  checkpoint: FlowCheckpoint
): FlowRun {
  return { ...run, prcid: checkpoint.prcid, checkpoint }
}

/**
 * What the execution is to run. A run by hand may bring nothing but its
 * parameters: its concurrency key, which comes from the event, says the rest.
 *
 * @throws E_LEGACY_REQUEST when neither names a source and a MAPREF
 */
export function readPayload({
  payload,
  concurrencyKey,
}: Pick<ExecutionRecord, 'payload' | 'concurrencyKey'>):
  RequestPayload | DayPayload | SchedulePayload {
  const given = isObject(payload) ? payload : {}
  if (typeof given.source === 'string' && typeof given.mapref === 'string') {
    return given as RequestPayload | DayPayload | SchedulePayload
  }
  const [, source, mapref] = KEY.exec(concurrencyKey ?? '') ?? []
  if (source === undefined) {
    throw new E_LEGACY_REQUEST([
      'The payload of a legacy run names no source and MAPREF; leave it to the adapter',
    ])
  }
  return { source, mapref, jobschid: null, params: paramsIn(given) }
}

function paramsIn(given: JsonObject): JsonObject {
  return isObject(given.params) ? given.params : given
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function requestRun(
  executionId: string,
  payload: RequestPayload
): Omit<FlowRun, 'checkpoint' | 'prcid'> {
  return {
    origin: 'request',
    mapref: payload.mapref,
    requestId: payload.requestId,
    claim: payload.claim,
    params: mapParams(payload.requestParams),
    requestParams: payload.requestParams,
    cause: payload.cause,
    executionId,
  }
}

/** The day is param1, whatever else was given. */
function dayRun(executionId: string, payload: DayPayload): Omit<FlowRun, 'checkpoint' | 'prcid'> {
  const { mapref, claim, requestParams, cause, day } = payload
  const others = Object.entries(requestParams).filter(([name]) => name.toLowerCase() !== 'param1')
  const params = { ...Object.fromEntries(others), param1: writtenDay(day) }
  return {
    origin: 'day',
    mapref,
    requestId: null,
    claim,
    params: mapParams(params),
    requestParams: params,
    cause,
    executionId,
  }
}

/**
 * A slot has its row in the request table under an id that every installation
 * would give it; a run by hand has one of its own.
 */
function scheduledRun(
  execution: Executed,
  payload: SchedulePayload,
  left: FlowCheckpoint
): FlowRun {
  const jobschid = left.jobschid ?? payload.jobschid
  const slot = execution.slotKey === null || jobschid === null ? null : execution.slot
  const requestParams = payload.params ?? {}
  const run = {
    origin: slot === null ? ('manual' as const) : ('slot' as const),
    mapref: payload.mapref,
    requestId: slot === null ? `M:${execution.id}` : scheduledRequestId(jobschid!, slot),
    claim: left.claim,
    params: mapParams(requestParams),
    requestParams,
    cause: { source: 'schedule' as const, jobschid, chain: [] },
    executionId: execution.id,
  }
  return withCheckpoint(run, left)
}
