import type { ExecutionRecord } from '../../types/executions.ts'
import type { ExecutionStore } from '../contract.ts'
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
  { handlers, queues, exceptQueues = [], node }: NextParams
): number | null {
  const plan = claimPlan([...tables.controls.values()], { handlers, node })
  const instants = queued
    .filter(({ queue }) => !queues || queues.includes(queue))
    .filter(({ queue }) => !exceptQueues.includes(queue))
    .filter(({ queue }) => plan !== null && !plan.pausedQueues.includes(queue))
    .flatMap(({ handler, availableAt }) => {
      const { open, limited, bounded } = plan!
      if (open.includes(handler) || (limited.includes(handler) && !bounded.has(handler))) {
        return [availableAt]
      }
      const { rate } = limitsIn(tables, handler)
      const counts = rate !== null && limited.includes(handler)
      const parts = tables.rates.get(handler) ?? []
      return counts ? [Math.max(availableAt, rateFreeAt(parts, rate))] : []
    })
  return instants.length === 0 ? null : instants.reduce((a, b) => Math.min(a, b))
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
