import { E_UNKNOWN_PROFILE } from '../errors.ts'
import type { EventRecord } from '../types/events.ts'
import type { JsonObject, JsonValue } from '../types/json.ts'

/** Payloads by name, as config defines them. */
export type Profiles = Readonly<Record<string, JsonValue>>

/**
 * What an execution of an event is given: the payload of its profile with the
 * event's own laid over it.
 *
 * @throws E_UNKNOWN_PROFILE when config no longer defines the profile
 */
export function payloadOf(
  event: Pick<EventRecord, 'name' | 'profile' | 'payload'>,
  profiles: Profiles
): JsonValue {
  if (event.profile === null) {
    return event.payload
  }
  if (!Object.hasOwn(profiles, event.profile)) {
    throw new E_UNKNOWN_PROFILE([event.name, event.profile])
  }
  return event.payload === null
    ? profiles[event.profile]
    : laidOver(profiles[event.profile], event.payload)
}

/**
 * Objects are merged key by key, at any depth; anything else, lists too, is
 * replaced as a whole. A null of the upper one stands.
 */
export function laidOver(lower: JsonValue, upper: JsonValue): JsonValue {
  if (!isObject(lower) || !isObject(upper)) {
    return upper
  }
  const merged = Object.entries(upper).map(([key, value = null]) => [
    key,
    Object.hasOwn(lower, key) ? laidOver(lower[key] ?? null, value) : value,
  ])
  // Not by assignment: a key such as "__proto__" is data here
  return Object.fromEntries([...Object.entries(lower), ...merged])
}

function isObject(value: JsonValue): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}
