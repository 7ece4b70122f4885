import type { ExecutionRecord } from '../../types/executions.ts'
import type { SlotRow } from '../contract.ts'

/**
 * A missed range whose first slot has a row already (it was fired or skipped
 * before): without the key, and without the slots that have rows. Where all of
 * them have, nothing is left.
 *
 * @param rows all that stands for slots between its ends
 */
export function keylessRange(range: ExecutionRecord, rows: SlotRow[]): ExecutionRecord[] {
  const standing = rows
    .filter(({ id, rerunOf }) => id !== range.id && rerunOf === null)
    .reduce((sum, { slotCount }) => sum + slotCount, 0)
  const slotCount = range.slotCount - standing
  return slotCount > 0 ? [{ ...range, slotKey: null, slotCount }] : []
}
