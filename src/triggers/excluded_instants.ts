import { DAY } from './civil_date.ts'
import type { CompiledTrigger } from './compiled.ts'
import type { ExclusionSet } from './exclusion_set.ts'
import { instantOf, wallOf } from './wall_clock.ts'
import type { Zone } from './wall_clock.ts'

/** As in excluded_walls.ts; each step passes an excluded day or time, or a slot within an overlap. */
const MOST_STEPS = 40_000

/**
 * A series without the slots whose wall clock is excluded when they come.
 */
export function excludedInstants(
  series: CompiledTrigger,
  excluded: ExclusionSet,
  zone: Zone
): CompiledTrigger {
  return {
    next(after) {
      let slot = series.next(after)
      for (let steps = 0; slot !== null && steps < MOST_STEPS; steps++) {
        const wall = wallOf(slot, zone)
        const end = endOfExclusion(excluded, wall)
        if (end === null) {
          return slot
        }
        // In an overlap the end may have been shown already
        slot = series.next(Math.max(slot, instantOf(end, zone) - 1))
      }
      return null
    },
  }
}

/** The first wall clock from which this exclusion no longer holds; null when none does. */
function endOfExclusion(excluded: ExclusionSet, wall: number): number | null {
  const day = Math.floor(wall / DAY)
  const allowed = excluded.firstAllowed(day)
  return allowed > day ? allowed * DAY : excluded.endOfTime(wall)
}
