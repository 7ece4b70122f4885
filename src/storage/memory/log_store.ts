import type { ExecutionLogEntry } from '../../types/executions.ts'
import type { LogStore } from '../contract.ts'
import { copy, jsonCopy, type MemoryTables } from './tables.ts'

type Params<K extends keyof LogStore> = Parameters<LogStore[K]>[0]

export class MemoryLogStore implements LogStore {
  readonly #tables: MemoryTables

  constructor(tables: MemoryTables) {
    this.#tables = tables
  }

  async append({ node, entries }: Params<'append'>): Promise<number> {
    const rows = entries.map((entry) => ({ ...entry, data: jsonCopy(entry.data, 'data') }))
    return rows.filter((row) => this.#appendOne(node, row)).length
  }

  async read({ executionId, after, levels, limit }: Params<'read'>): Promise<ExecutionLogEntry[]> {
    const rows = (this.#tables.logs.get(executionId) ?? [])
      .filter(
        ({ attempt, seq, level }) =>
          (levels === undefined || levels.includes(level)) &&
          (after === undefined ||
            attempt > after.attempt ||
            (attempt === after.attempt && seq > after.seq))
      )
      .sort((a, b) => a.attempt - b.attempt || a.seq - b.seq)
    return copy(rows.slice(0, limit))
  }

  /** @returns false when the attempt is over, or the entry is there already */
  #appendOne(node: string, row: ExecutionLogEntry): boolean {
    const execution = this.#tables.executions.get(row.executionId)
    const owns =
      execution?.state === 'running' && execution.node === node && execution.attempt === row.attempt
    const rows = this.#tables.logs.get(row.executionId) ?? []
    if (!owns || rows.some(({ attempt, seq }) => attempt === row.attempt && seq === row.seq)) {
      return false
    }
    rows.push(row)
    this.#tables.logs.set(row.executionId, rows)
    return true
  }
}
