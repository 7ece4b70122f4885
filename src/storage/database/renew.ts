import { toJson } from '../../json.ts'
import type { ExecutionStore } from '../contract.ts'
import { FENCE } from './execution_rows.ts'
import { first, instant, type Value, type Work } from './work.ts'

type RenewParams = Parameters<ExecutionStore['renew']>[0]
type Renewed = Awaited<ReturnType<ExecutionStore['renew']>>

/** Extends the leases that still hold, and tells which of them are asked to stop. */
export async function renew(work: Work, params: RenewParams): Promise<Renewed> {
  const now = await instant(work, params.now)
  const renewed: Renewed = { owned: new Set(), cancelRequested: new Map() }
  for (const { id, attempt, startedAt, progress } of params.holds) {
    const fence: Value[] = [id, params.node, attempt]
    const changed = await work.run(
      `update almanac_executions set lease_expires_at = ?, renewals = renewals + 1,
        started_at = coalesce(started_at, ?), progress = coalesce(?, progress)
        where ${FENCE}`,
      [
        now + params.lease,
        startedAt,
        progress ? toJson(progress, { field: 'progress' }) : null,
        ...fence,
      ]
    )
    if (changed > 0) {
      renewed.owned.add(id)
      const asked = await first(
        work,
        `select reason from almanac_executions where ${FENCE} and cancel_requested_at is not null`,
        fence
      )
      if (asked) {
        renewed.cancelRequested.set(id, (asked.reason as string | null) ?? '')
      }
    }
  }
  return renewed
}
