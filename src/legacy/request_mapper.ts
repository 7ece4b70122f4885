import { emptyParams, type RunParams } from './params.ts'
import { cutText, type TextLimit } from './text_cut.ts'
import type { JsonObject, JsonValue } from '../types/json.ts'

/** The columns of a request row that decide what it asks for. */
export interface RequestInput {
  requestId: string
  mapref: string | null
  type: string | null
  /** JSON text; null when there is none, and when it is too large to be read. */
  payload: string | null
  /** The payload was left unread because of its length. */
  oversized?: boolean
  /** As the database measures it. */
  payloadLength?: number | null
}

export interface MapperLimits {
  /** Bytes of a payload's JSON text. */
  maxPayload: number
}

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

export type LegacyRequest = ImmediateRequest | StopRequest | RefreshRequest

export type MappedRequest = { ok: true; request: LegacyRequest } | { ok: false; reason: string }

const NOT_RUNNABLE = ['HISTORY', 'REPORT']
const PARAM_NAME = /^param([1-9]|10)$/
/** What a reason shows of a value, at a code-point border. */
const SHOWN: TextLimit = { length: 60, unit: 'characters' }
const DAY = /^(\d{4})-(\d{2})-(\d{2})(?:$|[T ])/

/** Why a row cannot be run. It stays inside this file: callers get the reason as a value. */
class Refusal {
  constructor(readonly reason: string) {}
}

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
    case 'STOP':
      return stop(row, readPayload(row, limits))
    case 'REFRESH_SCHEDULE':
      return { type, requestId: row.requestId }
  }
  if (NOT_RUNNABLE.includes(type)) {
    throw new Refusal(
      `REQUEST_TYPE "${type}" cannot be run by this version of Almanac; it runs IMMEDIATE, STOP and REFRESH_SCHEDULE`
    )
  }
  throw new Refusal(
    `REQUEST_TYPE "${shorten(row.type ?? '')}" is unknown; use IMMEDIATE, STOP or REFRESH_SCHEDULE`
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
    startedOn: readDay(payload.start_timestamp),
    force: /^(y|yes|true|1)$/i.test(String(payload.force ?? '')),
  }
}

function readMapref(row: RequestInput): string {
  const mapref = (row.mapref ?? '').trim()
  if (mapref === '') {
    throw new Refusal('MAPREF is empty; name the flow to run')
  }
  return mapref
}

/** An absent payload asks for nothing special. */
function readPayload(row: RequestInput, limits: MapperLimits): JsonObject {
  const bytes = row.payload === null ? 0 : Buffer.byteLength(row.payload)
  if (row.oversized || bytes > limits.maxPayload) {
    const length = row.oversized ? `a length of ${row.payloadLength}` : `${bytes} bytes`
    throw new Refusal(
      `PAYLOAD has ${length}, more than the ${limits.maxPayload} bytes allowed by config maxPayload; send less, or raise it`
    )
  }
  if (row.payload === null || row.payload.trim() === '') {
    return {}
  }
  const value = parse(row.payload)
  if (value === null) {
    return {}
  }
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new Refusal(
      `PAYLOAD is ${Array.isArray(value) ? 'an array' : `a ${typeof value}`}, ${shorten(value)}; give a JSON object`
    )
  }
  return value
}

function parse(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue
  } catch (error) {
    const { message } = error as Error
    throw new Refusal(`PAYLOAD is not JSON: ${message}; give an object, not "${shorten(text)}"`)
  }
}

/** `{"params": {...}}`, or the params themselves. */
function paramsOf(payload: JsonObject): JsonObject {
  const key = Object.keys(payload).find((name) => name.toLowerCase() === 'params')
  if (key === undefined) {
    return payload
  }
  const params = payload[key] ?? {}
  if (typeof params !== 'object' || Array.isArray(params)) {
    throw new Refusal(`PAYLOAD.${key} ${shorten(params)} is not an object; give {"param1": "..."}`)
  }
  return params
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

function readDay(value: JsonValue | undefined): string | null {
  if (value === undefined || value === null || value === '') {
    return null
  }
  const found = typeof value === 'string' ? DAY.exec(value.trim()) : null
  const day = found ? `${found[1]}-${found[2]}-${found[3]}` : null
  // A date that the calendar does not have reads back as another one
  const instant = day === null ? Number.NaN : Date.parse(`${day}T00:00:00Z`)
  if (Number.isNaN(instant) || new Date(instant).toISOString().slice(0, 10) !== day) {
    throw new Refusal(
      `PAYLOAD.start_timestamp "${shorten(value)}" is not a date; give "2026-03-01" or "2026-03-01T06:00:00"`
    )
  }
  return day
}

function shorten(value: JsonValue | undefined): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value ?? null)
  return text.length > 60 ? `${cutText(text, SHOWN)}…` : text
}
