import { E_DEPENDENCY_LOOP } from '../../errors.ts'
import type { DependencyRecord } from '../../types/workflows.ts'
import type { WorkflowStore } from '../contract.ts'

type ChangeParams = Parameters<WorkflowStore['change']>[0]

export interface DependencyChange {
  written: DependencyRecord[]
  removed: DependencyRecord[]
}

/** What a change of a child's dependencies comes to; null when all is so already. */
export function dependencyChange(
  before: DependencyRecord[],
  { childId, set, remove, declared }: Omit<ChangeParams, 'now'>,
  now: number
): DependencyChange | null {
  const known = new Map(before.map((dependency) => [dependency.parentId, dependency]))
  const removed = remove.flatMap((parentId) => known.get(parentId) ?? [])
  const written = set
    .filter(({ parentId, on }) => {
      const found = known.get(parentId)
      return !found || found.on !== on || found.declared !== declared
    })
    .map(({ parentId, on }) => {
      const createdAt = known.get(parentId)?.createdAt ?? now
      return { childId, parentId, on, declared, createdAt }
    })
  return written.length + removed.length === 0 ? null : { written, removed }
}

/**
 * Refuses dependencies that lead back to their child.
 *
 * @param all as they will be
 * @param nameOf of an event, for people
 * @throws E_DEPENDENCY_LOOP
 */
export function refuseLoop(
  all: Pick<DependencyRecord, 'childId' | 'parentId'>[],
  childId: string,
  nameOf: (id: string) => string
): void {
  const path = pathBack(all, childId)
  if (path) {
    throw new E_DEPENDENCY_LOOP([path.map(nameOf).join(' -> ')])
  }
}

/** The way from an event over what runs after it back to itself; null when there is none. */
function pathBack(
  all: Pick<DependencyRecord, 'childId' | 'parentId'>[],
  start: string
): string[] | null {
  const childrenOf = Map.groupBy(all, ({ parentId }) => parentId)
  const cameFrom = new Map<string, string>()
  const queue = [start]
  for (const id of queue) {
    for (const { childId } of childrenOf.get(id) ?? []) {
      if (childId === start) {
        return [...wayTo(id, start, cameFrom), start]
      }
      if (!cameFrom.has(childId)) {
        cameFrom.set(childId, id)
        queue.push(childId)
      }
    }
  }
  return null
}

function wayTo(end: string, start: string, cameFrom: Map<string, string>): string[] {
  const way = [end]
  while (way[0] !== start) {
    way.unshift(cameFrom.get(way[0])!)
  }
  return way
}
