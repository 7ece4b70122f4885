import type { JsonObject } from '../types/json.ts'
import type { SyncOutcome } from './schedule_sync.ts'

/** How a legacy source fares in this process. */
export interface LegacyStatus {
  source: string
  /** False until the tables were reached for the first time. */
  open: boolean
  /** What is off, and why. */
  notes: string[]
  /** Runs of this process, from their beginning to their write-back. */
  running: { mapref: string; prcid: number; requestId: string | null }[]
  /** NEW requests that `unknownTypes: 'leave'` left at the last look, by type. */
  left: Readonly<Record<string, number>>
}

/** What a sync has done, for the result of a request. */
export function summaryOf(outcome: SyncOutcome): JsonObject {
  return {
    added: outcome.added.length,
    changed: outcome.changed.length,
    removed: outcome.removed.length,
    unchanged: outcome.unchanged,
    problems: outcome.problems.map(({ key, message }) => ({ mapref: key, message })),
  }
}
