import { hashKey } from '../../keys.ts'
import type { ExecutionRecord } from '../../types/executions.ts'
import { isEnded } from '../rules/outcomes.ts'
import type { ExecutionPatch } from '../rules/settlement.ts'
import { deleteLinks } from './link_rows.ts'
import { integer, json, RowMapper, text, type Column } from './row_mapper.ts'
import { among, chunks, first, type Row, type Value, type Work } from './work.ts'

const COLUMNS: { [Property in keyof ExecutionRecord]: Column } = {
  id: text('id'),
  eventId: text('event_id'),
  handler: text('handler'),
  queue: text('queue'),
  origin: text('origin'),
  payload: json('payload'),
  meta: json('meta'),
  subject: text('subject'),
  state: text('state'),
  priority: integer('priority'),
  slot: integer('slot'),
  slotLast: integer('slot_last'),
  slotCount: integer('slot_count'),
  slotKey: text('slot_key'),
  rerunOf: text('rerun_of'),
  reason: text('reason'),
  dedupeKey: text('dedupe_text'),
  concurrencyKey: text('concurrency_text'),
  availableAt: integer('available_at'),
  createdAt: integer('created_at'),
  claimedAt: integer('claimed_at'),
  startedAt: integer('started_at'),
  finishedAt: integer('finished_at'),
  attempt: integer('attempt'),
  failures: integer('failures'),
  rescues: integer('rescues'),
  node: text('node'),
  leaseExpiresAt: integer('lease_expires_at'),
  renewals: integer('renewals'),
  cancelRequestedAt: integer('cancel_requested_at'),
  checkpoint: json('checkpoint'),
  progress: json('progress'),
  result: json('result'),
  resultRef: text('result_ref'),
  error: json('error'),
  timeout: integer('timeout_ms'),
  retries: integer('retries'),
  expiresAt: integer('expires_at'),
  workflowId: text('workflow_id'),
  waitingFor: integer('waiting_for'),
}

const mapper = new RowMapper<ExecutionRecord>('almanac_executions', COLUMNS, [
  'rolled_up',
  'has_children',
])

/** Guards a change by the attempt that owns the execution. */
export const FENCE = `id = ? and node = ? and attempt = ? and state = 'running'`

/** What a claim sets alike for all that it takes, and so need not be read. */
type ClaimedAlike =
  | 'state'
  | 'node'
  | 'renewals'
  | 'startedAt'
  | 'finishedAt'
  | 'cancelRequestedAt'
  | 'progress'
  | 'reason'
  | 'resultRef'
  | 'waitingFor'

const ALIKE: Record<ClaimedAlike, true> = {
  state: true,
  node: true,
  renewals: true,
  startedAt: true,
  finishedAt: true,
  cancelRequestedAt: true,
  progress: true,
  reason: true,
  resultRef: true,
  waitingFor: true,
}

const CLAIMED = (Object.keys(COLUMNS) as (keyof ExecutionRecord)[]).filter(
  (property) => !(property in ALIKE)
)

/** The columns of a row that was just claimed and that differ from row to row. */
export const CLAIMED_COLUMNS = CLAIMED.map((property) => COLUMNS[property].name)

const readClaimed = mapper.tupleReader(CLAIMED)

/** The record of a row that this node has just claimed, of which CLAIMED_COLUMNS come first. */
export function toClaimed(values: unknown[], node: string): ExecutionRecord {
  const record = readClaimed(values)
  record.state = 'running'
  record.node = node
  record.renewals = 0
  return record
}

export function toExecution(row: Row): ExecutionRecord {
  return mapper.toRecord(row)
}

/**
 * Inserts executions, except those of which a unique key is taken.
 *
 * @returns the ids of those that went in
 * @throws E_EMPTY_KEY, E_PAYLOAD_NOT_JSON
 */
export function insertExecutions(work: Work, records: ExecutionRecord[]): Promise<Set<string>> {
  return mapper.writer.insertNew(work, records.map(executionRow))
}

/** All columns of an execution. @throws E_EMPTY_KEY, E_PAYLOAD_NOT_JSON */
export function executionRow(record: ExecutionRecord): Record<string, Value> {
  return { ...mapper.toRow(record), ...keyColumns(record) }
}

function keyColumns(record: ExecutionRecord): Record<string, Value> {
  const dedupe = hashOrNull(record.dedupeKey, 'dedupeKey')
  const concurrency = hashOrNull(record.concurrencyKey, 'concurrencyKey')
  return {
    dedupe_hash: dedupe,
    dedupe_key: isEnded(record.state) ? null : dedupe,
    concurrency_hash: concurrency,
    running_key: record.state === 'running' ? concurrency : null,
    rolled_up: 0,
  }
}

export function hashOrNull(key: string | null, field: string): string | null {
  return key === null ? null : hashKey(key, field)
}

