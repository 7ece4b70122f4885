import type { ControlRecord } from '../../types/controls.ts'
import type { ControlStore } from '../contract.ts'
import { changeControl, controlEntry, newControl, says } from '../rules/controls.ts'
import { compare, copy, type MemoryTables } from './tables.ts'

type ChangeParams = Parameters<ControlStore['change']>[0]

export class MemoryControlStore implements ControlStore {
  readonly #tables: MemoryTables

  constructor(tables: MemoryTables) {
    this.#tables = tables
  }

  async list(): Promise<ControlRecord[]> {
    const controls = [...this.#tables.controls.values()].filter(says)
    return copy(controls.sort((a, b) => compare(a.scope, b.scope) || compare(a.name, b.name)))
  }

  async change({ now, changes, by }: ChangeParams): Promise<ControlRecord[]> {
    const at = this.#tables.now(now)
    const written: ControlRecord[] = []
    for (const target of changes) {
      const key = `${target.scope} ${target.name}`
      const before = this.#tables.controls.get(key) ?? newControl(target, at)
      const after = changeControl(before, target.change, by, at)
      if (after !== null) {
        this.#tables.controls.set(key, copy(after))
        this.#tables.addJournal([controlEntry(before, after, target.change, by)], at)
        written.push(copy(after))
      }
    }
    return written
  }
}
