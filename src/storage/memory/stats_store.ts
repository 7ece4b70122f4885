import { isEnded } from '../rules/outcomes.ts'
import {
  addStats,
  firstKeptDay,
  matchesStats,
  sortStats,
  statsOf,
  type EndedExecution,
} from '../rules/stats.ts'
import type { StatsRow, StatsStore } from '../contract.ts'
import { compare, copy, type MemoryTables } from './tables.ts'

type Params<K extends keyof StatsStore> = Parameters<StatsStore[K]>[0]

export class MemoryStatsStore implements StatsStore {
  readonly #tables: MemoryTables

  constructor(tables: MemoryTables) {
    this.#tables = tables
  }

  async rollup({ limit }: Params<'rollup'>): Promise<number> {
    // A missed range that may still grow is added when it is closed
    const growing = new Set([...this.#tables.events.values()].map((event) => event.openMissedId))
    const rows = this.#ended()
      .filter(({ id }) => !this.#tables.rolledUp.has(id) && !growing.has(id))
      .sort((a, b) => a.finishedAt - b.finishedAt || compare(a.id, b.id))
      .slice(0, limit)
    for (const row of rows) {
      addStats(this.#tables.stats, statsOf(row))
      this.#tables.rolledUp.add(row.id)
    }
    return rows.length
  }

  /** Here an end brings nothing along: the next rollup adds it. */
  async fold(): Promise<number> {
    return 0
  }

  async read(filter: Params<'read'>): Promise<StatsRow[]> {
    const totals = copy(this.#tables.stats)
    for (const row of this.#ended()) {
      if (!this.#tables.rolledUp.has(row.id)) {
        addStats(totals, statsOf(row))
      }
    }
    return sortStats([...totals.values()].filter((row) => matchesStats(row, filter)))
  }

  async prune({ now, age, limit }: Params<'prune'>): Promise<number> {
    const kept = firstKeptDay(this.#tables.now(now), age)
    const old = [...this.#tables.stats]
      .filter(([, { day }]) => day < kept)
      .sort(([, a], [, b]) => compare(a.day, b.day))
      .slice(0, limit)
    old.forEach(([key]) => this.#tables.stats.delete(key))
    return old.length
  }

  #ended(): (EndedExecution & { id: string })[] {
    const ended: (EndedExecution & { id: string })[] = []
    for (const execution of this.#tables.executions.values()) {
      const { state, finishedAt } = execution
      if (isEnded(state) && finishedAt !== null) {
        ended.push({ ...execution, state, finishedAt })
      }
    }
    return ended
  }
}
