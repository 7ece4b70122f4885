import { E_EVENT_EXISTS } from '../../errors.ts'
import { hashKey } from '../../keys.ts'
import type { EventRecord } from '../../types/events.ts'
import type { Outcome } from '../../types/executions.ts'
import type { ForeignRow } from '../contract.ts'
import { rowHash } from '../rules/row_hash.ts'
import { countOutcome, type EventCounters } from '../rules/outcomes.ts'
import { integer, json, RowMapper, text } from './row_mapper.ts'
import { unreadable } from './unreadable.ts'
import { among, chunks, first, type Row, type Value, type Work } from './work.ts'

const mapper = new RowMapper<EventRecord>('almanac_events', {
  id: text('id'),
  name: text('name'),
  source: text('source'),
  sourceKey: text('source_key'),
  sourceHash: text('source_hash'),
  handler: text('handler'),
  payload: json('payload'),
  profile: text('profile'),
  meta: json('meta'),
  subject: text('subject'),
  tags: json('tags'),
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
  skippedSlot: integer('skipped_slot'),
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
  resumedAt: integer('resumed_at'),
  completedAt: integer('completed_at'),
  cancelledAt: integer('cancelled_at'),
  version: integer('version'),
  rowHash: text('row_hash'),
  problem: text('problem'),
})

/** A row that cannot be read stands in nobody's way: it comes with its problem. */
export function toEvent(row: Row): EventRecord {
  try {
    return withTags(mapper.toRecord(row))
  } catch {
    return broken(row).event
  }
}

/** The event with the hash of its row as it is. */
export function toForeign(row: Row): ForeignRow {
  try {
    const event = withTags(mapper.toRecord(row))
    return { event, found: rowHash(event) }
  } catch {
    return broken(row)
  }
}

function broken(row: Row): ForeignRow {
  const { readable, problem, found } = unreadable(row)
  return { event: withTags({ ...mapper.toRecord(readable), problem }), found }
}

/** Rows of before there were tags have none. */
function withTags(event: EventRecord): EventRecord {
  event.tags ??= []
  return event
}

export async function findEvent(work: Work, id: string): Promise<EventRecord | null> {
  const row = await first(work, 'select * from almanac_events where id = ?', [id])
  return row && toEvent(row)
}

/** Reads events by id, in order of their ids. */
export async function findEvents(work: Work, ids: string[]): Promise<EventRecord[]> {
  const found: EventRecord[] = []
  for (const chunk of chunks([...ids].sort())) {
    const list = among(work, chunk)
    const sql = `select * from almanac_events where id ${list.sql} order by id`
    const rows = await work.all(sql, list.bindings)
    found.push(...rows.map(toEvent))
  }
  return found
}

/** Reads events by id and locks them, in order of their ids. */
export async function lockEvents(work: Work, ids: string[]): Promise<Map<string, EventRecord>> {
  const events = await selectLocked(work, '*', ids)
  return new Map(events.map(toEvent).map((event) => [event.id, event]))
}

/** The same with the hashes of the rows as they are. */
export async function lockRows(work: Work, ids: string[]): Promise<Map<string, ForeignRow>> {
  const rows = await selectLocked(work, '*', ids)
  return new Map(rows.map(toForeign).map((row) => [row.event.id, row]))
}

async function selectLocked(work: Work, columns: string, ids: string[]): Promise<Row[]> {
  const rows: Row[] = []
  for (const chunk of chunks([...new Set(ids)].sort())) {
    const list = among(work, chunk)
    const locked = await work.all(
      `select ${columns} from almanac_events where id ${list.sql} order by id ${work.dialect.lockRows}`,
      list.bindings
    )
    rows.push(...locked)
  }
  return rows
}

/** What a firing compares of an event, and the count that it raises. */
export type EventSlot = Pick<EventRecord, 'status' | 'nextRunAt' | 'runCount'>

/** Locks events in order of their ids and reads only what a firing compares. */
export async function lockSlots(work: Work, ids: string[]): Promise<Map<string, EventSlot>> {
  const rows = await selectLocked(work, 'id, status, next_run_at, run_count', ids)
  return new Map(rows.map((row) => [row.id as string, toSlot(row)]))
}

