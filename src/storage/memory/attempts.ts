import type { ExecutionRecord } from '../../types/executions.ts'
import type { ExecutionStore, Fence, SettleResult } from '../contract.ts'
import { isEnded } from '../rules/outcomes.ts'
import { rescueOf, rescuePatch, settlementPatch, storedAs } from '../rules/settlement.ts'
import { endedAmong, endParents } from './workflow_ends.ts'
import { jsonCopy, type MemoryTables } from './tables.ts'

type Params<K extends keyof ExecutionStore> = Parameters<ExecutionStore[K]>[0]
type Answer<K extends keyof ExecutionStore> = Awaited<ReturnType<ExecutionStore[K]>>

/** The execution when this attempt still owns it. */
export function owned(
  tables: MemoryTables,
  { id, node, attempt }: Fence
): ExecutionRecord | undefined {
  const execution = tables.executions.get(id)
  const owns =
    execution?.state === 'running' && execution.node === node && execution.attempt === attempt
  return owns ? execution : undefined
}

export function renew(tables: MemoryTables, params: Params<'renew'>): Answer<'renew'> {
  const now = tables.now(params.now)
  const renewed: Answer<'renew'> = { owned: new Set(), cancelRequested: new Map() }
  for (const hold of params.holds) {
    const execution = owned(tables, { ...hold, node: params.node })
    if (!execution) {
      continue
    }
    tables.change(execution, {
      leaseExpiresAt: now + params.lease,
      renewals: execution.renewals + 1,
      startedAt: execution.startedAt ?? hold.startedAt,
      progress: hold.progress ? jsonCopy(hold.progress, 'progress') : execution.progress,
    })
    renewed.owned.add(hold.id)
    if (execution.cancelRequestedAt !== null) {
      renewed.cancelRequested.set(hold.id, execution.reason ?? '')
    }
  }
  return renewed
}

export function takeOver(tables: MemoryTables, params: Params<'takeOver'>): ExecutionRecord | null {
  const now = tables.now(params.now)
  const execution = owned(tables, params.fence)
  if (execution?.startedAt !== null) {
    return null
  }
  const { node, lease } = params
  return tables.change(execution, {
    ...{ node, claimedAt: now, startedAt: now },
    ...{ leaseExpiresAt: now + lease, renewals: execution.renewals + 1 },
  })
}

export function settle(tables: MemoryTables, params: Params<'settle'>): SettleResult[] {
  const now = tables.now(params.now)
  const settlements = params.settlements.map((settlement) => ({
    ...settlement,
    result: jsonCopy(settlement.result ?? null, 'result'),
    error: jsonCopy(settlement.error ?? null, 'error'),
    progress: jsonCopy(settlement.progress ?? null, 'progress'),
  }))
  return settlements.map((settlement) => {
    const execution = owned(tables, settlement)
    if (!execution) {
      return { id: settlement.id, applied: false, to: null }
    }
    const to = storedAs(execution, settlement)
    if (to === 'discard') {
      tables.remove(execution)
    } else {
      tables.change(execution, settlementPatch(execution, settlement, to, now))
      tables.countOutcome(execution)
    }
    const children = endParents(tables, endedAmong([execution]), now)
    return { id: settlement.id, applied: true, to, ...(children.length > 0 ? { children } : {}) }
  })
}

export function rescueExpired(
  tables: MemoryTables,
  params: Params<'rescueExpired'>
): Answer<'rescueExpired'> {
  const now = tables.now(params.now)
  const rescued: Answer<'rescueExpired'> = { requeued: [], abandoned: [], cancelled: [] }
  const ended: ExecutionRecord[] = []
  for (const expired of params.expired) {
    const execution = owned(tables, expired)
    const lapsed = execution !== undefined && execution.leaseExpiresAt! <= now
    if (!lapsed || execution.renewals !== expired.renewals) {
      continue
    }
    const rescue = rescueOf(execution, params.maxRescues)
    tables.change(execution, rescuePatch(execution, expired, rescue, now))
    tables.countOutcome(execution)
    rescued[rescue].push(execution.id)
    ended.push(execution)
  }
  const children = endParents(tables, endedAmong(ended), now)
  return children.length > 0 ? { ...rescued, children } : rescued
}

export function requestCancel(
  tables: MemoryTables,
  { now: given, id, reason, journal }: Params<'requestCancel'>
): Answer<'requestCancel'> {
  const now = tables.now(given)
  const execution = tables.executions.get(id)
  if (!execution || isEnded(execution.state)) {
    return null
  }
  tables.addJournal(journal ? [journal] : [], now)
  if (execution.state === 'running') {
    const cancelRequestedAt = execution.cancelRequestedAt ?? now
    tables.change(execution, { cancelRequestedAt, reason })
    return { done: 'requested', children: [] }
  }
  tables.change(execution, { state: 'cancelled', finishedAt: now, reason, waitingFor: null })
  tables.countOutcome(execution)
  const children = endParents(tables, endedAmong([execution]), now)
  return { done: 'cancelled', children }
}
