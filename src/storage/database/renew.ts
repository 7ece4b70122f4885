import type { ExecutionStore } from '../contract.ts'
import { lockRunning, patchExecutions } from './execution_rows.ts'
import { instant, type Work } from './work.ts'

type RenewParams = Parameters<ExecutionStore['renew']>[0]
type Renewed = Awaited<ReturnType<ExecutionStore['renew']>>

/** Extends the leases that still hold, and tells which of them are asked to stop. */
export async function renew(work: Work, params: RenewParams): Promise<Renewed> {
  const renewed: Renewed = { owned: new Set(), cancelRequested: new Map() }
  const running = await lockRunning(
    work,
    params.holds.map(({ id }) => id)
  )
  const now = await instant(work, params.now)
  const patches = []
  for (const { id, attempt, startedAt, progress } of params.holds) {
    const held = running.get(id)
    if (held && held.node === params.node && held.attempt === attempt) {
      const patch = {
        leaseExpiresAt: now + params.lease,
        renewals: held.renewals + 1,
        startedAt: held.startedAt ?? startedAt,
        ...(progress ? { progress } : {}),
      }
      patches.push({ id, patch })
      renewed.owned.add(id)
      if (held.cancelRequestedAt !== null) {
        renewed.cancelRequested.set(id, held.reason ?? '')
      }
    }
  }
  await patchExecutions(work, patches)
  return renewed
}
