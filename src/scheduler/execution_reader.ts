import type { ExecutionTracker } from '../executions/execution_tracker.ts'
import type { Storage } from '../storage/contract.ts'
import type { ExecutionReader } from './types.ts'

/** The reading half of the tracker, and what only the store can find. */
export function executionReader(tracker: ExecutionTracker, storage: Storage): ExecutionReader {
  return {
    find: (id) => tracker.find(id),
    get: (id) => tracker.get(id),
    findByDedupeKey: (key) => storage.executions.findByDedupeKey(key),
    history: (filter) => tracker.history(filter),
    logs: (id, query) => tracker.logs(id, query),
    stats: (query) => tracker.stats(query),
  }
}
