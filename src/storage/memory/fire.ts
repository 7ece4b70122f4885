import type { EventRecord } from '../../types/events.ts'
import type { ExecutionRecord } from '../../types/executions.ts'
import type { FireResult, Firing, MissedRange } from '../contract.ts'
import { firedState } from '../rules/firing.ts'
import { missedExecution, newExecution } from '../rules/new_records.ts'
import { insertMissed } from './missed_rows.ts'
import { insertChildren } from './workflow_births.ts'
import { storable, type MemoryTables } from './tables.ts'

/** Fires one event when its next_run_at still is what the tick saw. */
export function fireOne(
  tables: MemoryTables,
  firing: Firing,
  now: number,
  result: FireResult
): void {
  const event = tables.events.get(firing.eventId)
  if (event?.status !== 'active' || event.nextRunAt !== firing.expectedNextRunAt) {
    result.stale.push(firing.eventId)
    return
  }
  const executions = firing.executions.map((execution) => storable(newExecution(execution, now)))
  const missed = firing.missed
    .map((range, index) => miss(tables, event, firing, range, index, now))
    .filter((row) => row !== null)
  Object.assign(event, firedState(event, firing, missed.at(-1)?.id ?? null, now))
  const fired = executions.filter((execution) => !tables.conflict(execution))
  fired.forEach((execution) => tables.insert(execution))
  const ids = new Set(fired.map(({ id }) => id))
  insertChildren(tables, firing.executions, ids, now)
  event.runCount += fired.length
  result.fired.push(...fired)
  result.missed.push(...missed)
  if (firing.nextRunAt === null) {
    result.completed.push(event.id)
  }
}

/** @returns the row that now holds the range; null when its only slot was fired already */
function miss(
  tables: MemoryTables,
  event: EventRecord,
  firing: Firing,
  range: MissedRange,
  index: number,
  now: number
): ExecutionRecord | null {
  if (index === 0 && firing.extendsOpenMissed && event.openMissedId !== null) {
    const open = tables.executions.get(event.openMissedId)
    if (open?.state === 'missed' && open.reason === range.reason) {
      const slotCount = open.slotCount + range.count
      return tables.change(open, { slotLast: range.last, slotCount, finishedAt: now })
    }
  }
  return insertMissed(tables, missedExecution(event, range, now))
}
