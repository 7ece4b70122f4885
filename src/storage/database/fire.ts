import type { EventRecord } from '../../types/events.ts'
import type { ExecutionRecord } from '../../types/executions.ts'
import type { EventStore, FireResult, Firing, MissedRange } from '../contract.ts'
import { entriesToKeep, firedState } from '../rules/firing.ts'
import { missedExecution, newExecution } from '../rules/new_records.ts'
import { findEvent, insertMissed, patchEvent } from './event_rows.ts'
import { findExecution, insertExecution, patchExecution } from './execution_rows.ts'
import { appendJournal } from './journal_store.ts'
import { instant, type Work } from './work.ts'

type FireParams = Parameters<EventStore['fire']>[0]

/** Fires a batch of events in one transaction. */
export async function fire(work: Work, params: FireParams): Promise<FireResult> {
  const now = await instant(work, params.now)
  const result: FireResult = { fired: [], missed: [], stale: [], completed: [] }
  for (const firing of params.firings) {
    await fireOne(work, firing, now, result)
  }
  await appendJournal(work, entriesToKeep(params.journal, result.stale), now)
  return result
}

/** The compare-and-set comes first: only where it hits is anything inserted. */
async function fireOne(work: Work, firing: Firing, now: number, result: FireResult): Promise<void> {
  const event = await findEvent(work, firing.eventId)
  const guard = `id = ? and next_run_at = ? and status = 'active'`
  const guardBindings = [firing.eventId, firing.expectedNextRunAt]
  const hit =
    event !== null &&
    (await patchEvent(work, firedState(event, firing, null, now), guard, guardBindings))
  if (!hit) {
    result.stale.push(firing.eventId)
    return
  }
  const missed = await insertMissedRanges(work, event, firing, now)
  const fired: ExecutionRecord[] = []
  for (const execution of firing.executions) {
    const row = newExecution(execution, now)
    if (await insertExecution(work, row)) {
      fired.push(row)
    }
  }
  if (missed.length + fired.length > 0) {
    await finishFiring(work, event, firing, { missed, fired }, now)
  }
  result.missed.push(...missed)
  result.fired.push(...fired)
  if (firing.nextRunAt === null) {
    result.completed.push(event.id)
  }
}

async function finishFiring(
  work: Work,
  event: EventRecord,
  firing: Firing,
  rows: { missed: ExecutionRecord[]; fired: ExecutionRecord[] },
  now: number
): Promise<void> {
  const { openMissedId, openMissedReason } = firedState(
    event,
    firing,
    rows.missed.at(-1)?.id ?? null,
    now
  )
  await work.run(
    `update almanac_events set run_count = run_count + ?, open_missed_id = ?, open_missed_reason = ?
      where id = ?`,
    [rows.fired.length, openMissedId, openMissedReason, event.id]
  )
}

async function insertMissedRanges(
  work: Work,
  event: EventRecord,
  firing: Firing,
  now: number
): Promise<ExecutionRecord[]> {
  const rows: ExecutionRecord[] = []
  for (const [index, range] of firing.missed.entries()) {
    const extended =
      index === 0 && firing.extendsOpenMissed ? await extendOpen(work, event, range, now) : null
    const row = extended ?? (await insertMissed(work, missedExecution(event, range, now)))
    if (row) {
      rows.push(row)
    }
  }
  return rows
}

/** @returns null when the event's open range is gone or has another reason */
async function extendOpen(
  work: Work,
  event: EventRecord,
  range: MissedRange,
  now: number
): Promise<ExecutionRecord | null> {
  const open = event.openMissedId && (await findExecution(work, event.openMissedId))
  if (!open || open.reason !== range.reason) {
    return null
  }
  const patch = {
    slotLast: range.last,
    slotCount: open.slotCount + range.count,
    finishedAt: now,
  }
  const guard = `id = ? and state = 'missed'`
  return (await patchExecution(work, patch, guard, [open.id])) ? { ...open, ...patch } : null
}
