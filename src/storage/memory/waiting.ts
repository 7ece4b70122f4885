import type { ExecutionRecord } from '../../types/executions.ts'
import type { ExecutionStore, NextAvailable } from '../contract.ts'
import { claimPlan } from '../rules/claim_plan.ts'
import { rateFreeAt } from '../rules/rate.ts'
import { expiredPatch } from '../rules/settlement.ts'
import { limitsIn, roomsOf } from './claim.ts'
import { endedAmong, endParents } from './workflow_ends.ts'
import type { MemoryTables } from './tables.ts'

type NextParams = Parameters<ExecutionStore['nextAvailableAt']>[0]

export function nextAvailableAt(
  tables: MemoryTables,
  queued: ExecutionRecord[],
  { now: given, elapsed, handlers, queues, exceptQueues = [], node }: NextParams
): NextAvailable | null {
  const plan = claimPlan([...tables.controls.values()], { handlers, node })
  if (plan === null) {
    return null
  }
  const suiting = new Set([...plan.open, ...plan.limited])
  const waiting = queued
    .filter(({ handler }) => suiting.has(handler))
    .filter(({ queue }) => !queues || queues.includes(queue))
    .filter(({ queue }) => !exceptQueues.includes(queue) && !plan.pausedQueues.includes(queue))
  if (waiting.length === 0) {
    return null
  }
  const now = tables.now(given)
  const instants = waiting.map(({ handler, availableAt }) =>
    Math.max(availableAt, freeAt(tables, handler))
  )
  const ahead = instants.filter((at) => at > now - elapsed)
  const candidates = ahead.length > 0 ? ahead : waiting.map(({ availableAt }) => availableAt)
  return { now, next: candidates.reduce((a, b) => Math.min(a, b)) }
}

function freeAt(tables: MemoryTables, handler: string): number {
  const { rate } = limitsIn(tables, handler)
  return rate === null ? 0 : rateFreeAt(tables.rates.get(handler) ?? [], rate)
}

/** Whether the controls let an execution be born running. */
export function mayBeBorn(
  tables: MemoryTables,
  { handler, queue, node }: ExecutionRecord,
  now: number
): boolean {
  const plan = claimPlan([...tables.controls.values()], { handlers: [handler], node: node! })
  if (plan === null || plan.pausedQueues.includes(queue)) {
    return false
  }
  const room = roomsOf(tables, plan.limited, node!, now).get(handler) ?? 1
  return room > 0 && [...plan.open, ...plan.limited].includes(handler)
}

/** Ends an execution that was not begun in time. @returns it, then what was skipped or released with it */
export function endExpired(
  tables: MemoryTables,
  execution: ExecutionRecord,
  now: number
): [ExecutionRecord, ...ExecutionRecord[]] {
  tables.change(execution, expiredPatch(now))
  tables.countOutcome(execution)
  return [execution, ...endParents(tables, endedAmong([execution]), now)]
}
