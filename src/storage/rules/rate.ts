import type { RateLimit } from '../../types/controls.ts'

/**
 * The claims of a handler within the last span, in parts: `[start (epoch ms),
 * claims]`, the oldest first.
 */
export type RateParts = [start: number, claims: number][]

/** Parts of a span: a claim is forgotten at most a fiftieth of the span late. */
const PARTS = 50

/**
 * A claim counts from the beginning of its part until a whole span after the
 * part's end, so that no span of that length, wherever it begins, holds more
 * than the limit.
 */
export function rateRoom(parts: RateParts, { limit, per }: RateLimit, now: number): number {
  return Math.max(0, limit - total(counted(parts, per, now)))
}

/** The parts after `claims` more. */
export function spend(
  parts: RateParts,
  { per }: RateLimit,
  now: number,
  claims: number
): RateParts {
  const size = partSize(per)
  const left = counted(parts, per, now)
  const last = left.at(-1)
  // A clock that was set back adds to the newest part: no claim is forgotten early
  const start = Math.max(now - (now % size), last?.[0] ?? 0)
  return last?.[0] === start
    ? [...left.slice(0, -1), [start, last[1] + claims]]
    : [...left, [start, claims]]
}

/** The instant from which there is room; 0 when there is now. */
export function rateFreeAt(parts: RateParts, { limit, per }: RateLimit): number {
  let left = total(parts)
  let free = 0
  for (const [start, claims] of parts) {
    if (left < limit) {
      break
    }
    left -= claims
    free = start + partSize(per) + per
  }
  return free
}

function counted(parts: RateParts, per: number, now: number): RateParts {
  return parts.filter(([start]) => start + partSize(per) + per > now)
}

function partSize(per: number): number {
  return Math.max(1, Math.floor(per / PARTS))
}

function total(parts: RateParts): number {
  return parts.reduce((sum, [, claims]) => sum + claims, 0)
}
