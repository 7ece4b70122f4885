import { slotKey } from '../../keys.ts'
import type { EventRecord } from '../../types/events.ts'
import type { ExecutionRecord } from '../../types/executions.ts'
import type { NewExecution, RangeSplit, SlotSpan } from '../contract.ts'
import { newExecution } from './new_records.ts'
import type { ExecutionPatch } from './settlement.ts'

/** Whether a row still is the missed range that a split was planned for. */
export function isExpected(row: ExecutionRecord | undefined, { expected }: RangeSplit): boolean {
  return (
    row?.state === 'missed' &&
    row.slot === expected.first &&
    row.slotLast === expected.last &&
    row.slotCount === expected.count
  )
}

/** The row that stays as a shorter range: its key stays with its first slot. */
export function shorterRange(row: ExecutionRecord, keep: SlotSpan): ExecutionPatch {
  const key = keep.first === row.slot ? row.slotKey : slotKey(row.eventId!, keep.first)
  return { slot: keep.first, slotLast: keep.last, slotCount: keep.count, slotKey: key }
}

/** The missed row that waits in the queue from now on, as if it had just been born. */
export function requeuedRow(
  row: ExecutionRecord,
  execution: NewExecution,
  now: number
): ExecutionRecord {
  return { ...newExecution(execution, now), id: row.id, createdAt: row.createdAt }
}

/** A range that is left behind what was taken out of a row; it ended when the row did. */
export function leftRange(row: ExecutionRecord, part: SlotSpan & { id: string }): ExecutionRecord {
  return {
    ...row,
    id: part.id,
    slot: part.first,
    slotLast: part.last,
    slotCount: part.count,
    slotKey: slotKey(row.eventId!, part.first),
    availableAt: part.first,
  }
}

/** How many slots fewer a split counts as missed. */
export function takenOut(row: ExecutionRecord, { keep, parts }: RangeSplit): number {
  const left = [...parts, ...(keep ? [keep] : [])]
  return row.slotCount - left.reduce((sum, { count }) => sum + count, 0)
}

/** The open missed range of an event after its row was split; null when the split was of another. */
export function openRangeAfter(
  event: EventRecord,
  splits: RangeSplit[]
): Pick<EventRecord, 'openMissedId' | 'openMissedReason'> | null {
  const split = splits.find(({ id }) => id === event.openMissedId)
  if (!split) {
    return null
  }
  const kept = split.keep ? [{ ...split.keep, id: split.id }] : []
  const last = [...kept, ...split.parts].find((part) => part.last === split.expected.last)
  return { openMissedId: last?.id ?? null, openMissedReason: last ? event.openMissedReason : null }
}
