import type { ExecutionRecord } from '../../types/executions.ts'
import type { DuplicateMode, EnqueueResult } from '../contract.ts'
import { deduplicated } from '../rules/dedupe.ts'
import { isExpired } from '../rules/settlement.ts'
import { hashOrNull, keyHolder, replaceExecutions, toExecution } from './execution_rows.ts'
import { endExpired } from './expire.ts'
import { first, type Work } from './work.ts'

/**
 * What an execution that met a taken key comes to. A holder that was not begun
 * in time ends here: it must not stand in the way of what is wanted now.
 */
export class Duplicates {
  readonly #work: Work
  readonly #now: number
  readonly #modes: Map<string, DuplicateMode>
  /** By the id of the execution whose way they stood in. */
  readonly expired = new Map<string, ExecutionRecord>()

  constructor(work: Work, now: number, modes: Map<string, DuplicateMode>) {
    this.#work = work
    this.#now = now
    this.#modes = modes
  }

  /** @returns null when the key is free now */
  async settle(record: ExecutionRecord): Promise<EnqueueResult | null> {
    const mode = this.#modes.get(record.id) ?? 'skip'
    const seen = await this.#holderOf(record, false)
    if (seen === null || (mode === 'skip' && !isExpired(seen, this.#now))) {
      const id = await keyHolder(this.#work, record)
      return id === null ? null : { id, inserted: false }
    }
    const holder = await this.#holderOf(record, true)
    if (holder === null) {
      return null
    }
    if (isExpired(holder, this.#now)) {
      const [ended] = await endExpired(this.#work, [holder], this.#now)
      this.expired.set(record.id, ended)
      return null
    }
    return this.#change(holder, record, mode)
  }

  async #change(
    holder: ExecutionRecord,
    record: ExecutionRecord,
    mode: DuplicateMode
  ): Promise<EnqueueResult> {
    const changed = deduplicated(holder, record, mode)
    if (changed === null) {
      return { id: holder.id, inserted: false }
    }
    await replaceExecutions(this.#work, [changed])
    const change = mode === 'replace' ? 'replaced' : 'extended'
    return { id: holder.id, inserted: false, change }
  }

  async #holderOf(record: ExecutionRecord, lock: boolean): Promise<ExecutionRecord | null> {
    const key = hashOrNull(record.dedupeKey, 'dedupeKey')
    const sql = `select * from almanac_executions where dedupe_key = ? ${lock ? this.#work.dialect.lockRows : ''}`
    const row = key === null ? null : await first(this.#work, sql, [key])
    return row && toExecution(row)
  }
}