const toSlot = (row: Row): EventSlot => ({
  status: row.status as EventRecord['status'],
  nextRunAt: row.next_run_at === null ? null : Number(row.next_run_at),
  runCount: Number(row.run_count),
})

export async function lockEvent(work: Work, id: string): Promise<EventRecord | null> {
  const events = await lockEvents(work, [id])
  return events.get(id) ?? null
}

/** The unique keys of an event, each in one column. */
export function nameHash(source: string, name: string): string {
  return hashKey(JSON.stringify([source, name]))
}

export function sourceKeyHash(source: string, key: string): string {
  return hashKey(JSON.stringify([source, key]))
}

function uniqueKeys({ source, name, sourceKey }: EventRecord): Record<string, Value> {
  return { name_hash: nameHash(source, name), source_key_hash: sourceKeyHash(source, sourceKey) }
}

/** @throws E_EVENT_EXISTS */
export async function insertEvent(work: Work, event: EventRecord): Promise<void> {
  const { sql, bindings } = mapper.insert({
    ...mapper.toRow(event),
    ...uniqueKeys(event),
  })
  await named(work, event, () => work.run(sql, bindings))
  await insertTags(work, event)
}

/**
 * Stores the columns that differ, those of `patch` where other hands left
 * something that cannot be read, and what hangs on the name and the tags in it.
 *
 * @throws E_EVENT_EXISTS when the new name is taken
 */
export async function replaceEvent(
  work: Work,
  before: EventRecord,
  after: EventRecord,
  patch: Partial<EventRecord> = {}
): Promise<void> {
  const { sql, bindings } = mapper.update({
    ...changedColumns(before, after),
    ...(before.problem === null ? {} : mapper.toRow(patch)),
    ...('name' in patch ? uniqueKeys(after) : {}),
  })
  await named(work, after, () => work.run(`${sql} where id = ?`, [...bindings, after.id]))
  if ('tags' in patch) {
    await work.run('delete from almanac_event_tags where event_id = ?', [after.id])
    await insertTags(work, after)
  }
}

export async function deleteEvent(work: Work, id: string): Promise<void> {
  await work.run('delete from almanac_event_tags where event_id = ?', [id])
  await work.run('delete from almanac_events where id = ?', [id])
}

/** The tags once more, each in a row of its own: by these events are found. */
async function insertTags(work: Work, { id, tags }: EventRecord): Promise<void> {
  for (const tag of tags) {
    await work.run('insert into almanac_event_tags (event_id, tag) values (?, ?)', [id, tag])
  }
}

/** Changes events that the unit of work has locked. */
export function patchEvents(
  work: Work,
  patches: { id: string; patch: Partial<EventRecord> }[]
): Promise<void> {
  const changes = patches.map(({ id, patch }) => ({ id, columns: mapper.toRow(patch) }))
  return mapper.writer.update(work, changes)
}

/** An execution that ended, as its event counts it. */
export interface EndedRun {
  eventId: string | null
  outcome: Outcome
  startedAt: number | null
}

/** Moves the counters of the events whose executions ended, in order. */
export async function countOutcomes(work: Work, ended: EndedRun[]): Promise<void> {
  const runs = ended.filter(({ eventId }) => eventId !== null)
  const columns = 'id, last_outcome, last_run_at, failure_count, failures_in_row'
  const rows = await selectLocked(
    work,
    columns,
    runs.map(({ eventId }) => eventId!)
  )
  const events = new Map(rows.map(toEvent).map((event) => [event.id, event]))
  const counted = new Map<string, EventCounters>()
  for (const { eventId, outcome, startedAt } of runs) {
    const event = events.get(eventId!)
    if (event) {
      const before: EventCounters = counted.get(event.id) ?? countersOf(event)
      counted.set(event.id, countOutcome(before, outcome, startedAt))
    }
  }
  await patchEvents(
    work,
    [...counted].map(([id, patch]) => ({ id, patch }))
  )
}

function countersOf(event: EventRecord): EventCounters {
  const { lastOutcome, lastRunAt, failureCount, consecutiveFailures } = event
  return { lastOutcome, lastRunAt, failureCount, consecutiveFailures }
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
