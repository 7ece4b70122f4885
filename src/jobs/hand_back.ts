import type { Counters } from '../counters.ts'
import type { Logger } from '../types/logger.ts'
import type { WorkSource } from '../types/work_source.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { Hold } from './hold.ts'

interface Deps {
  dispatcher: Dispatcher
  /** The source of a name; undefined for the own queue. */
  sourceOf: (name: string) => WorkSource | undefined
  logger: Logger
  counters: Counters
}

/**
 * Hands back attempts that were claimed and never begun. What a source takes
 * back is deleted here; everything else goes back to the own queue, where it
 * keeps its place.
 */
export async function handBack(holds: Hold[], reason: string, deps: Deps): Promise<void> {
  const bySource = Map.groupBy(holds, ({ source }) => source)
  const ends: Promise<void>[] = []
  for (const [name, group] of bySource) {
    const taken = await takenBack(group, deps.sourceOf(name), deps)
    for (const hold of group) {
      const to = taken.has(hold.id) ? 'discard' : 'release'
      ends.push(deps.dispatcher.endUnbegun(hold, { to, reason }))
    }
  }
  await Promise.all(ends)
}

/** Ids of the executions whose requests the source has taken back. */
async function takenBack(
  holds: Hold[],
  source: WorkSource | undefined,
  deps: Deps
): Promise<Set<string>> {
  if (!source?.handBack) {
    return new Set()
  }
  // Of a lease that lapsed nobody knows who runs it by now: only the store may tell
  const trusted = holds.filter((hold) => !hold.lapsed)
  try {
    const taken = await source.handBack(trusted.map(({ execution }) => execution))
    return new Set(taken.map(({ id }) => id))
  } catch (error) {
    deps.counters.increment(`sources.${source.name}.errors`)
    deps.logger.error(
      { err: error, source: source.name, executions: holds.length },
      `Source "${source.name}" could not take its requests back; they run from the queue`
    )
    return new Set()
  }
}
