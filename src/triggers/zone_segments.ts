import { DAY } from './civil_date.ts'

/** A stretch of time in which a zone's clocks do not change. Instants in epoch ms, offsets in ms. */
export interface Segment {
  /** inclusive */
  start: number
  /** exclusive */
  end: number
  /** What the wall clocks add to UTC. */
  offset: number
  /** The offset just before the start; the same where the stretch was only cut. */
  before: number
  /** The offset from the end on. */
  after: number
}

type Offset = (instant: number) => number

const MOST_YEARS = 128

/**
 * The segments of a zone, found year by year and kept for the years used
 * last. Each year is cut off at its ends, so that no search goes further.
 *
 * Two clock changes within one day of UTC that cancel each other would be
 * overlooked; no zone has ever had such.
 */
export function zoneSegments(offset: Offset): (instant: number) => Segment {
  const years = new Map<number, Segment[]>()
  return (instant) => {
    const year = new Date(instant).getUTCFullYear()
    let segments = years.get(year)
    if (!segments) {
      if (years.size >= MOST_YEARS) {
        years.clear()
      }
      segments = segmentsOfYear(year, offset)
      years.set(year, segments)
    }
    return segments.find(({ end }) => instant < end) ?? segments[segments.length - 1]
  }
}

function segmentsOfYear(year: number, offset: Offset): Segment[] {
  const end = startOfYear(year + 1)
  const segments: Segment[] = []
  let start = startOfYear(year)
  let before = offset(start - 1)
  let current = offset(start)
  for (let probe = start; probe < end;) {
    const to = Math.min(probe + DAY, end)
    const after = offset(to)
    // A change at midnight of the next year is the cut itself
    if (after !== current) {
      const change = changeIn(probe, to, current, offset)
      segments.push({ start, end: change, offset: current, before, after: offset(change) })
      start = change
      before = current
      current = offset(change)
      probe = change
    } else {
      probe = to
    }
  }
  if (start < end) {
    segments.push({ start, end, offset: current, before, after: offset(end) })
  }
  return segments
}

/** The first instant of (from, to] that has another offset. */
function changeIn(from: number, to: number, current: number, offset: Offset): number {
  let below = from
  let found = to
  while (found - below > 1) {
    const middle = Math.floor((below + found) / 2)
    if (offset(middle) === current) {
      below = middle
    } else {
      found = middle
    }
  }
  return found
}

function startOfYear(year: number): number {
  // Date.UTC takes the years 0..99 for 1900..1999
  return new Date(0).setUTCFullYear(year, 0, 1)
}
