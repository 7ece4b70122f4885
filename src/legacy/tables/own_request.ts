import type { LegacySession } from '../connection.ts'
import type { RequestLayout } from './request_candidates.ts'
import type { ClaimedRequestId } from './request_sets.ts'
import { affectedRows } from './values.ts'

/** Changes a request as long as it is ours. @returns false when it is not any more */
export async function updateOwnRequest(
  session: LegacySession,
  table: RequestLayout,
  { requestId, claimedBy }: ClaimedRequestId,
  row: Record<string, unknown>
): Promise<boolean> {
  const changed: unknown = await session.run(() =>
    session.client
      .from(table.name)
      .where(table.column('requestId'), requestId)
      .where(table.column('claimedBy'), claimedBy)
      .where(table.column('status'), 'CLAIMED')
      .update(row)
  )
  return affectedRows(changed) > 0
}
