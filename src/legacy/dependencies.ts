import type { ScheduleRow } from './tables/job_schedules.ts'

/** The MAPREF of the parent, by the MAPREF of the child; of current schedules. */
export type Parents = ReadonlyMap<string, string>

/**
 * Who comes after whom. Of several current rows of a MAPREF the highest
 * JOBSCHID says who its parent is.
 *
 * @param rows by MAPREF, then JOBSCHID
 * @param maprefs the MAPREF of each JOBSCHID that is named as a parent, of whatever version
 */
export function parentsOf(
  rows: readonly ScheduleRow[],
  maprefs: ReadonlyMap<number, string>
): Parents {
  const parents = new Map<string, string>()
  for (const { mapref, dpndJobschid } of rows) {
    if (mapref === null) {
      continue
    }
    const parent = dpndJobschid === null ? undefined : maprefs.get(dpndJobschid)
    if (parent === undefined) {
      parents.delete(mapref)
    } else {
      parents.set(mapref, parent)
    }
  }
  return parents
}

/** A MAPREF and its parents, the nearest first; where they form a loop it ends with the repeated one. */
export function lineOf(mapref: string, parents: Parents): string[] {
  const line = [mapref]
  const seen = new Set(line)
  for (let parent = parents.get(mapref); parent !== undefined; parent = parents.get(parent)) {
    line.push(parent)
    if (seen.has(parent)) {
      break
    }
    seen.add(parent)
  }
  return line
}

/** Every loop once, from parent to child, the first MAPREF again at its end: `[A, B, A]`. */
export function loopsOf(parents: Parents): string[][] {
  const loops: string[][] = []
  const settled = new Set<string>()
  for (const start of parents.keys()) {
    const line: string[] = []
    const places = new Map<string, number>()
    let mapref: string | undefined = start
    while (mapref !== undefined && !settled.has(mapref)) {
      const place = places.get(mapref)
      if (place !== undefined) {
        loops.push([...line.slice(place), mapref].reverse())
        break
      }
      places.set(mapref, line.length)
      line.push(mapref)
      mapref = parents.get(mapref)
    }
    line.forEach((each) => settled.add(each))
  }
  return loops
}
