import type { JsonObject, JsonValue } from '../../types/json.ts'
import { readMapref, readYes, Refusal, shorten, type RequestInput } from '../request_fields.ts'

export type ReportFormat = 'csv' | 'xlsx' | 'jsonl'

export const FORMATS: readonly ReportFormat[] = ['csv', 'xlsx', 'jsonl']

/** What a request says about the file it wants; null: as the report or config says. */
export type ReportWishes = {
  format: ReportFormat | null
  /** Rows of each SELECT. */
  rowLimit: number | null
  header: boolean | null
  /** Who gets it by mail. */
  mailTo: string[]
}

export interface ReportRequest {
  type: 'REPORT'
  requestId: string
  mapref: string
  reportId: string
  wishes: ReportWishes
  /** By name, lower case. */
  binds: JsonObject
}

const PREFIX = /^REPORT:/i
/** Keys of a payload that are no binds. */
const OWN = ['reportid', 'report_id', 'format', 'row_limit', 'header', 'mail_to', 'params']
const MAIL = /^[^\s@<>,;"]+@[^\s@<>,;"]+$/
const MOST_MAILS = 50

/**
 * `reportId` (else MAPREF, `REPORT:<id>`); `format`, `row_limit`, `header`,
 * `mail_to`; the binds in `params`, or beside the others.
 */
export function readReport(row: RequestInput, payload: JsonObject): ReportRequest {
  const mapref = readMapref(row)
  const given = new Map(Object.entries(payload).map(([key, value]) => [key.toLowerCase(), value]))
  return {
    type: 'REPORT',
    requestId: row.requestId,
    mapref,
    reportId: readId(mapref, given.get('reportid') ?? given.get('report_id')),
    wishes: {
      format: readFormat(given.get('format')),
      rowLimit: readLimit(given.get('row_limit')),
      header: isGiven(given.get('header')) ? readYes('header', given.get('header')) : null,
      mailTo: readMails(given.get('mail_to')),
    },
    binds: readBinds(payload, given.get('params')),
  }
}

function readId(mapref: string, value: JsonValue | undefined): string {
  const named = PREFIX.test(mapref) ? mapref.replace(PREFIX, '').trim() : null
  const id = isGiven(value) ? String(value).trim() : named
  if (id === null || id === '' || typeof value === 'object') {
    throw new Refusal(
      'PAYLOAD.reportId is not given, and MAPREF does not name a report; give the id of the report'
    )
  }
  if (named !== null && named !== id) {
    throw new Refusal(
      `PAYLOAD.reportId "${shorten(id)}" is not the report of MAPREF "${shorten(mapref)}"; give one id`
    )
  }
  return id
}

function readFormat(value: JsonValue | undefined): ReportFormat | null {
  if (!isGiven(value)) {
    return null
  }
  const found = FORMATS.find((format) => format === String(value).trim().toLowerCase())
  if (found === undefined) {
    throw new Refusal(`PAYLOAD.format "${shorten(value)}" is none of ${FORMATS.join(', ')}`)
  }
  return found
}

function readLimit(value: JsonValue | undefined): number | null {
  if (!isGiven(value)) {
    return null
  }
  const limit = typeof value === 'string' ? Number(value) : value
  if (!Number.isSafeInteger(limit) || Number(limit) < 1) {
    throw new Refusal(`PAYLOAD.row_limit "${shorten(value)}" is no whole number of at least 1`)
  }
  return Number(limit)
}

function readMails(value: JsonValue | undefined): string[] {
  if (!isGiven(value)) {
    return []
  }
  const list = Array.isArray(value) ? value : String(value).split(/[,;]/)
  const addresses = list.map((each) => String(each).trim()).filter((each) => each !== '')
  const odd = addresses.find((address) => !MAIL.test(address))
  if (odd !== undefined) {
    throw new Refusal(`PAYLOAD.mail_to "${shorten(odd)}" is no mail address`)
  }
  if (addresses.length > MOST_MAILS) {
    throw new Refusal(
      `PAYLOAD.mail_to has ${addresses.length} addresses; give at most ${MOST_MAILS}`
    )
  }
  return addresses
}

function readBinds(payload: JsonObject, params: JsonValue | undefined): JsonObject {
  if (
    params !== undefined &&
    params !== null &&
    (typeof params !== 'object' || Array.isArray(params))
  ) {
    throw new Refusal('PAYLOAD.params is not an object; give the binds by their names')
  }
  const beside = Object.entries(payload).filter(([key]) => !OWN.includes(key.toLowerCase()))
  const binds: JsonObject = {}
  for (const [key, value] of [...beside, ...Object.entries(params ?? {})]) {
    const name = key.toLowerCase()
    if (name in binds) {
      throw new Refusal(`PAYLOAD gives the bind "${shorten(key)}" twice`)
    }
    if (typeof value === 'object' && value !== null) {
      throw new Refusal(`PAYLOAD.${shorten(key)} is no single value; give a text, a number or null`)
    }
    binds[name] = value ?? null
  }
  return binds
}

function isGiven(value: JsonValue | undefined): boolean {
  return value !== undefined && value !== null && value !== ''
}
