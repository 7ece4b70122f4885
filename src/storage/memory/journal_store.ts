import type { JournalEntry } from '../../types/journal.ts'
import type { JournalStore } from '../contract.ts'
import { copy, type MemoryTables } from './tables.ts'

type Params<K extends keyof JournalStore> = Parameters<JournalStore[K]>[0]

export class MemoryJournalStore implements JournalStore {
  readonly #tables: MemoryTables

  constructor(tables: MemoryTables) {
    this.#tables = tables
  }

  async append({ now, entries }: Params<'append'>): Promise<JournalEntry[]> {
    return copy(this.#tables.addJournal(entries, this.#tables.now(now)))
  }

  async read({ after, limit }: Params<'read'>): Promise<JournalEntry[]> {
    return copy(this.#tables.journal.filter(({ id }) => id > after).slice(0, limit))
  }

  async lastId(): Promise<number> {
    return this.#tables.lastJournalId
  }

  async prune({ now, age, limit }: Params<'prune'>): Promise<number> {
    const before = this.#tables.now(now) - age
    const old = this.#tables.journal.filter(({ at }) => at < before).slice(0, limit)
    const ids = new Set(old.map(({ id }) => id))
    this.#tables.journal = this.#tables.journal.filter(({ id }) => !ids.has(id))
    return old.length
  }
}
