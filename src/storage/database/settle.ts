import type { ExecutionRecord } from '../../types/executions.ts'
import type { ExecutionStore, ExpiredLease, Fence, SettleResult, Settlement } from '../contract.ts'
import { isEnded } from '../rules/outcomes.ts'
import {
  rescueOf,
  rescuePatch,
  settlementPatch,
  storedAs,
  type ExecutionPatch,
  type Rescue,
} from '../rules/settlement.ts'
import { countOutcomes, type EndedRun } from './event_rows.ts'
import { deleteExecutions, FENCE, patchExecution, toExecution } from './execution_rows.ts'
import { first, instant, type Work } from './work.ts'

type SettleParams = Parameters<ExecutionStore['settle']>[0]
type RescueParams = Parameters<ExecutionStore['rescueExpired']>[0]
type Rescued = Awaited<ReturnType<ExecutionStore['rescueExpired']>>

/** Ends attempts, each fenced; the counters of their events move along. */
export async function settle(work: Work, params: SettleParams): Promise<SettleResult[]> {
  const now = await instant(work, params.now)
  const ended: EndedRun[] = []
  const results: SettleResult[] = []
  for (const settlement of params.settlements) {
    const { id } = settlement
    const to = await settleOne(work, settlement, now, ended)
    results.push({ id, applied: to !== null, to })
  }
  await countOutcomes(work, ended)
  return results
}

async function settleOne(
  work: Work,
  settlement: Settlement,
  now: number,
  ended: EndedRun[]
): Promise<Settlement['to'] | null> {
  const attempt = await ownedAttempt(work, settlement)
  if (!attempt) {
    return null
  }
  const to = storedAs(attempt, settlement)
  if (to === 'discard') {
    await deleteExecutions(work, [attempt.id])
    return to
  }
  const patch = settlementPatch(attempt, settlement, to, now)
  return (await endAttempt(work, attempt, settlement, patch, ended)) ? to : null
}

/** Takes over executions whose lease lapsed and whose holder was seen to stand still. */
export async function rescueExpired(work: Work, params: RescueParams): Promise<Rescued> {
  const now = await instant(work, params.now)
  const ended: EndedRun[] = []
  const rescued: Rescued = { requeued: [], abandoned: [], cancelled: [] }
  for (const expired of params.expired) {
    const rescue = await rescueOne(work, expired, params.maxRescues, now, ended)
    if (rescue) {
      rescued[rescue].push(expired.id)
    }
  }
  await countOutcomes(work, ended)
  return rescued
}

async function rescueOne(
  work: Work,
  expired: ExpiredLease,
  maxRescues: number,
  now: number,
  ended: EndedRun[]
): Promise<Rescue | null> {
  const attempt = await ownedAttempt(work, expired)
  const lapsed = attempt !== null && attempt.leaseExpiresAt! <= now
  if (!lapsed || attempt.renewals !== expired.renewals) {
    return null
  }
  const rescue = rescueOf(attempt, maxRescues)
  const patch = rescuePatch(attempt, expired, rescue, now)
  return (await endAttempt(work, attempt, expired, patch, ended)) ? rescue : null
}

/** The columns of an attempt that its end looks at, while it owns the execution. */
async function ownedAttempt(work: Work, { id, node, attempt }: Fence) {
  const row = await first(
    work,
    `select id, event_id, available_at, started_at, failures, rescues, renewals,
      lease_expires_at, cancel_requested_at, reason, progress, error
      from almanac_executions where ${FENCE}`,
    [id, node, attempt]
  )
  return row && toExecution(row)
}

/** Writes the end of an attempt, guarded by its fence and its renewals. */
async function endAttempt(
  work: Work,
  attempt: ExecutionRecord,
  fence: Fence,
  patch: ExecutionPatch,
  ended: EndedRun[]
): Promise<boolean> {
  const applied = await patchExecution(work, patch, `${FENCE} and renewals = ?`, [
    fence.id,
    fence.node,
    fence.attempt,
    attempt.renewals,
  ])
  const { state, startedAt = attempt.startedAt } = patch
  if (applied && state !== undefined && isEnded(state)) {
    ended.push({ eventId: attempt.eventId, outcome: state, startedAt })
  }
  return applied
}
