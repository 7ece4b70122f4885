import { parseJson, toJson } from '../json.ts'
import type { JsonValue } from '../types/json.ts'
import type { ConfigReader } from './reader.ts'

const NAME = /^[\p{L}\p{N}][\p{L}\p{N}._:/ -]{0,99}$/u

/**
 * The payloads that events name as their profile.
 *
 * @throws E_INVALID_CONFIG
 */
export function readProfiles(reader: ConfigReader, limit: number): Record<string, JsonValue> {
  const section = reader.section('profiles')
  const profiles = section.keys().map((name): [string, JsonValue] => {
    const value = section.take(name)
    if (!NAME.test(name)) {
      section.refuse(name, 'name it in 1 to 100 letters, digits, ".", "_", ":", "/", "-" or blanks')
    }
    if (value === null || value === undefined) {
      section.refuse(name, 'give a payload, such as { region: "north" }')
    }
    try {
      return [name, parseJson<JsonValue>(toJson(value, { field: name, limit }))!]
    } catch (error) {
      return section.refuse(name, `give plain JSON: ${(error as Error).message}`)
    }
  })
  return Object.fromEntries(profiles)
}