/** Changes one execution, guarded by `where`. */
export async function patchExecution(
  work: Work,
  patch: ExecutionPatch,
  where: string,
  whereBindings: Value[]
): Promise<boolean> {
  const { sql, bindings } = mapper.update(patchColumns(patch))
  return (await work.run(`${sql} where ${where}`, [...bindings, ...whereBindings])) > 0
}

/** Changes executions that the unit of work has locked. */
export function patchExecutions(
  work: Work,
  patches: { id: string; patch: ExecutionPatch }[]
): Promise<void> {
  const changes = patches.map(({ id, patch }) => ({ id, columns: patchColumns(patch) }))
  return mapper.writer.update(work, changes)
}

/**
 * A change of state away from running frees running_key, and an end frees
 * dedupe_key, in the same statement.
 */
function patchColumns(patch: ExecutionPatch): Record<string, Value> {
  const row = mapper.toRow(patch)
  if (patch.state !== undefined && patch.state !== 'running') {
    row.running_key = null
    if (isEnded(patch.state)) {
      row.dedupe_key = null
    }
  }
  return row
}

/** Puts other records in the place of rows that the unit of work has locked; none is in the totals. */
export function replaceExecutions(work: Work, records: ExecutionRecord[]): Promise<void> {
  const changes = records.map((record) => {
    const { id, ...columns } = executionRow(record)
    return { id: record.id, columns }
  })
  return mapper.writer.update(work, changes)
}

/** Reads executions by id and locks them, in order of their ids, with whether they are in the totals. */
export async function lockExecutions(
  work: Work,
  ids: string[]
): Promise<Map<string, { record: ExecutionRecord; rolledUp: boolean }>> {
  const found = new Map<string, { record: ExecutionRecord; rolledUp: boolean }>()
  for (const chunk of chunks([...new Set(ids)].sort())) {
    const list = among(work, chunk)
    const rows = await work.all(
      `select * from almanac_executions where id ${list.sql} order by id ${work.dialect.lockRows}`,
      list.bindings
    )
    for (const row of rows) {
      const record = toExecution(row)
      found.set(record.id, { record, rolledUp: Number(row.rolled_up) === 1 })
    }
  }
  return found
}

/** The columns of an attempt that its holder or rescuer looks at. */
const OF_ATTEMPT = `id, event_id, state, node, attempt, available_at, started_at, failures, rescues,
  renewals, lease_expires_at, cancel_requested_at, reason, progress, error, expires_at, has_children`

/** A running attempt, and whether others wait for its end. */
export interface LockedAttempt extends ExecutionRecord {
  hasChildren: boolean
}

/**
 * Reads the running executions among `ids` and locks them, in order of their
 * ids: two units of work that lock the same rows wait for each other only one
 * way. The state is looked at afterwards, so that no index over it leads to
 * locks on the rows of others.
 */
export async function lockRunning(work: Work, ids: string[]): Promise<Map<string, LockedAttempt>> {
  const running = new Map<string, LockedAttempt>()
  for (const chunk of chunks([...new Set(ids)].sort())) {
    const list = among(work, chunk)
    const rows = await work.all(
      `select ${OF_ATTEMPT} from almanac_executions
        where id ${list.sql} order by id ${work.dialect.lockRows}`,
      list.bindings
    )
    rows
      .filter(({ state }) => state === 'running')
      .map((row) => ({ ...toExecution(row), hasChildren: Number(row.has_children) === 1 }))
      .forEach((record) => running.set(record.id, record))
  }
  return running
}

/** Reads executions by id. */
export async function findExecutions(
  work: Work,
  ids: string[]
): Promise<Map<string, ExecutionRecord>> {
  const found = new Map<string, ExecutionRecord>()
  for (const chunk of chunks(ids)) {
    const list = among(work, chunk)
    const rows = await work.all(
      `select * from almanac_executions where id ${list.sql}`,
      list.bindings
    )
    rows.map(toExecution).forEach((record) => found.set(record.id, record))
  }
  return found
}

export async function findExecution(work: Work, id: string): Promise<ExecutionRecord | null> {
  const row = await first(work, 'select * from almanac_executions where id = ?', [id])
  return row && toExecution(row)
}

/** Who holds a unique key that this execution needs. */
export async function keyHolder(work: Work, record: ExecutionRecord): Promise<string | null> {
  const row = await first(
    work,
    `select id from almanac_executions where dedupe_key = ?
      union all select id from almanac_executions where slot_key = ?
      union all select id from almanac_executions where id = ?`,
    [hashOrNull(record.dedupeKey, 'dedupeKey'), record.slotKey, record.id]
  )
  return row && String(row.id)
}

/** Deletes executions with their logs and what they waited for. */
export async function deleteExecutions(work: Work, ids: string[]): Promise<void> {
  await deleteLinks(work, ids)
  for (const chunk of chunks(ids)) {
    const list = among(work, chunk)
    await work.run(
      `delete from almanac_execution_logs where execution_id ${list.sql}`,
      list.bindings
    )
    await work.run(`delete from almanac_executions where id ${list.sql}`, list.bindings)
  }
}
