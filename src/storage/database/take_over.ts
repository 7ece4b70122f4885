import type { ExecutionRecord } from '../../types/executions.ts'
import type { ExecutionStore } from '../contract.ts'
import { FENCE, findExecution } from './execution_rows.ts'
import { instant, type Work } from './work.ts'

type TakeOverParams = Parameters<ExecutionStore['takeOver']>[0]

/** Gives a claimed attempt that has not begun to another claimant. */
export async function takeOver(
  work: Work,
  { now: given, fence, node, lease }: TakeOverParams
): Promise<ExecutionRecord | null> {
  const now = await instant(work, given)
  const changed = await work.run(
    `update almanac_executions set node = ?, claimed_at = ?, started_at = ?, lease_expires_at = ?,
      renewals = renewals + 1
      where ${FENCE} and started_at is null`,
    [node, now, now, now + lease, fence.id, fence.node, fence.attempt]
  )
  return changed === 0 ? null : findExecution(work, fence.id)
}
