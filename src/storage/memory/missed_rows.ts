import type { ExecutionRecord } from '../../types/executions.ts'
import type { ExecutionStore, SlotRow } from '../contract.ts'
import { keylessRange } from '../rules/missed.ts'
import { compare, type MemoryTables } from './tables.ts'

type ListParams = Parameters<ExecutionStore['listSlots']>[0]

export function listSlots(tables: MemoryTables, { eventId, from, to }: ListParams): SlotRow[] {
  return [...tables.executions.values()]
    .filter(
      (row) =>
        row.eventId === eventId && row.slot !== null && row.slot <= to && row.slotLast! >= from
    )
    .sort((a, b) => a.slot! - b.slot! || compare(a.id, b.id))
    .map(({ id, state, slot, slotLast, slotCount, slotKey, rerunOf }) => ({
      ...{ id, state, slotCount, slotKey, rerunOf },
      slot: slot!,
      slotLast: slotLast!,
    }))
}

/**
 * Inserts a missed range. Where its first slot has a row already, the range is
 * kept without the key, and without the slots that have rows.
 */
export function insertMissed(tables: MemoryTables, row: ExecutionRecord): ExecutionRecord | null {
  if (!tables.conflict(row)) {
    return tables.insert(row)
  }
  if (row.slotCount === 1) {
    return null
  }
  const window = { eventId: row.eventId!, from: row.slot!, to: row.slotLast! }
  const keyless = keylessRange(row, listSlots(tables, window)).at(0)
  return keyless && !tables.conflict(keyless) ? tables.insert(keyless) : null
}

/** Inserts a part of a range that is split: what it counts was counted before. */
export function insertPart(tables: MemoryTables, row: ExecutionRecord): ExecutionRecord | null {
  if (!tables.conflict(row)) {
    return tables.insert(row)
  }
  const keyless = { ...row, slotKey: null }
  return row.slotCount > 1 && !tables.conflict(keyless) ? tables.insert(keyless) : null
}
