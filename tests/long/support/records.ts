import { newId } from '../../../src/ids.ts'
import type { NewEvent, NewExecution } from '../../../src/storage/contract.ts'

/** An event that names only what a test is about. */
export function event(
  columns: Pick<NewEvent, 'name' | 'handler' | 'trigger' | 'nextRunAt'> & Partial<NewEvent>
): NewEvent {
  const id = newId()
  return {
    id,
    source: 'api',
    sourceKey: id,
    sourceHash: null,
    payload: null,
    status: 'active',
    statusBy: 'user',
    queue: null,
    priority: null,
    misfire: { policy: 'all', grace: 60_000, cap: 1_000 },
    overlap: 'allow',
    onResume: 'skip',
    concurrencyKey: null,
    timeout: null,
    retries: null,
    maxRuns: null,
    pausedAt: null,
    ...columns,
  }
}

/** A queued execution that names only what a test is about. */
export function execution(columns: Partial<NewExecution> & { handler: string }): NewExecution {
  return {
    id: newId(),
    eventId: null,
    queue: 'default',
    origin: 'enqueue',
    payload: null,
    priority: 5,
    slot: null,
    slotKey: null,
    rerunOf: null,
    dedupeKey: null,
    concurrencyKey: null,
    availableAt: null,
    timeout: null,
    retries: null,
    ...columns,
  }
}
