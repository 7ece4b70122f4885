import { newId } from '../../../src/ids.ts'
import type { NewEvent } from '../../../src/storage/contract.ts'

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
