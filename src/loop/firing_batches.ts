import { missedEntry } from './slot_notices.ts'
import type { Firing } from '../storage/contract.ts'
import type { NewJournalEntry } from '../types/journal.ts'

/** What one transaction of the store is given at most; a single firing may have more rows. */
const MAX_EVENTS = 500
const MAX_ROWS = 1_000

/** Divides firings into transactions of a bounded size, in order. */
export function firingBatches(firings: Firing[]): Firing[][] {
  const batches: Firing[][] = []
  let rows = 0
  for (const firing of firings) {
    const size = firing.executions.length + firing.missed.length
    const batch = batches.at(-1)
    if (batch && batch.length < MAX_EVENTS && rows + size <= MAX_ROWS) {
      batch.push(firing)
      rows += size
    } else {
      batches.push([firing])
      rows = size
    }
  }
  return batches
}

/** The journal rows of firings: one per missed range that opens, one per event that ends. */
export function firingEntries(firings: Firing[], actor: string): NewJournalEntry[] {
  return firings.flatMap((firing) => {
    const { eventId, missed, extendsOpenMissed, nextRunAt } = firing
    const opened = extendsOpenMissed ? missed.slice(1) : missed
    const entries = opened.map((range) => missedEntry(actor, eventId, range))
    return nextRunAt === null
      ? [...entries, { kind: 'event.completed' as const, actor, subject: eventId }]
      : entries
  })
}
