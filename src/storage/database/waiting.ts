import type { ExecutionStore } from '../contract.ts'
import { firstNumber, inList, type Value, type Work } from './work.ts'

export type ClaimParams = Parameters<ExecutionStore['claim']>[0]
export type WaitingFilter = Pick<ClaimParams, 'handlers' | 'queues'>

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

/** Of the rows of a table by this name, those without a key, or whose key nobody holds. */
export const notHeld = (table: string) => `(${table}.concurrency_hash is null or not exists (
  select 1 from almanac_executions holder
  where holder.running_key = ${table}.concurrency_hash))`

export const NOT_HELD = notHeld('almanac_executions')
