import type { EventRecord } from '../../types/events.ts'
import type { MissedRange, NewExecution } from '../contract.ts'
import { missedExecution, newExecution } from '../rules/new_records.ts'
import { insertExecutions } from './execution_rows.ts'
import { insertMissed } from './missed_rows.ts'
import { insertChildren } from './workflow_births.ts'
import type { Work } from './work.ts'

/** Slots that were due under the definition that an edit replaces. */
export async function insertDue(
  work: Work,
  before: EventRecord,
  { executions = [], missed = [] }: { executions?: NewExecution[]; missed?: MissedRange[] },
  now: number
): Promise<void> {
  const rows = executions.map((execution) => newExecution(execution, now))
  const fired = await insertExecutions(work, rows)
  await insertMissed(
    work,
    missed.map((range) => missedExecution(before, range, now))
  )
  if (fired.size > 0) {
    await countRuns(work, before.id, fired.size)
  }
  await insertChildren(work, executions, fired, now)
}

async function countRuns(work: Work, eventId: string, runs: number): Promise<void> {
  await work.run('update almanac_events set run_count = run_count + ? where id = ?', [
    runs,
    eventId,
  ])
}
