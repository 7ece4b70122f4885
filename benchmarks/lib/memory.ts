import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { slope } from './statistics.ts'

/** What may be added from the end of the warm-up to the end, along the line that fits the samples best. */
const ALLOWED = { heap: 16, handles: 5, listeners: 0.5 }
/** Samples at the beginning that do not count: caches and pools fill. */
const WARM_UP = 2
const MIB = 1_048_576

export interface Sample {
  /** MiB */
  heap: number
  /** MiB */
  rss: number
  handles: number
  listeners: number
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** What this process holds, with the garbage collected. */
export function sample(): Sample {
  collect()
  const { heapUsed, rss } = process.memoryUsage()
  return {
    heap: heapUsed / MIB,
    rss: rss / MIB,
    handles: process.getActiveResourcesInfo().length,
    listeners: process
      .eventNames()
      .reduce((sum, name) => sum + process.listenerCount(name as 'exit'), 0),
  }
}

/** By how much each has grown along its line, and whether that is flat. */
export function growthOf(samples: Sample[]) {
  const counted = samples.slice(WARM_UP)
  return (['heap', 'handles', 'listeners'] as const).map((what) => {
    const growth = slope(counted.map((each) => each[what])) * (counted.length - 1)
    return { what, growth, flat: growth <= ALLOWED[what] }
  })
}
