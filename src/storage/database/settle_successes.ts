import { toJson } from '../../json.ts'
import type { ExecutionStore, SettleResult, Settlement } from '../contract.ts'
import { clockOr, type Dialect } from './dialect.ts'
import { arrayText } from '../sql_session.ts'
import type { Work } from './work.ts'

type SettleParams = Parameters<ExecutionStore['settle']>[0]

/** Characters of results and progress that one statement carries. */
const MOST_CHARACTERS = 1_000_000

/** A success whose row needs no look: nothing is decided by it, and no counter of an event moves. */
interface Success {
  id: string
  node: string
  attempt: number
  startedAt: number | null
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
 * are left as they are.
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
  const bare = successes.every((success) => isBare(success) && success.node === node)
  const column = (name: keyof Success) => arrayText(sorted.map((success) => success[name]))
  const rows = await work.all(bare ? BARE : WHOLE, [
    now,
    ...(bare ? BARE_COLUMNS : COLUMNS).map(([name]) => column(name)),
    ...(bare ? [node] : []),
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

function toSuccess(settlement: Settlement): Success {
  const { id, node, attempt, startedAt, result = null, progress = null } = settlement
  return {
    id,
    node,
    attempt,
    startedAt,
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
const statement = (columns: typeof COLUMNS, node: string, sets: string) =>
  `with clock as materialized (select ${clockOr('?::bigint')} as at)
  update almanac_executions ended set state = 'succeeded', running_key = null, dedupe_key = null,
    lease_expires_at = null, started_at = coalesce(given.started_at, ended.started_at),
    finished_at = clock.at, error = null, ${sets}
  from clock, unnest(${columns.map(([, , type]) => `(select ?::${type}[])`).join(', ')})
    as given(${columns.map(([, column]) => column).join(', ')})
  where ended.id = given.id and ended.node = ${node} and ended.attempt = given.attempt
    and ended.state = case when given.id is not null then 'running' end
    and ended.has_children is null
  returning ended.id`

const WHOLE = statement(
  COLUMNS,
  'given.node',
  `result = given.result, reason = given.reason,
    progress = coalesce(given.progress, ended.progress)`
)

/** Most handlers return nothing: less to say, to send and to read. */
const BARE = statement(
  BARE_COLUMNS,
  `case when given.id is not null then ?::text end`,
  'result = null, reason = null'
)
