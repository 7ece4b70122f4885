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
import { deleteExecutions, lockRunning, patchExecutions } from './execution_rows.ts'
import { instant, type Work } from './work.ts'

type SettleParams = Parameters<ExecutionStore['settle']>[0]
type RescueParams = Parameters<ExecutionStore['rescueExpired']>[0]
type Rescued = Awaited<ReturnType<ExecutionStore['rescueExpired']>>

/** Ends attempts, each fenced; the counters of their events move along. */
export async function settle(work: Work, params: SettleParams): Promise<SettleResult[]> {
  const { settlements } = params
  const now = await instant(work, params.now)
  const attempts = new Attempts(await lockRunning(work, idsOf(settlements)))
  const results = settlements.map((settlement): SettleResult => {
    const { id } = settlement
    const to = settleOne(attempts, settlement, now)
    return { id, applied: to !== null, to }
  })
  await attempts.write(work)
  return results
}

function settleOne(
  attempts: Attempts,
  settlement: Settlement,
  now: number
): Settlement['to'] | null {
  const attempt = attempts.owned(settlement)
  if (!attempt) {
    return null
  }
  const to = storedAs(attempt, settlement)
  if (to === 'discard') {
    attempts.discard(attempt)
  } else {
    attempts.end(attempt, settlementPatch(attempt, settlement, to, now))
  }
  return to
}

/** Takes over executions whose lease lapsed and whose holder was seen to stand still. */
export async function rescueExpired(work: Work, params: RescueParams): Promise<Rescued> {
  const now = await instant(work, params.now)
  const attempts = new Attempts(await lockRunning(work, idsOf(params.expired)))
  const rescued: Rescued = { requeued: [], abandoned: [], cancelled: [] }
  for (const expired of params.expired) {
    const rescue = rescueOne(attempts, expired, params.maxRescues, now)
    if (rescue) {
      rescued[rescue].push(expired.id)
    }
  }
  await attempts.write(work)
  return rescued
}

function rescueOne(
  attempts: Attempts,
  expired: ExpiredLease,
  maxRescues: number,
  now: number
): Rescue | null {
  const attempt = attempts.owned(expired)
  const lapsed = attempt !== null && attempt.leaseExpiresAt! <= now
  if (!lapsed || attempt.renewals !== expired.renewals) {
    return null
  }
  const rescue = rescueOf(attempt, maxRescues)
  attempts.end(attempt, rescuePatch(attempt, expired, rescue, now))
  return rescue
}

/** Running attempts that the unit of work has locked, and how they end. */
class Attempts {
  readonly #running: Map<string, ExecutionRecord>
  readonly #patches: { id: string; patch: ExecutionPatch }[] = []
  readonly #discarded: string[] = []
  readonly #ended: EndedRun[] = []

  constructor(running: Map<string, ExecutionRecord>) {
    this.#running = running
  }

  /** The attempt for which the fence holds. */
  owned({ id, node, attempt }: Fence): ExecutionRecord | null {
    const running = this.#running.get(id)
    return running && running.node === node && running.attempt === attempt ? running : null
  }

  end(attempt: ExecutionRecord, patch: ExecutionPatch): void {
    this.#running.delete(attempt.id)
    this.#patches.push({ id: attempt.id, patch })
    const { state, startedAt = attempt.startedAt } = patch
    if (state !== undefined && isEnded(state)) {
      this.#ended.push({ eventId: attempt.eventId, outcome: state, startedAt })
    }
  }

  discard(attempt: ExecutionRecord): void {
    this.#running.delete(attempt.id)
    this.#discarded.push(attempt.id)
  }

  async write(work: Work): Promise<void> {
    await patchExecutions(work, this.#patches)
    await deleteExecutions(work, this.#discarded)
    await countOutcomes(work, this.#ended)
  }
}

function idsOf(fences: Fence[]): string[] {
  return fences.map(({ id }) => id)
}
