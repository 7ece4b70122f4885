import {
  waitingCondition,
  waitingPriorities,
  type ClaimParams,
  type WaitingFilter,
} from './waiting.ts'
import type { Statement } from './row_sets.ts'
import { WAITING_COLUMNS } from './queue_head.ts'
import { inList, type Value, type Work } from './work.ts'

/** With more keys than this in the queue, steps from key to key cost more than they save. */
const FEW = 100
/** Bindings of one statement: SQLite takes 32,766, PostgreSQL 65,535. */
const MOST_BINDINGS = 30_000
/** There are ten priorities, each with a part of its own in the statement. */
const PRIORITIES = 10

/**
 * The keys that wait in the queue and that nobody holds: each is found in one
 * step of the index, however long its backlog is.
 *
 * @returns null when there are too many for one statement with this filter
 */
export async function fewKeys(work: Work, filter: WaitingFilter): Promise<string[] | null> {
  const few = mostKeys(filter)
  const rows = await work.all(`${work.dialect.waitingKeys} limit ${FEW + 1}`)
  const keys = rows
    .map((row) => row.concurrency_hash as string | null)
    .filter((key) => key !== null)
  return keys.length > few ? null : keys.filter(await notHeldAmong(work, keys))
}

/** The filter stands with each key: many handlers leave place for fewer of them. */
function mostKeys(filter: WaitingFilter): number {
  // With the key and the clock
  const each = waitingCondition(filter, { sql: '?', bindings: [0] }).bindings.length + 2
  return Math.min(FEW, Math.floor(MOST_BINDINGS / each) - PRIORITIES)
}

/** Tells of each of these keys whether it is free. */
export async function notHeldAmong(
  work: Work,
  keys: string[]
): Promise<(key: string | null) => boolean> {
  if (keys.length === 0) {
    return () => true
  }
  const list = inList(keys)
  const rows = await work.all(
    `select running_key from almanac_executions where running_key in ${list.sql}`,
    list.bindings
  )
  const held = new Set(rows.map((row) => row.running_key))
  return (key) => key === null || !held.has(key)
}

/**
 * The first waiting row of each of the keys, and the first ones without a key.
 * `now` is an expression; the keys stand there one by one, so that the
 * database plans with each of them.
 */
export function firstOfKeys(
  params: ClaimParams,
  keys: string[],
  now: { sql: string; bindings: Value[] },
  priorities: number[]
): Statement {
  const waiting = waitingCondition(params, now)
  const first = (which: string, limit: number) =>
    `select * from (select ${WAITING_COLUMNS} from almanac_executions
      where ${which} and available_at <= ${now.sql} and ${waiting.sql}
      order by priority, available_at, id limit ${limit}) first_rows`
  const parts = [
    ...keys.map((key) => ({ sql: first('concurrency_hash = ?', 1), binding: key as Value })),
    ...priorities.map((priority) => ({
      sql: first('concurrency_hash is null and priority = ?', params.limit),
      binding: priority as Value,
    })),
  ]
  return {
    sql: parts.map(({ sql }) => sql).join(' union all '),
    bindings: parts.flatMap(({ binding }) => [binding, ...now.bindings, ...waiting.bindings]),
  }
}

/** The priorities in the queue, the first one first. */
export async function allPriorities(work: Work): Promise<number[]> {
  const priorities: number[] = []
  for await (const priority of waitingPriorities(work)) {
    priorities.push(priority)
  }
  return priorities
}
