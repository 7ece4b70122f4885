import type { ExecutionRecord } from '../../types/executions.ts'
import type { StoreConnection } from './connection.ts'
import { clockOr } from './dialect.ts'
import { allPriorities, fewKeys, firstOfKeys } from './few_keys.ts'
import { CLAIMED_COLUMNS, toClaimed } from './execution_rows.ts'
import { KeptPlans } from './kept_plans.ts'
import type { Statement } from './row_sets.ts'
import type { PostgresWork } from './server_work.ts'
import { NOT_HELD, notHeld, PRIORITIES, waitingCondition, type ClaimParams } from './waiting.ts'
import type { Value } from './work.ts'

/**
 * The claim of PostgreSQL: one statement finds rows, locks them past those of
 * other claimants, and takes them. Where rows of one key fill the head of the
 * queue, further statements look for the first row of each key: key by key, or
 * where there are many of them behind the rows of held keys, and at last in the
 * whole queue.
 */
export async function claimInOneStatement(
  connection: StoreConnection,
  params: ClaimParams
): Promise<ExecutionRecord[]> {
  const { limit } = params
  const claimed: ExecutionRecord[] = []
  const further = async (candidates: Candidates) => {
    const taken = await take(connection, { ...params, limit: limit - claimed.length }, candidates)
    claimed.push(...taken.claimed)
    return taken
  }
  const head = await further(headOfQueue)
  if (!head.collided && (claimed.length === limit || head.locked < limit)) {
    return claimed
  }
  const keys = await connection.read('executions.claim', (work) => fewKeys(work, params))
  const last = keys === null ? wholeQueue : await firstOf(connection, keys)
  if (keys === null && !head.collided) {
    const free = await further(freeHead)
    if (claimed.length === limit || (!free.collided && free.locked === 0)) {
      return claimed
    }
  }
  const rest = await further(last)
  return rest.collided ? oneByOne(connection, params, claimed, last) : claimed
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
  claimed: ExecutionRecord[],
  candidates: Candidates
): Promise<ExecutionRecord[]> {
  const rows = [...claimed]
  for (let attempt = rows.length; attempt < params.limit; attempt++) {
    const one = await take(connection, { ...params, limit: 1 }, candidates)
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
  candidates: Candidates
): Promise<Taken> {
  const { now, node, lease } = params
  const found = candidates(params)
  const bindings: Value[] = [now, ...found.bindings, node, lease]
  const plans = KeptPlans.of(connection)
  // The others name keys one by one, to be planned for them
  const kept = candidates === headOfQueue && plans.fit
  const sql = kept ? plans.mark(statement(found.sql)) : statement(found.sql)
  try {
    const rows = await connection.read('executions.claim', (work) =>
      (work as PostgresWork).tuples(sql, bindings, { kept })
    )
    const [locked, bytes] = rows[0].slice(CLAIMED_COLUMNS.length).map(Number)
    plans.claimed({ bytes, full: locked === params.limit })
    const isRow = (values: unknown[]) => values[ID] !== null
    const claimed = rows.filter(isRow).map((values) => toClaimed(values, node))
    return { claimed: claimed.sort(inOrder), locked, collided: false }
  } catch (error) {
    if (connection.dialect.isUniqueViolation(error)) {
      return { claimed: [], locked: 0, collided: true }
    }
    throw error
  }
}

const ID = CLAIMED_COLUMNS.indexOf('id')

/** `returning` keeps no order. */
function inOrder(a: ExecutionRecord, b: ExecutionRecord): number {
  return a.priority - b.priority || a.availableAt - b.availableAt || (a.id < b.id ? -1 : 1)
}

const CLOCK = `select ${clockOr('?::bigint')} as at`

/** Names locked rows `head`, in order, with the bindings of their statement. */
type Candidates = (params: ClaimParams) => Statement

/**
 * Takes the first candidate of each key that nobody holds. It gives a row in
 * any case, which tells how many were locked, and how large the table is.
 * Bindings: now, those of the candidates, node, lease.
 */
function statement(candidates: string): string {
  return `with recursive clock as materialized (${CLOCK}),
    ${candidates},
    locked as (select count(*) as locked_rows from head),
    chosen as (
      select id from (
        select id, concurrency_hash, row_number() over (
          partition by coalesce(concurrency_hash, id) order by priority, available_at, id) as turn
        from head) almanac_executions
      where turn = 1 and ${NOT_HELD}),
    claimed as (
      update almanac_executions set state = 'running', running_key = concurrency_hash,
        attempt = attempt + 1, node = given.node, claimed_at = clock.at,
        lease_expires_at = clock.at + given.lease, renewals = 0, started_at = null,
        cancel_requested_at = null, progress = null, reason = null
      from clock, (select ?::text as node, ?::bigint as lease) given
      where id = any(array(select id from chosen))
      returning ${CLAIMED_COLUMNS.map((name) => `almanac_executions.${name}`).join(', ')})
    select claimed.*, locked.locked_rows, pg_relation_size('almanac_executions')
      from locked left join claimed on true`
}

/** As many rows as are wanted, those of held keys among them. */
const headOfQueue: Candidates = (params) => alongPriorities(params, '')

/** The same without the rows of held keys, however many of them stand before. */
const freeHead: Candidates = (params) => alongPriorities(params, `and ${NOT_HELD}`)

/**
 * The head of the queue, priority by priority: each is one range of the
 * index, and later ones are not looked at once there are enough rows.
 */
function alongPriorities(params: ClaimParams, condition: string): Statement {
  const waiting = waitingCondition(params, { sql: 'clock.at', bindings: [] })
  return {
    sql: `${PRIORITIES},
    head as materialized (
      select found.* from priorities cross join clock cross join lateral (
        select id, concurrency_hash, priority, available_at from almanac_executions
        where priority = priorities.priority and available_at <= clock.at
          and ${waiting.sql} ${condition}
        order by available_at, id limit ? for update skip locked) found
      limit ?)`,
    bindings: [...waiting.bindings, params.limit, params.limit],
  }
}

/** The first row of each of these keys, and the first ones without a key. */
async function firstOf(connection: StoreConnection, keys: string[]): Promise<Candidates> {
  const priorities = await connection.read('executions.claim', allPriorities)
  const clock = { sql: '(select clock.at from clock)', bindings: [] }
  return (params) => {
    if (keys.length + priorities.length === 0) {
      return { sql: 'head as (select * from almanac_executions where false)', bindings: [] }
    }
    const first = firstOfKeys(params, keys, clock, priorities)
    return {
      sql: `first_rows as materialized (${first.sql}), ${LOCKED}`,
      bindings: [...first.bindings, params.limit],
    }
  }
}

/** The first row of every key in the queue. */
const wholeQueue: Candidates = (params) => {
  const waiting = waitingCondition(params, { sql: 'clock.at', bindings: [] })
  return {
    sql: `first_rows as materialized (
      select id from (
        select id, row_number() over (
          partition by coalesce(concurrency_hash, id) order by priority, available_at, id) as turn
        from almanac_executions, clock
        where available_at <= clock.at and ${waiting.sql} and ${NOT_HELD}) ranked
      where turn = 1), ${LOCKED}`,
    bindings: [...waiting.bindings, params.limit],
  }
}

/** A key that came to be held since its first row was looked for takes no other's place. */
const LOCKED = `head as materialized (
      select waiting.id, waiting.concurrency_hash, waiting.priority, waiting.available_at
      from almanac_executions waiting join first_rows on first_rows.id = waiting.id
      where waiting.state = 'queued' and ${notHeld('waiting')}
      order by waiting.priority, waiting.available_at, waiting.id limit ?
      for update of waiting skip locked)`
