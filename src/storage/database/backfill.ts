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
import { statsOf, type EndedExecution } from '../rules/stats.ts'
import { lockEvent, patchEvents } from './event_rows.ts'
import {
  insertExecutions,
  lockExecutions,
  patchExecutions,
  replaceExecutions,
} from './execution_rows.ts'
import { appendJournal } from './journal_store.ts'
import { insertParts } from './missed_rows.ts'
import { takeFromTotals } from './stats_rows.ts'
import { markRolledUp } from './stats_store.ts'
import { insertChildren } from './workflow_births.ts'
import { instant, type Work } from './work.ts'

type BackfillParams = Parameters<ExecutionStore['backfill']>[0]

/** A missed row and what becomes of it. */
interface Split {
  split: RangeSplit
  row: ExecutionRecord
  rolledUp: boolean
}

/** Queues slots that were not run. The event is locked first, as a firing does. */
export async function backfill(work: Work, params: BackfillParams): Promise<BackfillResult | null> {
  const now = await instant(work, params.now)
  const event = await lockEvent(work, params.eventId)
  if (!event) {
    throw new E_EVENT_NOT_FOUND([params.eventId])
  }
  const splits = await lockSplits(work, params.splits)
  if (!splits) {
    return null
  }
  const requeued = await writeSplits(work, splits, now)
  const executions = params.executions.map((input) => newExecution(input, now))
  const inserted = await insertExecutions(work, executions)
  const queued = new Set([...requeued, ...inserted])
  const inPlace = params.splits.flatMap(({ execution }) => execution ?? [])
  await insertChildren(work, [...inPlace, ...params.executions], queued, now)
  const patch = openRangeAfter(event, params.splits)
  await patchEvents(work, patch ? [{ id: event.id, patch }] : [])
  await appendJournal(work, [params.journal], now)
  return { requeued, inserted: [...inserted] }
}

async function lockSplits(work: Work, splits: RangeSplit[]): Promise<Split[] | null> {
  const rows = await lockExecutions(
    work,
    splits.map(({ id }) => id)
  )
  const locked: Split[] = []
  for (const split of splits) {
    const found = rows.get(split.id)
    if (!found || !isExpected(found.record, split)) {
      return null
    }
    locked.push({ split, row: found.record, rolledUp: found.rolledUp })
  }
  return locked
}

/** @returns the ids of the rows that are queued now */
async function writeSplits(work: Work, splits: Split[], now: number): Promise<string[]> {
  const kept = splits.flatMap(({ split, row }) =>
    split.keep ? [{ id: row.id, patch: shorterRange(row, split.keep) }] : []
  )
  const requeued = splits.flatMap(({ split, row }) =>
    split.execution ? [requeuedRow(row, split.execution, now)] : []
  )
  await patchExecutions(work, kept)
  await replaceExecutions(work, requeued)
  const counted = splits.filter(({ rolledUp }) => rolledUp)
  const taken = counted.map(({ row, split }) =>
    statsOf({ ...row, slotCount: -takenOut(row, split) } as EndedExecution)
  )
  await takeFromTotals(work, taken)
  const parts = (each: Split[]) =>
    each.flatMap(({ row, split }) => split.parts.map((part) => leftRange(row, part)))
  await insertParts(work, parts(splits))
  await markRolledUp(
    work,
    parts(counted).map(({ id }) => id)
  )
  return requeued.map(({ id }) => id)
}
