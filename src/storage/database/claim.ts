import type { ExecutionRecord } from '../../types/executions.ts'
import { arrayText } from '../sql_session.ts'
import { claimInOneStatement } from './claim_statement.ts'
import type { StoreConnection } from './connection.ts'
import { findExecutions, toExecution } from './execution_rows.ts'
import { allPriorities, fewKeys, firstOfKeys, notHeldAmong } from './few_keys.ts'
import {
  inTurn,
  queueHead,
  toWaiting,
  WAITING_COLUMNS,
  type Candidate,
  type WaitingRow,
} from './queue_head.ts'
import type { Statement } from './row_sets.ts'
import { NOT_HELD, waitingCondition, type ClaimParams } from './waiting.ts'
import { inList, instant, type Value, type Work } from './work.ts'

/** Candidates looked at per wanted row, before the whole queue is. */
const WINDOW_FACTOR = 4

/** Claims in the form that keeps claimants apart on this database. */
export function claim(
  connection: StoreConnection,
  params: ClaimParams
): Promise<ExecutionRecord[]> {
  switch (connection.dialect.claim) {
    case 'one writer':
      return claimAsOnlyWriter(connection, params)
    case 'locked rows':
      return claimLockedRows(connection, params)
    case 'one statement':
      return claimInOneStatement(connection, params)
  }
}

/** Nobody else writes meanwhile. Looking takes no lock; only what is there to take does. */
async function claimAsOnlyWriter(
  connection: StoreConnection,
  params: ClaimParams
): Promise<ExecutionRecord[]> {
  const waiting = await connection.read('executions.claim', async (work) =>
    claimable(work, { ...params, limit: 1 }, await instant(work, params.now))
  )
  if (waiting.length === 0) {
    return []
  }
  return connection.write('executions.claim', async (work) => {
    const now = await instant(work, params.now)
    return claimRows(work, await claimable(work, params, now), params, now)
  })
}

/**
 * The head of the queue, locked: rows that other claimants have locked are
 * passed over. Only as many as are wanted are locked, so that others find the rest.
 */
function claimLockedRows(
  connection: StoreConnection,
  params: ClaimParams
): Promise<ExecutionRecord[]> {
  return connection.write('executions.claim', async (work) => {
    const now = await instant(work, params.now)
    const candidates = await claimable(work, params, now)
    return takeQueued(work, candidates, params, now)
  })
}

/** Those of the candidates that still wait as they did, and that nobody else is about to take. */
export async function takeQueued(
  work: Work,
  candidates: WaitingRow[],
  params: ClaimParams,
  now: number
): Promise<ExecutionRecord[]> {
  if (candidates.length === 0) {
    return []
  }
  if (work.dialect.claim !== 'one statement') {
    return claimRows(work, await lockQueued(work, candidates, params, now), params, now)
  }
  const waits = stillWaits(params, now)
  const column = (value: (row: WaitingRow) => Value) => arrayText(candidates.map(value))
  const claiming = claimed(candidates, params, now)
  const rows = await work.all(
    `with free as (select id from almanac_executions
        where id = any(?::text[]) and ${waits.sql} and (id, handler, coalesce(concurrency_hash, '')) in (
          select seen.id, seen.handler, seen.key from unnest(?::text[], ?::text[], ?::text[]) as seen(id, handler, key))
        ${work.dialect.lockFreeRows})
      update almanac_executions set ${claiming.sql}
      where id = any(array(select id from free)) returning *`,
    [
      column(({ id }) => id),
      ...waits.bindings,
      ...[column(({ id }) => id), column(({ handler }) => handler), column(({ key }) => key ?? '')],
      ...claiming.bindings,
    ]
  )
  const records = new Map(rows.map(toExecution).map((record) => [record.id, record]))
  return candidates.flatMap(({ id }) => records.get(id) ?? [])
}

/**
 * What may have changed since the candidates were looked for: their rows, which
 * another enqueue may have replaced, or the controls. They may have expired as well.
 */
function stillWaits(params: ClaimParams, now: number): Statement {
  const { sql, bindings } = waitingCondition(params, { sql: '?', bindings: [now] })
  return { sql: `available_at <= ? and ${sql}`, bindings: [now, ...bindings] }
}

/**
 * The executions to claim now, in order, one per key and none of a held key.
 * Mostly the head of the queue gives them. Where rows of one key fill it, the
 * first row of each key is looked for: key by key, or where there are many of
 * them behind the rows of held keys, and at last in the whole queue.
 */
