import type { NewExecution, NewParent, Storage } from '../storage/contract.ts'
import type { ExecutionRecord } from '../types/executions.ts'
import type { ParentLink } from '../types/workflows.ts'

/**
 * The children of a dead letter that were skipped because of it, made anew
 * behind the execution that runs it again. What ran after it all the same (on
 * failure, or in any case) is not run again.
 */
export async function withSkippedChildren(
  storage: Storage,
  letter: ExecutionRecord,
  again: NewExecution,
  copy: (execution: ExecutionRecord) => NewExecution
): Promise<NewExecution> {
  if (letter.workflowId === null) {
    return again
  }
  const { executions, links } = await storage.workflows.descendants(letter.id)
  const replaced = new Set(executions.map(({ rerunOf }) => rerunOf))
  const skipped = executions.filter(({ id, state }) => state === 'skipped' && !replaced.has(id))
  const ids = new Map([[letter.id, again.id]])
  const children: NewExecution[] = []
  for (const execution of inOrder(skipped, links, letter.id)) {
    const made = copy(execution)
    const own = links.filter(({ childId }) => childId === execution.id)
    ids.set(execution.id, made.id)
    const parents = own.map((link) => parentOf(link, ids))
    children.push({ ...made, workflowId: letter.workflowId, parents })
  }
  return { ...again, workflowId: letter.workflowId, children }
}

/** Those that hang on the letter over nothing but skipped ones, parents first. */
function inOrder(
  skipped: ExecutionRecord[],
  links: ParentLink[],
  letterId: string
): ExecutionRecord[] {
  const parents = Map.groupBy(links, ({ childId }) => childId)
  const reached = new Set([letterId])
  const ordered: ExecutionRecord[] = []
  const left = new Set(skipped)
  // Ids rise from parents to children, but for those that were joined later
  for (let before = -1; before !== ordered.length;) {
    before = ordered.length
    for (const execution of left) {
      const own = parents.get(execution.id) ?? []
      if (own.some(({ parentId }) => parentId !== null && reached.has(parentId))) {
        reached.add(execution.id)
        left.delete(execution)
        ordered.push(execution)
      }
    }
  }
  return ordered.sort((a, b) => (a.id < b.id ? -1 : 1))
}

function parentOf(
  { parentId, parentEventId, name, on, endedAs }: ParentLink,
  ids: Map<string, string>
): NewParent {
  const again = parentId === null ? undefined : ids.get(parentId)
  return again === undefined
    ? { parentId, parentEventId, name, on, endedAs }
    : { parentId: again, parentEventId, name, on }
}
