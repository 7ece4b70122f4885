import { E_PAYLOAD_NOT_JSON, E_PAYLOAD_TOO_LARGE } from './errors.ts'
import type { JsonValue } from './types/json.ts'

/**
 * Returns the JSON text of a value; undefined becomes null.
 *
 * @throws E_PAYLOAD_NOT_JSON on what JSON cannot carry (functions, cycles, bigint, NaN)
 * @throws E_PAYLOAD_TOO_LARGE when the text has more than `limit` bytes
 */
export function toJson(value: unknown, options: { field: string; limit?: number }): string {
  const text = stringify(value ?? null, options.field)
  if (options.limit !== undefined) {
    const bytes = Buffer.byteLength(text)
    if (bytes > options.limit) {
      throw new E_PAYLOAD_TOO_LARGE([options.field, String(bytes), String(options.limit)])
    }
  }
  return text
}

function stringify(value: unknown, field: string): string {
  if (value === null) {
    return 'null'
  }
  let text: string | undefined
  try {
    text = JSON.stringify(value, refuseLossyValues)
  } catch (error) {
    throw new E_PAYLOAD_NOT_JSON([field, (error as Error).message], { cause: error })
  }
  if (text === undefined) {
    throw new E_PAYLOAD_NOT_JSON([field, `it is a ${typeof value}`])
  }
  return text
}

/** JSON.stringify would turn these into null or nothing without a word. */
function refuseLossyValues(key: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new TypeError(`"${key}" is ${value}`)
  }
  if (typeof value === 'function' || typeof value === 'symbol') {
    throw new TypeError(`"${key}" is a ${typeof value}`)
  }
  return value
}

/** Reads a JSON text that the store wrote; null stays null. */
export function parseJson<T extends JsonValue>(text: string | null): T | null {
  return text === null ? null : (JSON.parse(text) as T)
}

/**
 * A copy of plain data that shares no part with it.
 *
 * @param state of the copy; a frozen one cannot be written to, at any depth
 */
export function copyJson<T>(value: T, state: 'free' | 'frozen' = 'free'): T {
  if (value === null || typeof value !== 'object') {
    return value
  }
  const copy: unknown = Array.isArray(value)
    ? value.map((item) => copyJson<unknown>(item, state))
    : copyObject(value as Record<string, unknown>, state)
  return (state === 'frozen' ? Object.freeze(copy) : copy) as T
}

function copyObject(value: Record<string, unknown>, state: 'free' | 'frozen'): object {
  const copy: Record<string, unknown> = { ...value }
  for (const key of Object.keys(copy)) {
    const item = copy[key]
    if (item !== null && typeof item === 'object') {
      // The key is the copy's own already, also one that is called __proto__
      copy[key] = copyJson(item, state)
    }
  }
  return copy
}
