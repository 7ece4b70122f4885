import type { NodeRecord, NodeStore } from '../contract.ts'
import { compare, copy, jsonCopy, type MemoryTables } from './tables.ts'

type Params<K extends keyof NodeStore> = Parameters<NodeStore[K]>[0]

export class MemoryNodeStore implements NodeStore {
  readonly #tables: MemoryTables

  constructor(tables: MemoryTables) {
    this.#tables = tables
  }

  async beat({ now, node }: Params<'beat'>): Promise<boolean> {
    const seenAt = this.#tables.now(now)
    const known = this.#tables.nodes.get(node.id)
    const info = jsonCopy(node.info, 'info')
    this.#tables.nodes.set(node.id, {
      ...node,
      info,
      startedAt: known?.startedAt ?? seenAt,
      seenAt,
    })
    return known === undefined
  }

  async list(): Promise<NodeRecord[]> {
    return copy([...this.#tables.nodes.values()].sort((a, b) => compare(a.id, b.id)))
  }

  async remove({ id, seenAt }: Params<'remove'>): Promise<boolean> {
    if (seenAt !== undefined && this.#tables.nodes.get(id)?.seenAt !== seenAt) {
      return false
    }
    return this.#tables.nodes.delete(id)
  }
}
