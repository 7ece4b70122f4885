import { IANAZone } from 'luxon'
import { E_INVALID_TRIGGER } from '../errors.ts'
import { DAY, MINUTE } from './civil_date.ts'
import { zoneSegments } from './zone_segments.ts'
import type { Segment } from './zone_segments.ts'

/**
 * A time zone: what its wall clocks add to UTC.
 */
export interface Zone {
  name: string
  /** ms to add to UTC at an instant (epoch ms) */
  offset(instant: number): number
  /** The stretch without a clock change that holds an instant. */
  segment(instant: number): Segment
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
  const zone = makeZone(name, (at) => Math.round(iana.offset(at) * MINUTE))
  zones.set(name, zone)
  return zone
}

/** A zone of given offsets. */
export function makeZone(name: string, offset: (instant: number) => number): Zone {
  const segment = zoneSegments(offset)
  return { name, segment, offset: (instant) => segment(instant).offset }
}

export const UTC: Zone = makeZone('UTC', () => 0)

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
  // No clock was ever a whole day from UTC
  let segment = zone.segment(wall - DAY)
  while (segment.end + segment.offset <= wall) {
    segment = zone.segment(segment.end)
  }
  return Math.max(segment.start, wall - segment.offset)
}
