import type { ClockGap, ClockOverlap } from '../types/triggers.ts'
import { DAY } from './civil_date.ts'
import type { CompiledTrigger } from './compiled.ts'
import type { Zone } from './wall_clock.ts'
import type { Segment } from './zone_segments.ts'

/** The wall clocks of a trigger, in no zone (ms since 1970-01-01T00:00). */
export interface WallSeries {
  /** The first wall clock from one on (inclusive), or null when none follows. */
  next(from: number): number | null
}

/** What becomes of wall clocks that a clock change leaves out or shows twice. */
export interface ClockPolicy {
  gap: ClockGap
  overlap: ClockOverlap
}

/** Times of the day: once each on every day that has them. */
export const FIXED_TIMES: ClockPolicy = { gap: 'after', overlap: 'first' }
/** Every instant whose wall clock matches, as often as it is shown. */
export const REAL_TIME: ClockPolicy = { gap: 'skip', overlap: 'both' }

/**
 * The instants of a wall series in a zone. Works on stretches without a clock
 * change, so that a step costs a few questions to the series, however many of
 * its wall clocks are left out or repeated.
 */
export function zonedSeries(walls: WallSeries, zone: Zone, policy: ClockPolicy): CompiledTrigger {
  return {
    next(after) {
      let from = after + 1
      for (;;) {
        const segment = zone.segment(from)
        const slot = firstIn(segment, from, { walls, zone, policy })
        if (slot !== null) {
          return slot
        }
        const { end, before, offset } = segment
        const upcoming = walls.next(end + Math.min(before, offset, segment.after))
        if (upcoming === null) {
          return null
        }
        // Nothing lies between: no wall clock is two days from its instant
        from = Math.max(end, upcoming - 2 * DAY)
      }
    },
  }
}

interface Series {
  walls: WallSeries
  zone: Zone
  policy: ClockPolicy
}

/** The first slot of a segment from an instant on, or null. */
function firstIn(segment: Segment, from: number, series: Series): number | null {
  const slots = [firstShown(segment, from, series), firstOfGap(segment, from, series)]
  const { policy, zone } = series
  if (policy.gap === 'shift' && segment.start > from - DAY) {
    // A gap of a whole day, or one before a cut, may reach into the next segment
    slots.push(firstOfGap(zone.segment(segment.start - 1), from, series))
  }
  const found = slots.filter((slot) => slot !== null && slot < segment.end) as number[]
  return found.length > 0 ? Math.min(...found) : null
}

/** The first slot among the wall clocks that the segment shows and that count here. */
function firstShown(segment: Segment, from: number, { walls, policy }: Series): number | null {
  const { start, end, offset, before, after } = segment
  const shownBefore = policy.overlap === 'first' ? start + before : Number.NEGATIVE_INFINITY
  const shownAgain = policy.overlap === 'second' ? end + after : Number.POSITIVE_INFINITY
  const wall = walls.next(Math.max(from + offset, start + offset, shownBefore))
  return wall !== null && wall < Math.min(end + offset, shownAgain) ? wall - offset : null
}

/** The first slot of the wall clocks that were left out where the segment begins. */
function firstOfGap(segment: Segment, from: number, { walls, policy }: Series): number | null {
  const { start, offset, before } = segment
  if (offset <= before || policy.gap === 'skip' || (policy.gap === 'after' && from > start)) {
    return null
  }
  const wall = walls.next(Math.max(from, start) + before)
  if (wall === null || wall >= start + offset) {
    return null
  }
  return policy.gap === 'after' ? start : wall - before
}
