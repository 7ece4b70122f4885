import { emptyParams, type RunParams } from './params.ts'
import type { JsonObject, JsonValue } from '../types/json.ts'
import { readHistory, type HistoryRequest } from './history/request.ts'
import { readReport, type ReportRequest } from './reports/request.ts'
import {
  paramsOf,
  readDay,
  readMapref,
  readPayload,
  Refusal,
  shorten,
  type MapperLimits,
  type RequestInput,
} from './request_fields.ts'
import { KNOWN_TYPES } from './request_types.ts'

export type { MapperLimits, RequestInput } from './request_fields.ts'

/** Where a run comes from, as the payload of its request says. */
export type RunCause = {
  source: 'request' | 'schedule' | 'dependency'
  jobschid: number | null
  /** MAPREFs from the first parent to the nearest one; empty for a run without a parent. */
  chain: string[]
}

export interface ImmediateRequest {
  type: 'IMMEDIATE'
  requestId: string
  mapref: string
  /** param1..param10; null where not given. */
  params: RunParams
  /** The parameters as they came, for logic that reads more than ten. */
  requestParams: JsonObject
  cause: RunCause
}

export interface StopRequest {
  type: 'STOP'
  requestId: string
  mapref: string
  /** Day of the run to stop, `yyyy-MM-dd`; null for the newest. */
  startedOn: string | null
  force: boolean
}

export interface RefreshRequest {
  type: 'REFRESH_SCHEDULE'
  requestId: string
}

/** A type that config gives a handler to. */
export interface TypedRequest {
  type: 'TYPED'
  /** REQUEST_TYPE, upper case. */
  name: string
  requestId: string
  mapref: string
  payload: JsonObject
}

/** What becomes an execution. */
export type RunnableRequest = ImmediateRequest | HistoryRequest | ReportRequest | TypedRequest

export type LegacyRequest = RunnableRequest | StopRequest | RefreshRequest

export type MappedRequest = { ok: true; request: LegacyRequest } | { ok: false; reason: string }

const PARAM_NAME = /^param([1-9]|10)$/

/**
 * Turns a row of the request table into a typed request, or says why it
 * cannot. Pure: what needs the database (the MAPREF, its flow, its runner) is
 * checked by the caller.
 */
export function mapRequest(row: RequestInput, limits: MapperLimits): MappedRequest {
  try {
    return { ok: true, request: read(row, limits) }
  } catch (error) {
    if (error instanceof Refusal) {
      return { ok: false, reason: error.reason }
    }
    throw error
  }
}

function read(row: RequestInput, limits: MapperLimits): LegacyRequest {
  const type = (row.type ?? '').trim().toUpperCase()
  switch (type) {
    case 'IMMEDIATE':
      return immediate(row, readPayload(row, limits))
    case 'HISTORY':
      return readHistory(row, readPayload(row, limits))
    case 'REPORT':
      return readReport(row, readPayload(row, limits))
    case 'STOP':
      return stop(row, readPayload(row, limits))
    case 'REFRESH_SCHEDULE':
      return { type, requestId: row.requestId }
  }
  if (limits.requestTypes?.has(type)) {
    const payload = readPayload(row, limits)
    return { type: 'TYPED', name: type, requestId: row.requestId, mapref: readMapref(row), payload }
  }
  const known = [...KNOWN_TYPES, ...(limits.requestTypes?.keys() ?? [])].join(', ')
  throw new Refusal(
    `REQUEST_TYPE "${shorten(row.type ?? '')}" is unknown; use ${known}, or give it a handler in config requestTypes`
  )
}

function immediate(row: RequestInput, payload: JsonObject): ImmediateRequest {
  const requestParams = paramsOf(payload)
  refuseTwins(requestParams)
  return {
    type: 'IMMEDIATE',
    requestId: row.requestId,
    mapref: readMapref(row),
    params: mapParams(requestParams),
    requestParams,
    cause: readCause(payload),
  }
}

function stop(row: RequestInput, payload: JsonObject): StopRequest {
  return {
    type: 'STOP',
    requestId: row.requestId,
    mapref: readMapref(row),
    startedOn: readDay('start_timestamp', payload.start_timestamp),
    force: /^(y|yes|true|1)$/i.test(String(payload.force ?? '')),
  }
}

/** param1..param10 out of what a request gives, names in any letter case, values as text. */
export function mapParams(given: JsonObject): RunParams {
  const params = emptyParams()
  for (const [key, value] of Object.entries(given)) {
    const name = key.toLowerCase()
    if (isParamName(name)) {
      params[name] = asText(value)
    }
  }
  return params
}

function refuseTwins(given: JsonObject): void {
  const seen = new Set<string>()
  for (const name of Object.keys(given).map((key) => key.toLowerCase())) {
    if (isParamName(name) && seen.has(name)) {
      throw new Refusal(`PAYLOAD gives ${name} twice, in different letter cases; give it once`)
    }
    seen.add(name)
  }
}

function isParamName(name: string): name is keyof RunParams {
  return PARAM_NAME.test(name)
}

function asText(value: JsonValue | undefined): string | null {
  if (value === undefined || value === null) {
    return null
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function readCause(payload: JsonObject): RunCause {
  const jobschid = Number.isSafeInteger(payload.jobschid) ? (payload.jobschid as number) : null
  const chain = Array.isArray(payload.chain)
    ? payload.chain.filter((mapref): mapref is string => typeof mapref === 'string')
    : []
  if (payload.source === 'schedule') {
    return { source: 'schedule', jobschid, chain: [] }
  }
  if (payload.source === 'dependency') {
    return { source: 'dependency', jobschid, chain }
  }
  return { source: 'request', jobschid: null, chain: [] }
}
