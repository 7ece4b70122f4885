import type { ExclusionPolicy } from '../types/triggers.ts'
import { DAY } from './civil_date.ts'
import type { ExclusionSet } from './exclusion_set.ts'
import type { WallSeries } from './zoned_series.ts'

/**
 * A wall series without the excluded days and times, or with what lay on
 * excluded days moved to the same time of an allowed one.
 */
export function excludedWalls(
  walls: WallSeries,
  excluded: ExclusionSet,
  policy: ExclusionPolicy
): WallSeries {
  const onDays =
    policy === 'skip' ? skippedDays(walls, excluded) : movedDays(walls, excluded, policy)
  return {
    next(from) {
      let wall = onDays.next(from)
      for (let steps = 0; wall !== null && steps < excluded.mostSteps; steps++) {
        const end = excluded.endOfTime(wall)
        if (end === null) {
          return wall
        }
        wall = onDays.next(end)
      }
      return null
    },
  }
}

function skippedDays(walls: WallSeries, excluded: ExclusionSet): WallSeries {
  return {
    next(from) {
      let wall = walls.next(from)
      const last = excluded.horizon(Math.floor(from / DAY)) * DAY
      while (wall !== null && wall < last) {
        const day = Math.floor(wall / DAY)
        const allowed = excluded.firstAllowed(day)
        if (allowed === day) {
          return wall
        }
        wall = walls.next(allowed * DAY)
      }
      return null
    },
  }
}

/**
 * Each allowed day has its own wall clocks and, moved onto it, those of the
 * excluded days right before it (`next`) or right after it (`previous`).
 */
function movedDays(
  walls: WallSeries,
  excluded: ExclusionSet,
  policy: 'next' | 'previous'
): WallSeries {
  const step = policy === 'next' ? -1 : 1
  return {
    next(from) {
      let lowest = from
      const last = excluded.horizon(Math.floor(from / DAY)) * DAY
      while (lowest < last) {
        const day = excluded.firstAllowed(Math.floor(lowest / DAY))
        if (excluded.hasDay(day)) {
          lowest = (day + 1) * DAY
          continue
        }
        lowest = Math.max(lowest, day * DAY)
        const run = excluded.run(day, step)
        const found = firstMoved(walls, { day, lowest, run, step })
        if (found !== null) {
          return found
        }
        // The next wall clock that this day does not get, and the day that may get it
        const upcoming = walls.next((day + 1 + (step === 1 ? run : 0)) * DAY)
        if (upcoming === null) {
          return null
        }
        const source = Math.floor(upcoming / DAY)
        const back = step === 1 && excluded.hasDay(source) ? excluded.run(source, -1) + 1 : 0
        lowest = Math.max(day + 1, source - back) * DAY
      }
      return null
    },
  }
}

/** The first wall clock that a day has, its own or one of the `run` days that are moved onto it. */
function firstMoved(
  walls: WallSeries,
  { day, lowest, run, step }: { day: number; lowest: number; run: number; step: 1 | -1 }
): number | null {
  let first: number | null = null
  for (let distance = 0; distance <= run; distance++) {
    const moved = distance * step * DAY
    const wall = walls.next(lowest + moved)
    if (wall !== null && wall < (day + 1) * DAY + moved) {
      first = Math.min(first ?? Number.POSITIVE_INFINITY, wall - moved)
    }
  }
  return first
}
