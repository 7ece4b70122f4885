import type { CancelResult, ExecutionStore } from '../contract.ts'
import { countOutcomes } from './event_rows.ts'
import { patchExecution } from './execution_rows.ts'
import { appendJournal } from './journal_store.ts'
import { endParents } from './workflow_ends.ts'
import { chunks, first, inList, instant, type Work } from './work.ts'

type CancelParams = Parameters<ExecutionStore['requestCancel']>[0]

/** Ends a queued execution, asks a running one to stop. */
export async function requestCancel(
  work: Work,
  { now, id, reason, journal }: CancelParams
): Promise<CancelResult | null> {
  const at = await instant(work, now)
  const done = await cancel(work, id, reason, at)
  if (done !== null && journal) {
    await appendJournal(work, [journal], at)
  }
  return done
}

async function cancel(
  work: Work,
  id: string,
  reason: string,
  now: number
): Promise<CancelResult | null> {
  // Locked before it is looked at: it may be on its way back to the queue, or out of it
  const sql = `select state, event_id, has_children from almanac_executions
    where id = ? ${work.dialect.lockRows}`
  const row = await first(work, sql, [id])
  if (row?.state === 'queued') {
    const patch = { state: 'cancelled' as const, finishedAt: now, reason, waitingFor: null }
    await patchExecution(work, patch, 'id = ?', [id])
    const eventId = row.event_id as string | null
    await countOutcomes(work, [{ eventId, outcome: 'cancelled', startedAt: null }])
    const parents = row.has_children ? [{ id, outcome: 'cancelled' as const }] : []
    const moved = await endParents(work, parents, now)
    return { done: 'cancelled', children: moved.get(id) ?? [] }
  }
  if (row?.state !== 'running') {
    return null
  }
  await work.run(
    `update almanac_executions
      set cancel_requested_at = coalesce(cancel_requested_at, ?), reason = ? where id = ?`,
    [now, reason, id]
  )
  return { done: 'requested', children: [] }
}

/** Which of these run and were asked to stop: found by their ids, read without a lock. */
export async function cancelRequests(work: Work, ids: string[]): Promise<Map<string, string>> {
  const asked = new Map<string, string>()
  for (const chunk of chunks(ids)) {
    const list = inList(chunk)
    const rows = await work.all(
      `select id, reason from almanac_executions
        where id in ${list.sql} and state = 'running' and cancel_requested_at is not null`,
      list.bindings
    )
    rows.forEach(({ id, reason }) => asked.set(String(id), String(reason ?? '')))
  }
  return asked
}
