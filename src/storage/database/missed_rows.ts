import type { ExecutionRecord, ExecutionState } from '../../types/executions.ts'
import type { ExecutionStore, SlotRow } from '../contract.ts'
import { keylessRange } from '../rules/missed.ts'
import { insertExecutions } from './execution_rows.ts'
import type { Work } from './work.ts'

type ListParams = Parameters<ExecutionStore['listSlots']>[0]

export async function listSlots(work: Work, params: ListParams): Promise<SlotRow[]> {
  const rows = await work.all(
    `select id, state, slot, slot_last, slot_count, slot_key, rerun_of from almanac_executions
      where event_id = ? and slot <= ? and slot_last >= ? order by slot, id`,
    [params.eventId, params.to, params.from]
  )
  return rows.map((row) => ({
    id: row.id as string,
    state: row.state as ExecutionState,
    slot: Number(row.slot),
    slotLast: Number(row.slot_last),
    slotCount: Number(row.slot_count),
    slotKey: row.slot_key as string | null,
    rerunOf: row.rerun_of as string | null,
  }))
}

/**
 * Inserts missed ranges. Where the first slot of one has a row already, the
 * range is kept without the key, and without the slots that have rows.
 *
 * @returns what was inserted, by id
 */
export async function insertMissed(
  work: Work,
  rows: ExecutionRecord[]
): Promise<Map<string, ExecutionRecord>> {
  const keyed = await insertExecutions(work, rows)
  const further: ExecutionRecord[] = []
  for (const row of rows.filter(({ id, slotCount }) => !keyed.has(id) && slotCount > 1)) {
    const window = { eventId: row.eventId!, from: row.slot!, to: row.slotLast! }
    further.push(...keylessRange(row, await listSlots(work, window)))
  }
  const keyless = await insertExecutions(work, further)
  const inserted = [
    ...rows.filter(({ id }) => keyed.has(id)),
    ...further.filter(({ id }) => keyless.has(id)),
  ]
  return new Map(inserted.map((row) => [row.id, row]))
}

/** Inserts the parts of ranges that are split: what they count was counted before. */
export async function insertParts(work: Work, rows: ExecutionRecord[]): Promise<void> {
  const keyed = await insertExecutions(work, rows)
  const further = rows.filter(({ id, slotCount }) => !keyed.has(id) && slotCount > 1)
  await insertExecutions(
    work,
    further.map((row) => ({ ...row, slotKey: null }))
  )
}
