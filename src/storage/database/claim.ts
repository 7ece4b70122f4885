import type { ExecutionRecord } from '../../types/executions.ts'
import type { Claimant, ExecutionStore } from '../contract.ts'
import { toExecution } from './execution_rows.ts'
import { chunks, firstNumber, inList, type Row, type Value, type Work } from './work.ts'

type ClaimParams = Parameters<ExecutionStore['claim']>[0]
export type WaitingFilter = Pick<ClaimParams, 'handlers' | 'queues'>

/** Candidates looked at per wanted row, before the whole queue is. */
const WINDOW_FACTOR = 4

interface Candidate {
  id: string
  key: string | null
}

/** Which waiting rows suit the claimant. */
export function waitingCondition({ handlers, queues }: WaitingFilter): {
  sql: string
  bindings: Value[]
} {
  const names = inList(handlers)
  const among = queues === undefined ? null : inList(queues)
  return {
    sql: `state = 'queued' and handler in ${names.sql}${among ? ` and queue in ${among.sql}` : ''}`,
    bindings: [...names.bindings, ...(among?.bindings ?? [])],
  }
}

/** The priorities that are waiting, first one first: the index gives each in one step. */
export async function* waitingPriorities(work: Work): AsyncGenerator<number> {
  const sql = `select min(priority) from almanac_executions where state = 'queued'`
  let priority = await firstNumber(work, sql)
  while (priority !== null) {
    yield priority
    priority = await firstNumber(work, `${sql} and priority > ?`, [priority])
  }
}

/**
 * The executions to claim now, in order, one per key and none of a held key.
 * First a window at the head of the queue; only when a full window gives too
 * few, because one key fills it, the first row of every key is looked for.
 */
export async function claimable(
  work: Work,
  params: ClaimParams,
  now: number
): Promise<Candidate[]> {
  const size = params.limit * WINDOW_FACTOR
  const window = await headOfQueue(work, params, now, size)
  const chosen = firstOfEachKey(window, params.limit)
  return chosen.length < params.limit && window.length === size
    ? firstRows(work, params, now)
    : chosen
}

const NOT_HELD = `(concurrency_hash is null or not exists (
  select 1 from almanac_executions holder
  where holder.running_key = almanac_executions.concurrency_hash))`

async function headOfQueue(
  work: Work,
  params: ClaimParams,
  now: number,
  size: number
): Promise<Candidate[]> {
  const waiting = waitingCondition(params)
  const window: Candidate[] = []
  for await (const priority of waitingPriorities(work)) {
    const rows = await work.all(
      `select id, concurrency_hash from almanac_executions
        where priority = ? and available_at <= ? and ${waiting.sql} and ${NOT_HELD}
        order by available_at, id limit ?`,
      [priority, now, ...waiting.bindings, size - window.length]
    )
    window.push(...rows.map(toCandidate))
    if (window.length === size) {
      break
    }
  }
  return window
}

async function firstRows(work: Work, params: ClaimParams, now: number): Promise<Candidate[]> {
  const waiting = waitingCondition(params)
  const rows = await work.all(
    `select id, concurrency_hash from (
        select id, concurrency_hash, priority, available_at, row_number() over (
          partition by coalesce(concurrency_hash, id) order by priority, available_at, id) as turn
        from almanac_executions
        where available_at <= ? and ${waiting.sql} and ${NOT_HELD}) waiting
      where turn = 1 order by priority, available_at, id limit ?`,
    [now, ...waiting.bindings, params.limit]
  )
  return rows.map(toCandidate)
}

function firstOfEachKey(window: Candidate[], limit: number): Candidate[] {
  const keys = new Set<string>()
  const chosen: Candidate[] = []
  for (const candidate of window) {
    if (chosen.length === limit) {
      break
    }
    if (candidate.key === null || !keys.has(candidate.key)) {
      chosen.push(candidate)
      if (candidate.key !== null) {
        keys.add(candidate.key)
      }
    }
  }
  return chosen
}

function toCandidate(row: Row): Candidate {
  return { id: row.id as string, key: row.concurrency_hash as string | null }
}

/**
 * Takes the candidates one by one. A row that another claimant took is left
 * out, and so is one whose key came to be held meanwhile.
 */
export async function claimRows(
  work: Work,
  candidates: Candidate[],
  claimant: Claimant,
  now: number
): Promise<ExecutionRecord[]> {
  const taken: string[] = []
  for (const { id } of candidates) {
    if (await claimRow(work, id, claimant, now)) {
      taken.push(id)
    }
  }
  const records = new Map<string, ExecutionRecord>()
  for (const chunk of chunks(taken)) {
    const list = inList(chunk)
    const rows = await work.all(
      `select * from almanac_executions where id in ${list.sql}`,
      list.bindings
    )
    rows.map(toExecution).forEach((record) => records.set(record.id, record))
  }
  return taken.map((id) => records.get(id)!)
}

async function claimRow(
  work: Work,
  id: string,
  { node, lease }: Claimant,
  now: number
): Promise<boolean> {
  try {
    const changed = await work.run(
      `update almanac_executions set state = 'running', running_key = concurrency_hash,
        attempt = attempt + 1, node = ?, claimed_at = ?, lease_expires_at = ?, renewals = 0,
        started_at = null, cancel_requested_at = null, progress = null, reason = null
        where id = ? and state = 'queued'`,
      [node, now, now + lease, id]
    )
    return changed > 0
  } catch (error) {
    if (work.dialect.isUniqueViolation(error)) {
      return false
    }
    throw error
  }
}
