import type { PruneRule } from '../contract.ts'
import { Conditions } from './conditions.ts'
import { deleteExecutions } from './execution_rows.ts'
import { first, type Work } from './work.ts'

/** Deletes ended executions that one rule does not keep. @returns how many */
export async function prune(
  work: Work,
  rule: PruneRule,
  limit: number,
  now: number
): Promise<number> {
  const doomed = await tooOld(work, rule, limit, now)
  await deleteExecutions(work, doomed)
  const left = limit - doomed.length
  if (rule.count === null || left === 0) {
    return doomed.length
  }
  const surplus = await beyondCount(work, rule, rule.count, left)
  await deleteExecutions(work, surplus)
  return doomed.length + surplus.length
}

function covered(rule: PruneRule): Conditions {
  return new Conditions()
    .add('state = ?', rule.outcome)
    .add('handler = ?', rule.handler ?? undefined)
    .add('event_id = ?', rule.eventId ?? undefined)
    .addList('handler', rule.exceptHandlers, true)
    .addList(`coalesce(event_id, '-')`, rule.exceptEvents, true)
}

async function tooOld(work: Work, rule: PruneRule, limit: number, now: number): Promise<string[]> {
  if (rule.age === null) {
    return []
  }
  const conditions = covered(rule)
    .add('finished_at < ?', now - rule.age)
    .add('rolled_up = ?', 1)
  return ids(work, `${conditions.sql} order by finished_at, id limit ?`, conditions, limit)
}

/**
 * The rows behind the newest `count` of each event, or of each handler where
 * there is no event. Each group is walked along its own index, which costs
 * what is kept and not what the table holds.
 */
async function beyondCount(
  work: Work,
  rule: PruneRule,
  count: number,
  limit: number
): Promise<string[]> {
  const doomed: string[] = []
  for await (const group of groups(work, rule)) {
    if (doomed.length === limit) {
      break
    }
    const conditions = covered(rule).add(group.condition, group.value)
    const lastKept = await first(
      work,
      `select id from almanac_executions ${conditions.sql} order by id desc limit 1 offset ?`,
      [...conditions.bindings, count]
    )
    if (lastKept) {
      conditions.add('id <= ?', lastKept.id as string).add('rolled_up = ?', 1)
      const tail = `${conditions.sql} order by id limit ?`
      doomed.push(...(await ids(work, tail, conditions, limit - doomed.length)))
    }
  }
  return doomed
}

interface Group {
  condition: string
  value: string
}

async function* groups(work: Work, rule: PruneRule): AsyncGenerator<Group> {
  for await (const eventId of distinct(work, 'event_id', rule.eventId)) {
    yield { condition: 'event_id = ?', value: eventId }
  }
  if (rule.eventId === null) {
    for await (const handler of distinct(work, 'handler', rule.handler)) {
      yield { condition: 'event_id is null and handler = ?', value: handler }
    }
  }
}

/** The values of an indexed column, each found in one step; `only` restricts to one. */
async function* distinct(work: Work, column: string, only: string | null): AsyncGenerator<string> {
  if (only !== null) {
    yield only
    return
  }
  const sql = `select min(${column}) as value from almanac_executions`
  let row = await first(work, `${sql} where ${column} is not null`)
  while (row && row.value !== null) {
    yield row.value as string
    row = await first(work, `${sql} where ${column} > ?`, [row.value as string])
  }
}

async function ids(
  work: Work,
  tail: string,
  conditions: Conditions,
  limit: number
): Promise<string[]> {
  const sql = `select id from almanac_executions ${tail}`
  const rows = await work.all(sql, [...conditions.bindings, limit])
  return rows.map((row) => row.id as string)
}
