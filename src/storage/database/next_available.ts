import type { ExecutionStore, NextAvailable } from '../contract.ts'
import { claimPlan } from '../rules/claim_plan.ts'
import { limitsOf } from '../rules/controls.ts'
import { rateFreeAt } from '../rules/rate.ts'
import { controlRows } from './control_rows.ts'
import type { KnownControls } from './known_controls.ts'
import { PRIORITIES, waitingCondition, waitingPriorities, type WaitingFilter } from './waiting.ts'
import { firstNumber, type Work } from './work.ts'

type NextParams = Parameters<ExecutionStore['nextAvailableAt']>[0]

/** Every idle node asks: where nothing waits, one look along the queue's index says so. */
export async function nextAvailableAt(
  work: Work,
  known: KnownControls,
  params: NextParams
): Promise<NextAvailable | null> {
  const { controls, now } = await known.currentAt(work, params.now)
  const plan = claimPlan(controls, params)
  if (plan === null) {
    return null
  }
  const { queues, exceptQueues, elapsed } = params
  const { open, limited, rated, pausedQueues } = plan
  const filter = { queues, exceptQueues, pausedQueues, handlers: [...open, ...limited] }
  const first = await earliest(work, filter)
  if (first === null) {
    return null
  }
  const since = Math.floor(now - elapsed)
  const spent = await spentRates(work, rated, since)
  if (first > since && spent.size === 0) {
    return { now, next: first }
  }
  const next = await earliestBehind(work, filter, since, spent)
  return { now, next: next ?? first }
}

/** Handlers whose rate leaves no room, and when it will again. */
async function spentRates(
  work: Work,
  names: string[],
  since: number
): Promise<Map<string, number>> {
  const rows = names.length === 0 ? [] : await controlRows(work)
  const instants = rows.flatMap(({ control, parts }): [string, number][] => {
    const { rate } = limitsOf(control)
    const counts = control.scope === 'handler' && rate !== null && names.includes(control.name)
    return counts ? [[control.name, rateFreeAt(parts, rate)]] : []
  })
  return new Map(instants.filter(([, freeAt]) => freeAt > since))
}

/** The next instant behind what has waited since before, which something holds back. */
async function earliestBehind(
  work: Work,
  filter: WaitingFilter,
  since: number,
  spent: Map<string, number>
): Promise<number | null> {
  const handlers = filter.handlers.filter((name) => !spent.has(name))
  const instants = [await earliest(work, { ...filter, handlers }, since)]
  for (const [name, freeAt] of spent) {
    const next = await earliest(work, { ...filter, handlers: [name] })
    instants.push(next === null ? null : Math.max(next, freeAt))
  }
  return instants.reduce(least)
}

/** The first instant in the queue, of those later than `after` when given. */
async function earliest(work: Work, filter: WaitingFilter, after?: number): Promise<number | null> {
  if (filter.handlers.length === 0) {
    return null
  }
  const waiting = waitingCondition(filter, { sql: '0', bindings: [] })
  const later = after === undefined ? '' : 'available_at > ? and'
  const bindings = after === undefined ? waiting.bindings : [after, ...waiting.bindings]
  const firstOf = (priority: string) => `select available_at from almanac_executions
    where priority = ${priority} and ${later} ${waiting.sql} order by available_at, id limit 1`
  if (work.dialect.name === 'postgres') {
    return firstNumber(
      work,
      `with recursive ${PRIORITIES} select min(found.available_at) from priorities
        cross join lateral (${firstOf('priorities.priority')}) found`,
      bindings
    )
  }
  let next: number | null = null
  for await (const priority of waitingPriorities(work)) {
    next = least(next, await firstNumber(work, firstOf('?'), [priority, ...bindings]))
  }
  return next
}

function least(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b)
}
