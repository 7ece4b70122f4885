import { IANAZone } from 'luxon'
import { E_INVALID_TRIGGER } from '../errors.ts'
import { DAY, HOUR, MINUTE, modulo } from './civil_date.ts'

/**
 * A time zone: what its wall clocks add to UTC.
 */
export interface Zone {
  name: string
  /** ms to add to UTC at an instant (epoch ms) */
  offset(instant: number): number
}

const zones = new Map<string, Zone>()

/** The zone of an IANA name, or null when there is none. */
export function findZone(name: string): Zone | null {
  const known = zones.get(name)
  if (known) {
    return known
  }
  // Asked first: luxon would keep an unknown name for ever
  if (!IANAZone.isValidZone(name)) {
    return null
  }
  const iana = IANAZone.create(name)
  const zone = { name, offset: (at: number) => Math.round(iana.offset(at) * MINUTE) }
  zones.set(name, zone)
  return zone
}

/**
 * @throws E_INVALID_TRIGGER when the zone is unknown
 */
export function zoneOf(name: string, field = 'timezone'): Zone {
  const zone = findZone(name)
  if (!zone) {
    throw new E_INVALID_TRIGGER([field, name, ZONE_REMEDY])
  }
  return zone
}

export const ZONE_REMEDY = 'write an IANA zone such as "Europe/Berlin" or "UTC"'

/** The wall clock that a zone shows at an instant. */
export function wallOf(instant: number, zone: Zone): number {
  return instant + zone.offset(instant)
}

/**
 * The instant of a wall clock, by the rule for fixed times: one that occurs
 * twice means the first, one that is left out means the first instant after
 * the gap. A later wall clock never gives an earlier instant.
 */
export function instantOf(wall: number, zone: Zone): number {
  const before = zone.offset(wall - DAY)
  const after = zone.offset(wall + DAY)
  // The larger offset gives the earlier instant
  const first = wall - Math.max(before, after)
  if (wallOf(first, zone) === wall) {
    return first
  }
  const second = wall - Math.min(before, after)
  if (second !== first && wallOf(second, zone) === wall) {
    return second
  }
  return firstInstant(wall - DAY, wall + DAY, (instant) => wallOf(instant, zone) >= wall)
}

/**
 * The first instant from `from` (inclusive) whose wall clock stands at
 * `minute` past the hour. Hours run in real time: both hours of an overlap
 * have one, a wall clock that is left out has none.
 */
export function nextAtMinute(from: number, minute: number, zone: Zone): number {
  let start = from
  // Ends with the changes of one hour: each turn begins at a later one
  for (;;) {
    const offset = zone.offset(start)
    const slot = start + modulo(minute * MINUTE - (start + offset), HOUR)
    if (zone.offset(slot) === offset) {
      return slot
    }
    // The clocks change on the way: look again from the first instant after
    start = firstInstant(start, slot, (instant) => zone.offset(instant) !== offset)
  }
}

/** The first of (from, to] for which the condition, once true, stays true; it holds at `to`. */
function firstInstant(from: number, to: number, holds: (instant: number) => boolean): number {
  let below = from
  let found = to
  while (found - below > 1) {
    const middle = Math.floor((below + found) / 2)
    if (holds(middle)) {
      found = middle
    } else {
      below = middle
    }
  }
  return found
}
