import { toJson } from '../../json.ts'
import type { ExecutionStore, SettleResult, Settlement } from '../contract.ts'
import { clockOr, type Dialect } from './dialect.ts'
import { arrayText } from '../sql_session.ts'
import { deltaBindings, insertDeltas } from './stats_deltas.ts'
import type { Work } from './work.ts'

type SettleParams = Parameters<ExecutionStore['settle']>[0]

/** Characters of results and progress that one statement carries. */
const MOST_CHARACTERS = 1_000_000

/** Below so many in a statement, and for each total that it brings along, the rollup costs less. */
const WORTH_COUNTING = 12
const WORTH_A_TOTAL = 4

/** A success whose row needs no look: nothing is decided by it, and no counter of an event moves. */
interface Success {
  id: string
  node: string
  attempt: number
  startedAt: number | null
  /** What it shares with those that are counted together; null when that is not known. */
  counted: string | null
  result: string | null
  progress: string | null
  reason: string | null
}

/**
 * The settlements as successes that one statement can store.
 *
 * @returns null when one of them is something else, or where the database has no such statement
 */
export function plainSuccesses(dialect: Dialect, settlements: Settlement[]): Success[] | null {
  if (dialect.name !== 'postgres' || !settlements.every(isPlain)) {
    return null
  }
  const successes = settlements.map(toSuccess)
  const ids = new Set(successes.map(({ id }) => id))
  const characters = successes.reduce(
    (sum, { result, progress }) => sum + (result?.length ?? 0) + (progress?.length ?? 0),
    0
  )
  return ids.size === successes.length && characters <= MOST_CHARACTERS ? successes : null
}

/**
 * Stores successes in one statement, each fenced; those that others wait for
 * are left as they are. Where many count alike the statement brings their
 * totals along, so that no rollup writes their rows once more.
 *
 * @param successes at least one
 * @returns what became of each, in the order given
 */
export async function settleSuccesses(
  work: Work,
  now: SettleParams['now'],
  successes: Success[]
): Promise<SettleResult[]> {
  // In the order of their ids, as whoever else locks several of them
  const sorted = successes.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const { node } = successes[0]
  const sameNode = successes.every((success) => success.node === node)
  const bare = sameNode && successes.every(isBare)
  const counts = sameNode && isWorthCounting(successes)
  const column = (name: keyof Success) => arrayText(sorted.map((success) => success[name]))
  const rows = await work.all(STATEMENTS[bare ? 'bare' : 'whole'][counts ? 'counting' : 'alone'], [
    now,
    ...(bare ? BARE_COLUMNS : COLUMNS).map(([name]) => column(name)),
    ...(bare ? [node] : []),
    ...(counts ? deltaBindings(node) : []),
  ])
  const stored = new Set(rows.map((row) => row.id))
  return successes.map(({ id }) => {
    const applied = stored.has(id)
    return { id, applied, to: applied ? 'succeeded' : null }
  })
}

function isPlain({ to, eventId, error, resultRef }: Settlement): boolean {
  const stands = (value: unknown) => (value ?? null) !== null
  return to === 'succeeded' && eventId === null && !stands(error) && !stands(resultRef)
}

/** It says nothing but that it succeeded. */
function isBare({ result, progress, reason }: Success): boolean {
  return result === null && progress === null && reason === null
}

function isWorthCounting(successes: Success[]): boolean {
  if (successes.length < WORTH_COUNTING) {
    return false
  }
  const totals = new Set(successes.map(({ counted }) => counted))
  return !totals.has(null) && successes.length >= totals.size * WORTH_A_TOTAL
}

function toSuccess(settlement: Settlement): Success {
  const { id, node, attempt, startedAt, result = null, progress = null } = settlement
  const { handler, subject = null } = settlement
  return {
    id,
    node,
    attempt,
    startedAt,
    counted: handler === undefined ? null : `${handler}\0${subject ?? ''}`,
    result: result === null ? null : toJson(result, { field: 'result' }),
    progress: progress === null ? null : toJson(progress, { field: 'progress' }),
    reason: settlement.reason ?? null,
  }
}

const COLUMNS: [name: keyof Success, column: string, type: 'text' | 'bigint'][] = [
  ['id', 'id', 'text'],
  ['node', 'node', 'text'],
  ['attempt', 'attempt', 'bigint'],
  ['startedAt', 'started_at', 'bigint'],
  ['result', 'result', 'text'],
  ['progress', 'progress', 'text'],
  ['reason', 'reason', 'text'],
]

const BARE_COLUMNS = COLUMNS.filter(([name]) => ['id', 'attempt', 'startedAt'].includes(name))

/*
 * For the way row by row along the primary key, whatever is known of the table:
 * arrays out of sub-selects count as short, and a fence that stands whole
 * between the two sides leads along no index over what runs, which would meet
 * all that ended a moment ago.
 */
const statement = (columns: typeof COLUMNS, node: string, sets: string) => {
  const update = (further: string, returned: string) =>
    `update almanac_executions ended set state = 'succeeded', running_key = null,
      dedupe_key = null, lease_expires_at = null,
      started_at = coalesce(given.started_at, ended.started_at),
      finished_at = clock.at, error = null, ${sets}${further}
    from clock, unnest(${columns.map(([, , type]) => `(select ?::${type}[])`).join(', ')})
      as given(${columns.map(([, column]) => column).join(', ')})
    where ended.id = given.id and ended.node = ${node} and ended.attempt = given.attempt
      and ended.state = case when given.id is not null then 'running' end
      and ended.has_children is null
    returning ${returned}`
  return {
    alone: `${CLOCK} ${update('', 'ended.id')}`,
    counting: `${CLOCK}, settled as (${update(', rolled_up = 1', COUNTED)}),
      deltas as (${insertDeltas('settled', 'succeeded')})
      select id from settled`,
  }
}

const CLOCK = `with clock as materialized (select ${clockOr('?::bigint')} as at)`
const COUNTED = `ended.id, ended.handler, ended.event_id, ended.subject, ended.slot, ended.slot_count,
  ended.available_at, ended.started_at, ended.finished_at`

const STATEMENTS = {
  whole: statement(
    COLUMNS,
    'given.node',
    `result = given.result, reason = given.reason,
      progress = coalesce(given.progress, ended.progress)`
  ),
  /** Most handlers return nothing: less to say, to send and to read. */
  bare: statement(
    BARE_COLUMNS,
    `case when given.id is not null then ?::text end`,
    'result = null, reason = null'
  ),
}
