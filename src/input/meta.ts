import { parseJson, toJson } from '../json.ts'
import type { JsonObject } from '../types/json.ts'
import type { Report } from './fields.ts'

/** Facts that are only kept: an object of at most `limit` bytes of JSON. */
export function readMeta(value: unknown, limit: number, report: Report): JsonObject | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    report('meta', value, 'give an object, such as { owner: "anna" }')
    return undefined
  }
  try {
    return parseJson<JsonObject>(toJson(value, { field: 'meta', limit })) ?? undefined
  } catch (error) {
    report('meta', value, `${(error as Error).message}; give an object of plain JSON values`)
    return undefined
  }
}
