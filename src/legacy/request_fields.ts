import type { JsonObject, JsonValue } from '../types/json.ts'
import { cutText, type TextLimit } from './text_cut.ts'

/*
 * Readers of the fields of a request row. What they cannot read they refuse
 * by throwing a Refusal, which the mapper makes a reason of.
 */

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
  /** Further types, upper case, that config gives a handler to. */
  requestTypes?: ReadonlyMap<string, unknown>
}

/** What a reason shows of a value, at a code-point border. */
const SHOWN: TextLimit = { length: 60, unit: 'characters' }
const DAY = /^(\d{4})-(\d{2})-(\d{2})(?:$|[T ])/

/** Why a row cannot be run. The mapper turns it into a value. */
export class Refusal {
  constructor(readonly reason: string) {}
}

export function readMapref(row: RequestInput): string {
  const mapref = (row.mapref ?? '').trim()
  if (mapref === '') {
    throw new Refusal('MAPREF is empty; name the flow to run')
  }
  return mapref
}

/** An absent payload asks for nothing special. */
export function readPayload(row: RequestInput, limits: MapperLimits): JsonObject {
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
export function paramsOf(payload: JsonObject): JsonObject {
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

/** A calendar day, `yyyy-MM-dd`, of a text that begins with one; null when it is not given. */
export function readDay(field: string, value: JsonValue | undefined): string | null {
  if (value === undefined || value === null || value === '') {
    return null
  }
  const found = typeof value === 'string' ? DAY.exec(value.trim()) : null
  const day = found ? `${found[1]}-${found[2]}-${found[3]}` : null
  // A date that the calendar does not have reads back as another one
  const instant = day === null ? Number.NaN : Date.parse(`${day}T00:00:00Z`)
  if (Number.isNaN(instant) || new Date(instant).toISOString().slice(0, 10) !== day) {
    throw new Refusal(
      `PAYLOAD.${field} "${shorten(value)}" is not a date; give "2026-03-01" or "2026-03-01T06:00:00"`
    )
  }
  return day
}

/** Yes or no in the words that old programs write; not given means no. */
export function readYes(field: string, value: JsonValue | undefined): boolean {
  const text = String(value ?? 'n').trim()
  if (/^(y|yes|true|1)$/i.test(text)) {
    return true
  }
  if (/^(n|no|false|0|)$/i.test(text)) {
    return false
  }
  throw new Refusal(`PAYLOAD.${field} "${shorten(value)}" is neither "Y" nor "N"`)
}

/** A value as a reason shows it. */
export function shorten(value: JsonValue | undefined): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value ?? null)
  return text.length > 60 ? `${cutText(text, SHOWN)}…` : text
}
