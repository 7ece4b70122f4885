import { E_EVENT_HAS_DEPENDENTS, E_EVENT_NOT_FOUND } from '../../errors.ts'
import type { EventRecord } from '../../types/events.ts'
import type { DependencyRecord } from '../../types/workflows.ts'
import type { WorkflowStore } from '../contract.ts'
import { dependencyChange, refuseLoop } from '../rules/dependencies.ts'
import { forgetComing } from './workflow_births.ts'
import type { MemoryTables } from './tables.ts'

type ChangeParams = Parameters<WorkflowStore['change']>[0]

/** Changes what an event runs after. */
export function changeDependencies(
  tables: MemoryTables,
  params: ChangeParams
): DependencyRecord[] | null {
  const { childId, set, remove, journal } = params
  const now = tables.now(params.now)
  requireEvents(tables, [childId, ...set.map(({ parentId }) => parentId)])
  const before = [...tables.dependencies.values()]
  const own = before.filter((dependency) => dependency.childId === childId)
  const change = dependencyChange(own, params, now)
  if (change === null) {
    return null
  }
  const gone = new Set([...change.removed, ...change.written].map(keyOf))
  const others = before.filter((dependency) => !gone.has(keyOf(dependency)))
  const all = [...others, ...change.written]
  refuseLoop(all, childId, (id) => tables.events.get(id)?.name ?? id)
  change.removed.forEach((dependency) => tables.dependencies.delete(keyOf(dependency)))
  change.written.forEach((dependency) => tables.dependencies.set(keyOf(dependency), dependency))
  forgetComing(tables, remove, childId, now)
  tables.addJournal(journal ? [journal] : [], now)
  return [...tables.dependencies.values()].filter((dependency) => dependency.childId === childId)
}

/**
 * Takes an event that is deleted out of the dependencies.
 *
 * @throws E_EVENT_HAS_DEPENDENTS
 */
export function forgetEvent(
  tables: MemoryTables,
  { id, name }: EventRecord,
  detach: boolean,
  now: number
): void {
  const all = [...tables.dependencies.values()]
  const children = all.filter(({ parentId }) => parentId === id)
  if (children.length > 0 && !detach) {
    const names = children.map(({ childId }) => tables.events.get(childId)?.name ?? childId)
    throw new E_EVENT_HAS_DEPENDENTS([name, names.sort().join(', ')])
  }
  forgetComing(tables, [id], null, now)
  all
    .filter(({ parentId, childId }) => parentId === id || childId === id)
    .forEach((dependency) => tables.dependencies.delete(keyOf(dependency)))
}

/** @throws E_EVENT_NOT_FOUND */
export function requireEvents(tables: MemoryTables, ids: string[]): void {
  const missing = ids.find((id) => !tables.events.has(id))
  if (missing !== undefined) {
    throw new E_EVENT_NOT_FOUND([missing])
  }
}

function keyOf({ childId, parentId }: DependencyRecord): string {
  return `${childId} ${parentId}`
}
