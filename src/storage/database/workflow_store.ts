import type { DependencyRecord, ParentEnd } from '../../types/workflows.ts'
import type { EventGraph, WorkflowStore } from '../contract.ts'
import { descend, parentEnds } from '../rules/workflow_reading.ts'
import type { StoreConnection } from './connection.ts'
import { changeDependencies } from './dependency_changes.ts'
import { allDependencies, dependenciesOf } from './dependency_rows.ts'
import { findEvents } from './event_rows.ts'
import { findExecutions } from './execution_rows.ts'
import { linksOf, linksTo } from './link_rows.ts'
import { first, type Work } from './work.ts'

type Params<K extends keyof WorkflowStore> = Parameters<WorkflowStore[K]>[0]

export class DatabaseWorkflowStore implements WorkflowStore {
  readonly #connection: StoreConnection

  constructor(connection: StoreConnection) {
    this.#connection = connection
  }

  change(params: Params<'change'>): Promise<DependencyRecord[] | null> {
    return this.#connection.write('workflows.change', (work) => changeDependencies(work, params))
  }

  list({ eventIds }: NonNullable<Params<'list'>> = {}): Promise<DependencyRecord[]> {
    return this.#connection.read('workflows.list', async (work) => {
      if (eventIds === undefined) {
        return allDependencies(work)
      }
      const parents = await dependenciesOf(work, 'child_id', eventIds)
      const children = await dependenciesOf(work, 'parent_id', eventIds)
      return parents.concat(children.filter(({ childId }) => !eventIds.includes(childId)))
    })
  }

  downstream({ eventIds }: Params<'downstream'>): Promise<EventGraph> {
    return this.#connection.read('workflows.downstream', (work) => downstream(work, eventIds))
  }

  parentsOf(executionId: string): Promise<Record<string, ParentEnd>> {
    return this.#connection.read('workflows.parentsOf', async (work) => {
      const found = await linksOf(work, [executionId])
      const links = found.get(executionId) ?? []
      const ids = links.flatMap(({ parentId }) => parentId ?? [])
      return parentEnds(links, await findExecutions(work, ids))
    })
  }

  descendants(executionId: string): ReturnType<WorkflowStore['descendants']> {
    return this.#connection.read('workflows.descendants', async (work) => {
      const ids = await descend(executionId, (layer) => linksTo(work, layer))
      const executions = await findExecutions(work, ids)
      const links = await linksOf(work, ids)
      return {
        executions: ids.flatMap((id) => executions.get(id) ?? []),
        links: [...links.values()].flat(),
      }
    })
  }
}

async function downstream(work: Work, eventIds: string[]): Promise<EventGraph> {
  // Mostly there are none, whatever the number of events
  if (!(await first(work, 'select id from almanac_dependencies limit 1'))) {
    return { events: [], dependencies: [] }
  }
  const below = new Set<string>()
  let layer = eventIds
  while (layer.length > 0) {
    const children = await dependenciesOf(work, 'parent_id', layer)
    layer = [...new Set(children.map(({ childId }) => childId))].filter((id) => !below.has(id))
    layer.forEach((id) => below.add(id))
  }
  if (below.size === 0) {
    return { events: [], dependencies: [] }
  }
  const ids = [...below]
  const dependencies = await dependenciesOf(work, 'child_id', ids)
  const parents = dependencies.map(({ parentId }) => parentId)
  const events = await findEvents(work, [...new Set([...ids, ...parents])])
  return { events, dependencies }
}
