import { E_EVENT_EXISTS } from '../../errors.ts'
import { hashKey } from '../../keys.ts'
import type { EventRecord } from '../../types/events.ts'
import type { ExecutionRecord, Outcome } from '../../types/executions.ts'
import type { MissedRange, NewExecution } from '../contract.ts'
import { missedExecution, newExecution } from '../rules/new_records.ts'
import { countOutcome, type EventCounters } from '../rules/outcomes.ts'
import { insertExecution } from './execution_rows.ts'
import { integer, json, RowMapper, text } from './row_mapper.ts'
import { first, type Row, type Value, type Work } from './work.ts'

const mapper = new RowMapper<EventRecord>('almanac_events', {
  id: text('id'),
  name: text('name'),
  source: text('source'),
  sourceKey: text('source_key'),
  sourceHash: text('source_hash'),
  handler: text('handler'),
  payload: json('payload'),
  trigger: json('trigger_def'),
  status: text('status'),
  statusBy: text('status_by'),
  queue: text('queue'),
  priority: integer('priority'),
  misfire: json('misfire'),
  overlap: text('overlap'),
  onResume: text('on_resume'),
  concurrencyKey: text('concurrency_key'),
  timeout: integer('timeout_ms'),
  retries: integer('retries'),
  maxRuns: integer('max_runs'),
  nextRunAt: integer('next_run_at'),
  lastSlot: integer('last_slot'),
  openMissedId: text('open_missed_id'),
  openMissedReason: text('open_missed_reason'),
  lastRunAt: integer('last_run_at'),
  lastOutcome: text('last_outcome'),
  runCount: integer('run_count'),
  failureCount: integer('failure_count'),
  consecutiveFailures: integer('failures_in_row'),
  createdAt: integer('created_at'),
  updatedAt: integer('updated_at'),
  pausedAt: integer('paused_at'),
  completedAt: integer('completed_at'),
  cancelledAt: integer('cancelled_at'),
  version: integer('version'),
})

export function toEvent(row: Row): EventRecord {
  return mapper.toRecord(row)
}

export async function findEvent(work: Work, id: string): Promise<EventRecord | null> {
  const row = await first(work, 'select * from almanac_events where id = ?', [id])
  return row && toEvent(row)
}

/** The unique keys of an event, each in one column. */
export function nameHash(source: string, name: string): string {
  return hashKey(JSON.stringify([source, name]))
}

export function sourceKeyHash(source: string, key: string): string {
  return hashKey(JSON.stringify([source, key]))
}

/** @throws E_EVENT_EXISTS */
export async function insertEvent(work: Work, event: EventRecord): Promise<void> {
  const { sql, bindings } = mapper.insert({
    ...mapper.toRow(event),
    name_hash: nameHash(event.source, event.name),
    source_key_hash: sourceKeyHash(event.source, event.sourceKey),
  })
  await named(work, event, () => work.run(sql, bindings))
}

/** Stores the columns that differ. @throws E_EVENT_EXISTS when the new name is taken */
export async function replaceEvent(
  work: Work,
  before: EventRecord,
  after: EventRecord
): Promise<void> {
  const { sql, bindings } = mapper.update({
    ...changedColumns(before, after),
    name_hash: nameHash(after.source, after.name),
  })
  await named(work, after, () => work.run(`${sql} where id = ?`, [...bindings, after.id]))
}

/** Changes some columns. @returns whether the row that `where` asks for was there */
export async function patchEvent(
  work: Work,
  patch: Partial<EventRecord>,
  where: string,
  whereBindings: Value[]
): Promise<boolean> {
  const { sql, bindings } = mapper.update(mapper.toRow(patch))
  return (await work.run(`${sql} where ${where}`, [...bindings, ...whereBindings])) > 0
}

/** Slots that were due under the definition that an edit replaces. */
export async function insertDue(
  work: Work,
  before: EventRecord,
  due: { executions?: NewExecution[]; missed?: MissedRange[] },
  now: number
): Promise<void> {
  let fired = 0
  for (const execution of due.executions ?? []) {
    fired += (await insertExecution(work, newExecution(execution, now))) ? 1 : 0
  }
  for (const range of due.missed ?? []) {
    await insertMissed(work, missedExecution(before, range, now))
  }
  if (fired > 0) {
    await countRuns(work, before.id, fired)
  }
}

/**
 * Inserts a missed range. Where its first slot was fired already, a range of
 * more slots is kept without the key, and a single slot counts as fired.
 */
export async function insertMissed(
  work: Work,
  row: ExecutionRecord
): Promise<ExecutionRecord | null> {
  if (await insertExecution(work, row)) {
    return row
  }
  const keyless = { ...row, slotKey: null }
  return row.slotCount > 1 && (await insertExecution(work, keyless)) ? keyless : null
}

export async function countRuns(work: Work, eventId: string, runs: number): Promise<void> {
  await work.run('update almanac_events set run_count = run_count + ? where id = ?', [
    runs,
    eventId,
  ])
}

/** An execution that ended, as its event counts it. */
export interface EndedRun {
  eventId: string | null
  outcome: Outcome
  startedAt: number | null
}

/**
 * Moves the counters of the events whose executions ended, in order. Counts
 * are added in the statement: another transaction may add at the same time.
 */
export async function countOutcomes(work: Work, ended: EndedRun[]): Promise<void> {
  const added = new Map<string, { counters: EventCounters; reset: boolean }>()
  for (const { eventId, outcome, startedAt } of ended) {
    if (eventId !== null) {
      const { counters, reset } = added.get(eventId) ?? { counters: NOTHING, reset: false }
      added.set(eventId, {
        counters: countOutcome(counters, outcome, startedAt),
        reset: reset || outcome === 'succeeded',
      })
    }
  }
  for (const [id, { counters, reset }] of added) {
    const { lastOutcome, lastRunAt, failureCount, consecutiveFailures } = counters
    await work.run(
      `update almanac_events set last_outcome = coalesce(?, last_outcome), last_run_at = coalesce(?, last_run_at),
        failure_count = failure_count + ?,
        failures_in_row = case when ? = 1 then ? else failures_in_row + ? end
        where id = ?`,
      [
        lastOutcome,
        lastRunAt,
        failureCount,
        reset ? 1 : 0,
        consecutiveFailures,
        consecutiveFailures,
        id,
      ]
    )
  }
}

const NOTHING: EventCounters = {
  lastOutcome: null,
  lastRunAt: null,
  failureCount: 0,
  consecutiveFailures: 0,
}

function changedColumns(before: EventRecord, after: EventRecord): Record<string, Value> {
  const old = mapper.toRow(before)
  const changed = mapper.toRow(after)
  for (const name of Object.keys(changed)) {
    if (changed[name] === old[name]) {
      delete changed[name]
    }
  }
  return changed
}

async function named(
  work: Work,
  event: EventRecord,
  statement: () => Promise<unknown>
): Promise<void> {
  try {
    await statement()
  } catch (error) {
    if (work.dialect.isUniqueViolation(error)) {
      throw new E_EVENT_EXISTS([event.name, event.source], { cause: error })
    }
    throw error
  }
}
