import type { ExecutionRecord } from '../../types/executions.ts'
import type { DuplicateMode, EnqueueResult } from '../contract.ts'
import { deduplicated } from '../rules/dedupe.ts'
import { isExpired } from '../rules/settlement.ts'
import { copy, type MemoryTables } from './tables.ts'
import { endExpired } from './waiting.ts'

/** Inserts an execution, or does to the holder of its key what the mode says. */
export function insertOrSettle(
  tables: MemoryTables,
  row: ExecutionRecord,
  mode: DuplicateMode,
  now: number
): EnqueueResult {
  const held = row.dedupeKey === null ? undefined : tables.dedupe.get(row.dedupeKey)
  const holder = held === undefined ? undefined : tables.executions.get(held)
  if (holder && isExpired(holder, now)) {
    const expired = copy(endExpired(tables, holder, now)[0])
    return { ...insertOrSettle(tables, row, mode, now), expired }
  }
  const changed = holder ? deduplicated(holder, row, mode) : null
  if (changed !== null) {
    tables.change(holder!, changed)
    return {
      id: holder!.id,
      inserted: false,
      change: mode === 'replace' ? 'replaced' : 'extended',
    }
  }
  const conflict = tables.conflict(row)
  return conflict === undefined
    ? { id: tables.insert(row).id, inserted: true }
    : { id: conflict, inserted: false }
}
