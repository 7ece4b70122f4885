import { E_EVENT_HAS_DEPENDENTS, E_EVENT_NOT_FOUND } from '../../errors.ts'
import type { DependencyRecord } from '../../types/workflows.ts'
import type { EventRecord } from '../../types/events.ts'
import type { WorkflowStore } from '../contract.ts'
import { dependencyChange, refuseLoop } from '../rules/dependencies.ts'
import {
  allDependencies,
  deleteDependencies,
  dependenciesOf,
  writeDependencies,
} from './dependency_rows.ts'
import { appendJournal } from './journal_store.ts'
import { forgetComing } from './workflow_births.ts'
import { chunks, inList, instant, type Work } from './work.ts'

type ChangeParams = Parameters<WorkflowStore['change']>[0]

/** Changes what an event runs after. */
export async function changeDependencies(
  work: Work,
  params: ChangeParams
): Promise<DependencyRecord[] | null> {
  const { childId, set, remove } = params
  const now = await instant(work, params.now)
  await oneAtATime(work)
  const names = await namesOf(work, [childId, ...set.map(({ parentId }) => parentId)])
  const before = await dependenciesOf(work, 'child_id', [childId])
  const change = dependencyChange(before, params, now)
  if (change === null) {
    return null
  }
  await deleteDependencies(work, change.removed)
  await writeDependencies(work, change.written)
  const all = await allDependencies(work)
  const loose = new Map([...names, ...(await namesAround(work, all, names))])
  refuseLoop(all, childId, (id) => loose.get(id) ?? id)
  if (remove.length > 0) {
    await forgetComing(work, remove, childId, now)
  }
  await appendJournal(work, params.journal ? [params.journal] : [], now)
  return all.filter((dependency) => dependency.childId === childId)
}

/**
 * Takes an event that is deleted out of the dependencies.
 *
 * @throws E_EVENT_HAS_DEPENDENTS
 */
export async function forgetEvent(
  work: Work,
  event: EventRecord,
  detach: boolean,
  now: number
): Promise<void> {
  const children = await dependenciesOf(work, 'parent_id', [event.id])
  const parents = await dependenciesOf(work, 'child_id', [event.id])
  if (children.length > 0) {
    const names = await namesOf(
      work,
      children.map(({ childId }) => childId)
    )
    if (!detach) {
      throw new E_EVENT_HAS_DEPENDENTS([event.name, [...names.values()].sort().join(', ')])
    }
    await forgetComing(work, [event.id], null, now)
  }
  await deleteDependencies(work, [...children, ...parents])
}

/** Two changes that each close half of a loop must not meet; nobody else waits for this row. */
export async function oneAtATime(work: Work): Promise<void> {
  if (work.dialect.lockRows) {
    await work.all(
      `select amount from almanac_meta where name = 'schema_version' ${work.dialect.lockRows}`
    )
  }
}

/** @throws E_EVENT_NOT_FOUND */
async function namesOf(work: Work, ids: string[]): Promise<Map<string, string>> {
  const names = await findNames(work, ids)
  const missing = ids.find((id) => !names.has(id))
  if (missing !== undefined) {
    throw new E_EVENT_NOT_FOUND([missing])
  }
  return names
}

/** The names of all that hangs together, where a path may lead over it. */
function namesAround(
  work: Work,
  all: DependencyRecord[],
  known: Map<string, string>
): Promise<Map<string, string>> {
  const ids = all.flatMap(({ childId, parentId }) => [childId, parentId])
  return findNames(
    work,
    ids.filter((id) => !known.has(id))
  )
}

async function findNames(work: Work, ids: string[]): Promise<Map<string, string>> {
  const names = new Map<string, string>()
  for (const chunk of chunks([...new Set(ids)])) {
    const list = inList(chunk)
    const sql = `select id, name from almanac_events where id in ${list.sql}`
    for (const row of await work.all(sql, list.bindings)) {
      names.set(row.id as string, row.name as string)
    }
  }
  return names
}
