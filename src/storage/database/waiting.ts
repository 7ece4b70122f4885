import type { ExecutionStore } from '../contract.ts'
import { firstNumber, inList, type Value, type Work } from './work.ts'

/** What a claim asks for, and what the controls take from it. */
export type ClaimParams = Parameters<ExecutionStore['claim']>[0] & {
  pausedQueues?: string[]
  /** The version of the controls that it was planned with: with another one it takes nothing. */
  controls?: number
}
export type WaitingFilter = Pick<
  ClaimParams,
  'handlers' | 'queues' | 'exceptQueues' | 'pausedQueues' | 'controls'
>

interface Condition {
  sql: string
  bindings: Value[]
}

/** Which waiting rows suit the claimant; `now` is an expression. */
export function waitingCondition(filter: WaitingFilter, now: Condition): Condition {
  const parts: Condition[] = [
    { sql: `state = 'queued'`, bindings: [] },
    oneOf('handler', filter.handlers),
    { sql: `(expires_at is null or expires_at > ${now.sql})`, bindings: now.bindings },
  ]
  if (filter.queues !== undefined) {
    parts.push(oneOf('queue', filter.queues))
  }
  const closed = [...(filter.exceptQueues ?? []), ...(filter.pausedQueues ?? [])]
  if (closed.length > 0) {
    const { sql, bindings } = oneOf('queue', closed)
    parts.push({ sql: `not ${sql}`, bindings })
  }
  if (filter.controls !== undefined) {
    parts.push({ sql: SAME_CONTROLS, bindings: [filter.controls] })
  }
  return {
    sql: parts.map(({ sql }) => sql).join(' and '),
    bindings: parts.flatMap(({ bindings }) => bindings),
  }
}

/** One look by key for the whole statement, not for each row. */
const SAME_CONTROLS = `exists (
  select 1 from almanac_meta where name = 'controls' and amount = ?)`

function oneOf(column: string, values: string[]): Condition {
  const list = inList(values)
  return { sql: `${column} in ${list.sql}`, bindings: list.bindings }
}

/** The priorities in the queue as a recursive query, first one first: a step of the index for each. */
export const PRIORITIES = `priorities (priority) as (
      (select priority from almanac_executions where state = 'queued' order by priority limit 1)
      union all
      select (select further.priority from almanac_executions further
        where further.state = 'queued' and further.priority > priorities.priority
        order by further.priority limit 1)
      from priorities where priorities.priority is not null)`

/** The priorities that are waiting, first one first: the index gives each in one step. */
export async function* waitingPriorities(work: Work): AsyncGenerator<number> {
  const sql = `select min(priority) from almanac_executions where state = 'queued'`
  let priority = await firstNumber(work, sql)
  while (priority !== null) {
    yield priority
    priority = await firstNumber(work, `${sql} and priority > ?`, [priority])
  }
}

/** Of the rows of a table by this name, those without a key, or whose key nobody holds. */
export const notHeld = (table: string) => `(${table}.concurrency_hash is null or not exists (
  select 1 from almanac_executions holder
  where holder.running_key = ${table}.concurrency_hash))`

export const NOT_HELD = notHeld('almanac_executions')