export async function claimable(
  work: Work,
  params: ClaimParams,
  now: number,
  { lock = true } = {}
): Promise<WaitingRow[]> {
  const { limit } = params
  const head = await queueHead(work, params, now, { size: limit, lock })
  const keys = head.map(({ key }) => key).filter((key) => key !== null)
  const isFree = await notHeldAmong(work, keys)
  const chosen = firstOfEachKey(
    head.filter(({ key }) => isFree(key)),
    limit
  )
  if (chosen.length === limit || head.length < limit) {
    return chosen
  }
  const few = await fewKeys(work, params)
  if (few !== null) {
    const at = { sql: '?', bindings: [now] }
    const statement = firstOfKeys(params, few, at, await allPriorities(work))
    const rows = await work.all(statement.sql, statement.bindings)
    return rows.map(toWaiting).sort(inTurn).slice(0, limit)
  }
  const size = limit * WINDOW_FACTOR
  const window = await queueHead(work, params, now, { size, free: true })
  const further = firstOfEachKey(window, limit)
  return further.length < limit && window.length === size ? firstRows(work, params, now) : further
}

async function firstRows(work: Work, params: ClaimParams, now: number): Promise<WaitingRow[]> {
  const waiting = waitingCondition(params, { sql: '?', bindings: [now] })
  const rows = await work.all(
    `select ${WAITING_COLUMNS} from (
        select ${WAITING_COLUMNS}, row_number() over (
          partition by coalesce(concurrency_hash, id) order by priority, available_at, id) as turn
        from almanac_executions
        where available_at <= ? and ${waiting.sql} and ${NOT_HELD}) waiting
      where turn = 1 order by priority, available_at, id limit ?`,
    [now, ...waiting.bindings, params.limit]
  )
  return rows.map(toWaiting)
}

async function lockQueued(
  work: Work,
  candidates: WaitingRow[],
  params: ClaimParams,
  now: number
): Promise<WaitingRow[]> {
  const list = inList(candidates.map(({ id }) => id))
  const waits = stillWaits(params, now)
  // They are looked at afterwards, so that no index leads to locks on the rows of others
  const rows = await work.all(
    `select id, handler, concurrency_hash, case when ${waits.sql} then 1 else 0 end as waits
      from almanac_executions where id in ${list.sql} ${work.dialect.lockFreeRows}`,
    [...waits.bindings, ...list.bindings]
  )
  const locked = new Map(rows.filter((row) => Number(row.waits) === 1).map((row) => [row.id, row]))
  return candidates.filter(({ id, handler, key }) => {
    const row = locked.get(id)
    return row?.handler === handler && row.concurrency_hash === key
  })
}

function firstOfEachKey(window: WaitingRow[], limit: number): WaitingRow[] {
  const keys = new Set<string>()
  const chosen: WaitingRow[] = []
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

/**
 * Takes the candidates, together where the database can. A row that another
 * claimant took is left out, and so is one whose key came to be held meanwhile.
 */
export async function claimRows(
  work: Work,
  candidates: Candidate[],
  params: ClaimParams,
  now: number
): Promise<ExecutionRecord[]> {
  const ids = candidates.map(({ id }) => id)
  const together =
    work.dialect.rowSets !== null && (await claimTogether(work, candidates, params, now))
  const taken: string[] = together ? ids : []
  if (!together) {
    for (const candidate of candidates) {
      if (await claimTogether(work, [candidate], params, now)) {
        taken.push(candidate.id)
      }
    }
  }
  const records = await findExecutions(work, taken)
  return taken.map((id) => records.get(id)!)
}

/** @returns false when a row is taken, or its key is held: then none is claimed */
async function claimTogether(
  work: Work,
  candidates: Candidate[],
  params: ClaimParams,
  now: number
): Promise<boolean> {
  const list = inList(candidates.map(({ id }) => id))
  const claiming = claimed(candidates, params, now)
  try {
    const changed = await work.run(
      `update almanac_executions ${work.dialect.byPrimaryKey} set ${claiming.sql}
        where id in ${list.sql} and state = 'queued'`,
      [...claiming.bindings, ...list.bindings]
    )
    return changed > 0
  } catch (error) {
    // Where such an error ends the transaction, whoever began it has to know
    if (work.dialect.claim !== 'one statement' && work.dialect.isUniqueViolation(error)) {
      return false
    }
    throw error
  }
}

/** What a claim sets. */
function claimed(candidates: Candidate[], { node, lease }: ClaimParams, now: number): Statement {
  const key = runningKeys(candidates)
  return {
    sql: `state = 'running', running_key = ${key.sql}, attempt = attempt + 1, node = ?,
      claimed_at = ?, lease_expires_at = ?, renewals = 0, started_at = null,
      cancel_requested_at = null, progress = null, reason = null`,
    bindings: [...key.bindings, node, now, now + lease],
  }
}

/** Mostly the key itself; each of those that take another place is named. */
function runningKeys(candidates: Candidate[]): Statement {
  const others = candidates.filter(({ runningKey, key }) => (runningKey ?? key) !== key)
  if (others.length === 0) {
    return { sql: 'concurrency_hash', bindings: [] }
  }
  return {
    sql: `case id ${others.map(() => 'when ? then ?').join(' ')} else concurrency_hash end`,
    bindings: others.flatMap(({ id, runningKey }) => [id, runningKey!]),
  }
}
