import { E_EVENT_NOT_FOUND } from '../../errors.ts'
import type { ExecutionRecord } from '../../types/executions.ts'
import type { BackfillResult, ExecutionStore, RangeSplit } from '../contract.ts'
import {
  isExpected,
  leftRange,
  openRangeAfter,
  requeuedRow,
  shorterRange,
  takenOut,
} from '../rules/backfill.ts'
import { newExecution } from '../rules/new_records.ts'
import { addStats, statsKey, statsOf, type EndedExecution } from '../rules/stats.ts'
import { insertPart } from './missed_rows.ts'
import { insertChildren } from './workflow_births.ts'
import { storable, type MemoryTables } from './tables.ts'

type BackfillParams = Parameters<ExecutionStore['backfill']>[0]

/** Queues slots that were not run; nothing is changed when a range has moved. */
export function backfill(tables: MemoryTables, params: BackfillParams): BackfillResult | null {
  const now = tables.now(params.now)
  const event = tables.events.get(params.eventId)
  if (!event) {
    throw new E_EVENT_NOT_FOUND([params.eventId])
  }
  const executions = params.executions.map((input) => storable(newExecution(input, now)))
  const { splits } = params
  if (!splits.every((split) => isExpected(tables.executions.get(split.id), split))) {
    return null
  }
  const requeued = splits.filter((split) => splitRange(tables, split, now)).map(({ id }) => id)
  const inserted: string[] = []
  for (const row of executions) {
    if (tables.conflict(row) === undefined) {
      inserted.push(tables.insert(row).id)
    }
  }
  const inPlace = splits.flatMap(({ execution }) => execution ?? [])
  const queued = new Set([...requeued, ...inserted])
  insertChildren(tables, [...inPlace, ...params.executions], queued, now)
  Object.assign(event, openRangeAfter(event, splits))
  tables.addJournal([params.journal], now)
  return { requeued, inserted }
}

/** A total that is gone by its age gives nothing back. */
function takeFromTotals(tables: MemoryTables, taken: EndedExecution): void {
  const row = statsOf(taken)
  if (tables.stats.has(statsKey(row))) {
    addStats(tables.stats, row)
  }
}

/** @returns whether the row itself is queued now */
function splitRange(tables: MemoryTables, split: RangeSplit, now: number): boolean {
  const row = tables.executions.get(split.id)!
  const before = { ...row }
  const counted = tables.rolledUp.has(row.id)
  if (counted) {
    takeFromTotals(tables, { ...before, slotCount: -takenOut(row, split) } as EndedExecution)
  }
  const next: ExecutionRecord = split.keep
    ? { ...row, ...shorterRange(row, split.keep) }
    : storable(requeuedRow(row, split.execution, now))
  tables.remove(row)
  tables.insert(next)
  if (counted && split.keep) {
    tables.rolledUp.add(row.id)
  }
  for (const part of split.parts) {
    const left = insertPart(tables, leftRange(before, part))
    if (counted && left) {
      tables.rolledUp.add(left.id)
    }
  }
  return split.keep === null
}
