import { toJson } from '../../json.ts'
import { oneOf, refuseOthers, type Report } from '../../input/fields.ts'
import type { JsonObject, JsonValue } from '../../types/json.ts'
import { ON_ERROR, type OnError } from '../history/request.ts'
import { mapRequest } from '../request_mapper.ts'
import type { WallClock } from '../wall_clock.ts'
import {
  asObject,
  isGiven,
  readDay,
  readLetter,
  readMapref,
  readReport,
  readWall,
  reportMapref,
} from './fields.ts'

export interface ImmediateInput {
  mapref: string
  /** param1..param10 go to the run and into PARAM1..PARAM10; others only to logic that reads them. */
  params?: JsonObject
}

export interface HistoryInput {
  mapref: string
  /** First day. Default: what DWPARAMS says of HIST_LOAD, DWT_PARAM1. */
  startDate?: string | Date | null
  /** Last day. Default: yesterday. */
  endDate?: string | Date | null
  /** Whether the target is truncated before the first day. Default `N`. */
  truncate?: 'Y' | 'N'
  /** What a day that fails does to those after it. Default: as config says, `stop`. */
  onError?: OnError
}

export interface ReportInput {
  reportId: string | number
  /** The report's parameters. */
  payload?: JsonObject
}

export interface StopInput {
  mapref: string
  /** The day of the run to stop. Default: the newest run. */
  startTime?: string | Date | null
  /** Default `N`. */
  force?: 'Y' | 'N'
}

/** What a row of the request table shall hold. */
export interface WantedRequest {
  type: 'IMMEDIATE' | 'HISTORY' | 'REPORT' | 'STOP'
  mapref: string
  payload: JsonObject
}

export interface RequestContext {
  wallClock: WallClock
  /** Bytes of a payload. */
  maxPayload: number
}

export type RequestReader = (
  input: unknown,
  context: RequestContext,
  report: Report
) => WantedRequest | null

export const readImmediate: RequestReader = (input, context, report) => {
  const given = asObject(input, '{ mapref, params: { param1: "…" } }', report)
  refuseOthers('', given, ['mapref', 'params'], report)
  const mapref = readMapref('mapref', given.mapref, report)
  const params = readPayload('params', given.params, context, report)
  if (mapref === undefined || params === undefined) {
    return null
  }
  return judged('params', { type: 'IMMEDIATE', mapref, payload: { params } }, context, report)
}

export const readHistory: RequestReader = (input, { wallClock }, report) => {
  const given = asObject(input, '{ mapref, startDate: "2026-01-01" }', report)
  refuseOthers('', given, ['mapref', 'startDate', 'endDate', 'truncate', 'onError'], report)
  const mapref = readMapref('mapref', given.mapref, report)
  const day = (field: string) =>
    isGiven(given[field]) ? readDay(field, given[field], wallClock, report) : null
  const [start, end] = [day('startDate'), day('endDate')]
  const truncate = readYesNo('truncate', given.truncate, report)
  const onError = isGiven(given.onError) ? oneOf('onError', given.onError, ON_ERROR, report) : null
  if (start && end && end < start) {
    report('endDate', given.endDate, `it lies before the first day, ${start}; give a later one`)
    return null
  }
  if (
    mapref === undefined ||
    start === undefined ||
    end === undefined ||
    !truncate ||
    onError === undefined
  ) {
    return null
  }
  const days = { ...(start && { start_date: start }), ...(end && { end_date: end }) }
  return {
    type: 'HISTORY',
    mapref,
    payload: { ...days, truncate_flag: truncate, ...(onError && { on_error: onError }) },
  }
}

export const readReportRequest: RequestReader = (input, context, report) => {
  const given = asObject(input, '{ reportId, payload: {} }', report)
  refuseOthers('', given, ['reportId', 'payload'], report)
  const reportId = readReport('reportId', given.reportId, report)
  const payload = readPayload('payload', given.payload, context, report)
  if (reportId === undefined || payload === undefined) {
    return null
  }
  return { type: 'REPORT', mapref: reportMapref(reportId), payload: { ...payload, reportId } }
}

export const readStop: RequestReader = (input, context, report) => {
  const given = asObject(input, '{ mapref, startTime: "2026-03-01" }', report)
  refuseOthers('', given, ['mapref', 'startTime', 'force'], report)
  const mapref = readMapref('mapref', given.mapref, report)
  const started = isGiven(given.startTime)
    ? readWall('startTime', given.startTime, context.wallClock, report)
    : null
  const force = readYesNo('force', given.force, report)
  if (mapref === undefined || started === undefined || !force) {
    return null
  }
  const payload = { ...(started && { start_timestamp: started }), force }
  return judged('startTime', { type: 'STOP', mapref, payload }, context, report)
}

function readYesNo(field: string, value: unknown, report: Report): 'Y' | 'N' | undefined {
  return isGiven(value) ? readLetter(field, value, ['Y', 'N'], report) : 'N'
}

/** An object that fits the column's limit as JSON. */
function readPayload(
  field: string,
  value: unknown,
  { maxPayload }: RequestContext,
  report: Report
): JsonObject | undefined {
  if (value === undefined || value === null) {
    return {}
  }
  if (typeof value !== 'object' || Array.isArray(value)) {
    report(field, value, 'give an object such as { param1: "2026-03-01" }')
    return undefined
  }
  try {
    return JSON.parse(toJson(value as JsonValue, { field, limit: maxPayload })) as JsonObject
  } catch (error) {
    report(field, value, `${(error as Error).message}; give plain data, and less of it`)
    return undefined
  }
}

/** What the poller would refuse is refused before it is written. */
function judged(
  field: string,
  wanted: WantedRequest,
  { maxPayload }: RequestContext,
  report: Report
): WantedRequest | null {
  const row = { ...wanted, requestId: '', payload: JSON.stringify(wanted.payload) }
  const mapped = mapRequest(row, { maxPayload })
  if (!mapped.ok) {
    report(field, wanted.payload, `${mapped.reason}; correct it`)
  }
  return mapped.ok ? wanted : null
}
