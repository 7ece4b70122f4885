import type { ExecutionRecord } from '../../types/executions.ts'
import type { StoreConnection } from './connection.ts'
import { toExecution } from './execution_rows.ts'
import { NOT_HELD, waitingCondition, type ClaimParams } from './waiting.ts'
import type { Value } from './work.ts'

/**
 * The claim of PostgreSQL: one statement finds rows, locks them past those of
 * other claimants, and takes them. A head of the queue that one key fills is
 * followed by a statement that looks for the first row of every key.
 */
export async function claimInOneStatement(
  connection: StoreConnection,
  params: ClaimParams
): Promise<ExecutionRecord[]> {
  const head = await take(connection, params, HEAD)
  const missing = params.limit - head.claimed.length
  if (!head.collided && (missing === 0 || head.locked < params.limit)) {
    return head.claimed
  }
  const rest = await take(connection, { ...params, limit: missing }, FIRST_OF_EACH_KEY)
  const claimed = [...head.claimed, ...rest.claimed]
  return rest.collided ? oneByOne(connection, params, claimed) : claimed
}

interface Taken {
  claimed: ExecutionRecord[]
  /** Rows that were looked at under a lock. */
  locked: number
  /** A key came to be held meanwhile, and nothing was claimed. */
  collided: boolean
}

/** Row by row: a key that is taken away meanwhile costs its row only. */
async function oneByOne(
  connection: StoreConnection,
  params: ClaimParams,
  claimed: ExecutionRecord[]
): Promise<ExecutionRecord[]> {
  const rows = [...claimed]
  for (let attempt = rows.length; attempt < params.limit; attempt++) {
    const one = await take(connection, { ...params, limit: 1 }, FIRST_OF_EACH_KEY)
    if (one.locked === 0 && !one.collided) {
      break
    }
    rows.push(...one.claimed)
  }
  return rows
}

async function take(
  connection: StoreConnection,
  params: ClaimParams,
  candidates: (waiting: string) => string
): Promise<Taken> {
  const { now, limit, node, lease } = params
  const waiting = waitingCondition(params)
  const bindings: Value[] = [now, ...waiting.bindings, limit, limit, node, lease]
  const sql = statement(candidates(waiting.sql))
  try {
    const rows = await connection.read('executions.claim', (work) => work.all(sql, bindings))
    return {
      claimed: rows.map(toExecution).sort(inOrder),
      locked: rows.length === 0 ? 0 : Number(rows[0].locked_rows),
      collided: false,
    }
  } catch (error) {
    if (connection.dialect.isUniqueViolation(error)) {
      return { claimed: [], locked: 0, collided: true }
    }
    throw error
  }
}

/** `returning` keeps no order. */
function inOrder(a: ExecutionRecord, b: ExecutionRecord): number {
  return a.priority - b.priority || a.availableAt - b.availableAt || (a.id < b.id ? -1 : 1)
}

const CLOCK = `select coalesce(?::bigint, floor(extract(epoch from clock_timestamp()) * 1000)::bigint) as at`

/** Bindings: now, those of the candidates, limit, limit, node, lease. */
function statement(candidates: string): string {
  return `with recursive clock as materialized (${CLOCK}),
    ${candidates},
    locked as (select count(*) as locked_rows from head),
    chosen as (
      select id from (
        select id, row_number() over (
          partition by coalesce(concurrency_hash, id) order by priority, available_at, id) as turn
        from head) ranked
      where turn = 1)
    update almanac_executions set state = 'running', running_key = concurrency_hash,
      attempt = attempt + 1, node = given.node, claimed_at = clock.at,
      lease_expires_at = clock.at + given.lease, renewals = 0, started_at = null,
      cancel_requested_at = null, progress = null, reason = null
    from clock, locked, (select ?::text as node, ?::bigint as lease) given
    where id = any(array(select id from chosen))
    returning almanac_executions.*, locked.locked_rows`
}

/**
 * The head of the queue, priority by priority: each is one range of the
 * index, and later ones are not looked at once there are enough rows.
 */
const HEAD = (waiting: string) => `priorities (priority) as (
      (select priority from almanac_executions where state = 'queued' order by priority limit 1)
      union all
      select (select further.priority from almanac_executions further
        where further.state = 'queued' and further.priority > priorities.priority
        order by further.priority limit 1)
      from priorities where priorities.priority is not null),
    head as materialized (
      select found.* from priorities cross join clock cross join lateral (
        select id, concurrency_hash, priority, available_at from almanac_executions
        where priority = priorities.priority and available_at <= clock.at
          and ${waiting} and ${NOT_HELD}
        order by available_at, id limit ? for update skip locked) found
      limit ?)`

/** The first row of every key, however long the backlog of one key is. */
const FIRST_OF_EACH_KEY = (waiting: string) => `first_rows as materialized (
      select id, row_number() over (
        partition by coalesce(concurrency_hash, id) order by priority, available_at, id) as turn
      from almanac_executions, clock
      where available_at <= clock.at and ${waiting} and ${NOT_HELD}),
    head as materialized (
      select waiting.id, concurrency_hash, priority, available_at
      from almanac_executions waiting join first_rows on first_rows.id = waiting.id
      where first_rows.turn = 1 and waiting.state = 'queued' and ?::bigint > 0
      order by priority, available_at, waiting.id limit ?
      for update of waiting skip locked)`
