import type { ExecutionRecord } from '../../types/executions.ts'
import type { ParentEnd, ParentLink } from '../../types/workflows.ts'

/** How the parents of an execution ended, by name; those still open are left out. */
export function parentEnds(
  links: ParentLink[],
  parents: Map<string, Pick<ExecutionRecord, 'result' | 'reason'>>
): Record<string, ParentEnd> {
  const ends = links.flatMap(({ name, parentId, endedAs }): [string, ParentEnd][] => {
    if (endedAs === null) {
      return []
    }
    const parent = parentId === null ? undefined : parents.get(parentId)
    const { result = null, reason = null } = parent ?? {}
    return [[name, { executionId: parentId, outcome: endedAs, result, reason }]]
  })
  // Not by assignment: a name such as "__proto__" is data here
  return Object.fromEntries(ends)
}

/** The ids below an execution, each once, layer by layer. */
export async function descend(
  id: string,
  linksTo: (ids: string[]) => Promise<ParentLink[]> | ParentLink[]
): Promise<string[]> {
  const found = new Set<string>()
  let layer = [id]
  while (layer.length > 0) {
    const links = await linksTo(layer)
    layer = [...new Set(links.map(({ childId }) => childId))].filter((each) => !found.has(each))
    layer.forEach((each) => found.add(each))
  }
  return [...found]
}
