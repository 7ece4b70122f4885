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
import {
  deleteExecutions,
  lockRunning,
  patchExecutions,
  type LockedAttempt,
} from './execution_rows.ts'
import { endParents, type EndedParent } from './workflow_ends.ts'
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
  const moved = await attempts.write(work, now)
  return moved.size === 0 ? results : results.map((result) => withChildren(result, moved))
}

function withChildren(result: SettleResult, moved: Map<string, ExecutionRecord[]>): SettleResult {
  const children = moved.get(result.id)
  return result.applied && children ? { ...result, children } : result
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
  const moved = await attempts.write(work, now)
  return moved.size === 0 ? rescued : { ...rescued, children: [...moved.values()].flat() }
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
  readonly #running: Map<string, LockedAttempt>
  readonly #patches: { id: string; patch: ExecutionPatch }[] = []
  readonly #discarded: string[] = []
  readonly #ended: EndedRun[] = []
  /** Those of them that others wait for. */
  readonly #parents: EndedParent[] = []

  constructor(running: Map<string, LockedAttempt>) {
    this.#running = running
  }

  /** The attempt for which the fence holds. */
  owned({ id, node, attempt }: Fence): LockedAttempt | null {
    const running = this.#running.get(id)
    return running && running.node === node && running.attempt === attempt ? running : null
  }

  end(attempt: LockedAttempt, patch: ExecutionPatch): void {
    this.#running.delete(attempt.id)
    this.#patches.push({ id: attempt.id, patch })
    const { state, startedAt = attempt.startedAt } = patch
    if (state !== undefined && isEnded(state)) {
      this.#ended.push({ eventId: attempt.eventId, outcome: state, startedAt })
      if (attempt.hasChildren) {
        this.#parents.push({ id: attempt.id, outcome: state })
      }
    }
  }

  discard(attempt: ExecutionRecord): void {
    this.#running.delete(attempt.id)
    this.#discarded.push(attempt.id)
  }

  /** @returns the children that were released or skipped, by the parent that moved them */
  async write(work: Work, now: number): Promise<Map<string, ExecutionRecord[]>> {
    await patchExecutions(work, this.#patches)
    await deleteExecutions(work, this.#discarded)
    await countOutcomes(work, this.#ended)
    return endParents(work, this.#parents, now)
  }
}

function idsOf(fences: Fence[]): string[] {
  return fences.map(({ id }) => id)
}
