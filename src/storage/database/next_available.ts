import type { ExecutionStore } from '../contract.ts'
import { claimPlan } from '../rules/claim_plan.ts'
import { limitsOf } from '../rules/controls.ts'
import { rateFreeAt } from '../rules/rate.ts'
import { controlRows } from './control_rows.ts'
import type { KnownControls } from './known_controls.ts'
import { PRIORITIES, waitingCondition, waitingPriorities, type WaitingFilter } from './waiting.ts'
import { firstNumber, type Work } from './work.ts'

type NextParams = Parameters<ExecutionStore['nextAvailableAt']>[0]

export async function nextAvailableAt(
  work: Work,
  known: KnownControls,
  params: NextParams
): Promise<number | null> {
  const { controls } = await known.current(work)
  const plan = claimPlan(controls, params)
  if (plan === null) {
    return null
  }
  const { queues, exceptQueues } = params
  const { open, limited, bounded, pausedQueues } = plan
  const from = { queues, exceptQueues, pausedQueues }
  const unbounded = limited.filter((name) => !bounded.has(name))
  const instants = [await earliest(work, { ...from, handlers: [...open, ...unbounded] })]
  for (const handler of bounded.size === 0 ? [] : await rated(work, limited)) {
    const next = await earliest(work, { ...from, handlers: [handler.name] })
    instants.push(next === null ? null : Math.max(next, handler.freeAt))
  }
  return instants.reduce(
    (least, next) => (least === null || next === null ? (least ?? next) : Math.min(least, next)),
    null
  )
}

/** Handlers with a rate, and when it leaves room. */
async function rated(work: Work, names: string[]): Promise<{ name: string; freeAt: number }[]> {
  const rows = await controlRows(work)
  return rows.flatMap(({ control, parts }) => {
    const { rate } = limitsOf(control)
    const counts = control.scope === 'handler' && rate !== null && names.includes(control.name)
    return counts ? [{ name: control.name, freeAt: rateFreeAt(parts, rate) }] : []
  })
}

async function earliest(work: Work, filter: WaitingFilter): Promise<number | null> {
  if (filter.handlers.length === 0) {
    return null
  }
  const waiting = waitingCondition(filter, { sql: '0', bindings: [] })
  const firstOf = (priority: string) => `select available_at from almanac_executions
    where priority = ${priority} and ${waiting.sql} order by available_at, id limit 1`
  if (work.dialect.name === 'postgres') {
    return firstNumber(
      work,
      `with recursive ${PRIORITIES} select min(found.available_at) from priorities
        cross join lateral (${firstOf('priorities.priority')}) found`,
      waiting.bindings
    )
  }
  let next: number | null = null
  for await (const priority of waitingPriorities(work)) {
    const available = await firstNumber(work, firstOf('?'), [priority, ...waiting.bindings])
    next = available === null ? next : Math.min(next ?? available, available)
  }
  return next
}
