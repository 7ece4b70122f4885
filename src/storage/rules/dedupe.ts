import type { ExecutionRecord } from '../../types/executions.ts'
import type { DuplicateMode } from '../contract.ts'

/**
 * What becomes of the queued execution that holds the dedupe key of another.
 * One that runs, or has failed, lost its node or kept a checkpoint before, has
 * begun: it stays. A checkpoint of one payload must not meet another.
 *
 * @returns null when it stays as it is
 */
export function deduplicated(
  holder: ExecutionRecord,
  other: ExecutionRecord,
  mode: DuplicateMode
): ExecutionRecord | null {
  const { state, failures, rescues, checkpoint } = holder
  const begun = state !== 'queued' || failures > 0 || rescues > 0 || checkpoint !== null
  if (mode === 'skip' || begun) {
    return null
  }
  return mode === 'replace' ? replaced(holder, other) : extended(holder, other)
}

/** All that the caller says of it is the new one's; its id and what happened to it stay. */
function replaced(holder: ExecutionRecord, other: ExecutionRecord): ExecutionRecord {
  const { handler, queue, payload, meta, subject, priority, concurrencyKey } = other
  const { availableAt, expiresAt, timeout, retries } = other
  return {
    ...holder,
    ...{ handler, queue, payload, meta, subject, priority, concurrencyKey },
    ...{ availableAt, expiresAt, timeout, retries },
  }
}

/** It waits as long as the new one would; never shorter than before. */
function extended(holder: ExecutionRecord, other: ExecutionRecord): ExecutionRecord | null {
  const longer = other.availableAt - holder.availableAt
  if (longer <= 0) {
    return null
  }
  const later = holder.expiresAt === null ? null : holder.expiresAt + longer
  return { ...holder, availableAt: other.availableAt, expiresAt: other.expiresAt ?? later }
}
