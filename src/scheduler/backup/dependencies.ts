import { resolveAfter, type ParentReference } from '../../events/after.ts'
import { dependencyEntry } from '../../events/event_dependencies.ts'
import { E_INVALID_INPUT } from '../../errors.ts'
import type { Storage } from '../../storage/contract.ts'
import type { Clock } from '../../clock.ts'
import type { EventRecord } from '../../types/events.ts'
import type { LineProblem, ReadLine } from './read_line.ts'

/** What events run after, as their lines hold it: by the names of the parents. */
export async function parentsOfEvents(
  storage: Storage,
  events: EventRecord[]
): Promise<Map<string, ParentReference[]>> {
  const ids = new Set(events.map(({ id }) => id))
  const all = await storage.workflows.list({ eventIds: [...ids] })
  const known = new Map(events.map((event) => [event.id, event]))
  const parents = new Map<string, ParentReference[]>()
  for (const { childId, parentId, on } of all.filter((each) => ids.has(each.childId))) {
    const parent = known.get(parentId) ?? (await storage.events.find(parentId))
    if (parent) {
      known.set(parentId, parent)
      const reference = { event: parent.name, source: parent.source, on }
      parents.set(childId, [...(parents.get(childId) ?? []), reference])
    }
  }
  return parents
}

/**
 * Lets imported events run after what their lines say, once all events are
 * there. What is there besides stays.
 *
 * @returns what is wrong with single lines
 */
export async function importDependencies(
  { storage, clock }: { storage: Storage; clock: Clock },
  lines: ReadLine[],
  by: string
): Promise<LineProblem[]> {
  const refused: LineProblem[] = []
  for (const { line, event, after } of lines.filter((each) => each.after.length > 0)) {
    const { source, name } = event
    const child = await storage.events.findBy({ source, name })
    try {
      if (child) {
        const set = await resolveAfter(storage, `Event "${name}"`, source, after)
        const journal = dependencyEntry(by, child.id, { set, remove: [] })
        const change = { childId: child.id, set, remove: [], declared: false, journal }
        await storage.workflows.change({ now: clock.nowOrNull(), ...change })
      }
    } catch (error) {
      refused.push(...problemsOf(error, line, name))
    }
  }
  return refused
}

/** @throws what is no refusal of the line */
function problemsOf(error: unknown, line: number, name: string): LineProblem[] {
  if (error instanceof E_INVALID_INPUT) {
    return error.problems.map((problem) => ({ line, ...problem }))
  }
  const { status = 500, message } = error as { status?: number; message: string }
  if (status >= 500) {
    throw error
  }
  return [{ line, field: 'after', value: name, message }]
}
