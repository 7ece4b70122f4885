import type { DependencyRecord, ParentEnd } from '../../types/workflows.ts'
import type { EventGraph, WorkflowStore } from '../contract.ts'
import { descend, parentEnds } from '../rules/workflow_reading.ts'
import { changeDependencies } from './dependencies.ts'
import { compare, copy, type MemoryTables } from './tables.ts'

type Params<K extends keyof WorkflowStore> = Parameters<WorkflowStore[K]>[0]

export class MemoryWorkflowStore implements WorkflowStore {
  readonly #tables: MemoryTables

  constructor(tables: MemoryTables) {
    this.#tables = tables
  }

  async change(params: Params<'change'>): Promise<DependencyRecord[] | null> {
    const changed = changeDependencies(this.#tables, params)
    return changed && copy(changed.sort(byPlace))
  }

  async list({ eventIds }: NonNullable<Params<'list'>> = {}): Promise<DependencyRecord[]> {
    const means = (id: string) => eventIds === undefined || eventIds.includes(id)
    const found = [...this.#tables.dependencies.values()].filter(
      ({ childId, parentId }) => means(childId) || means(parentId)
    )
    return copy(found.sort(byPlace))
  }

  async downstream({ eventIds }: Params<'downstream'>): Promise<EventGraph> {
    const all = [...this.#tables.dependencies.values()]
    const below = new Set<string>()
    const queue = [...eventIds]
    for (const id of queue) {
      for (const { parentId, childId } of all) {
        if (parentId === id && !below.has(childId)) {
          below.add(childId)
          queue.push(childId)
        }
      }
    }
    const dependencies = all.filter(({ childId }) => below.has(childId)).sort(byPlace)
    const ids = new Set([...below, ...dependencies.map(({ parentId }) => parentId)])
    const events = [...ids].sort(compare).flatMap((id) => this.#tables.events.get(id) ?? [])
    return copy({ events, dependencies })
  }

  async parentsOf(executionId: string): Promise<Record<string, ParentEnd>> {
    return copy(parentEnds(this.#tables.links.of(executionId), this.#tables.executions))
  }

  async descendants(executionId: string): ReturnType<WorkflowStore['descendants']> {
    const ids = await descend(executionId, (layer) => this.#tables.links.to(layer))
    return copy({
      executions: ids.flatMap((id) => this.#tables.executions.get(id) ?? []),
      links: ids.flatMap((id) => this.#tables.links.of(id)),
    })
  }
}

function byPlace(a: DependencyRecord, b: DependencyRecord): number {
  return compare(`${a.childId}.${a.parentId}`, `${b.childId}.${b.parentId}`)
}
