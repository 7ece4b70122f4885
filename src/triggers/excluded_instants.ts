import { DAY } from './civil_date.ts'
import type { CompiledTrigger } from './compiled.ts'
import type { ExclusionSet } from './exclusion_set.ts'
import { wallOf } from './wall_clock.ts'
import type { Zone } from './wall_clock.ts'

/** More clock changes, and turns of the year, than a search passes. */
const SEGMENTS = 10_000

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
      const most = SEGMENTS + excluded.mostSteps
      for (let steps = 0; slot !== null && steps < most; steps++) {
        const wall = wallOf(slot, zone)
        const end = endOfExclusion(excluded, wall)
        if (end === null) {
          return slot
        }
        // No further than the next clock change: behind it clocks may show an allowed time again
        const segment = zone.segment(slot)
        slot = series.next(Math.min(end - segment.offset, segment.end) - 1)
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
