import type { ExecutionRecord } from '../../types/executions.ts'
import type { ExecutionStore } from '../contract.ts'
import { expiredPatch } from '../rules/settlement.ts'
import { countOutcomes } from './event_rows.ts'
import { patchExecutions, toExecution } from './execution_rows.ts'
import { endParents } from './workflow_ends.ts'
import { instant, type Work } from './work.ts'

type ExpireParams = Parameters<ExecutionStore['expire']>[0]

/** Ends what has waited too long; rows that somebody else works on are left to the next round. */
export async function expire(work: Work, { now, limit }: ExpireParams): Promise<ExecutionRecord[]> {
  const at = await instant(work, now)
  const rows = await work.all(
    `select * from almanac_executions where expires_at <= ? and state = 'queued'
      order by expires_at, id limit ? ${work.dialect.lockFreeRows}`,
    [at, limit]
  )
  return endExpired(work, rows.map(toExecution), at)
}

/** Ends executions that the unit of work has locked. @returns them, then what was skipped or released with them */
export async function endExpired(
  work: Work,
  executions: ExecutionRecord[],
  now: number
): Promise<ExecutionRecord[]> {
  const patch = expiredPatch(now)
  await patchExecutions(
    work,
    executions.map(({ id }) => ({ id, patch }))
  )
  await countOutcomes(
    work,
    executions.map(({ eventId }) => ({ eventId, outcome: 'missed', startedAt: null }))
  )
  const ended = executions.map((execution) => ({ ...execution, ...patch }))
  const parents = ended.map(({ id, state }) => ({ id, outcome: state }))
  const moved = await endParents(work, parents, now)
  return [...ended, ...[...moved.values()].flat()]
}
