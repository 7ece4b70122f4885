import type { StatsRow, Storage } from '../../storage/contract.ts'
import type { Outcome } from '../../types/executions.ts'
import { toIso } from '../../triggers/instant.ts'
import type { AheadSlot } from './runs.ts'

/** Days whose runs say how long the next ones take. */
const DAYS = 14
const DAY = 86_400_000
/** Outcomes of executions whose handler ran to an end of its own. */
const RUN: readonly Outcome[] = ['succeeded', 'failed', 'timed_out']

/** How long runs take: the mean of the event, else of its handler, else unknown; ms. */
export async function meanDurations(
  storage: Storage,
  now: number
): Promise<(slot: AheadSlot) => number | null> {
  const [from, to] = [now - DAYS * DAY, now].map((at) => toIso(at).slice(0, 10))
  const rows = await storage.stats.read({ from, to })
  const ran = rows.filter(({ outcome }) => RUN.includes(outcome))
  const ofEvents = means(ran, ({ eventId }) => eventId)
  const ofHandlers = means(ran, ({ handler }) => handler)
  return ({ event }) => ofEvents.get(event.id) ?? ofHandlers.get(event.handler) ?? null
}

function means(rows: StatsRow[], keyOf: (row: StatsRow) => string | null): Map<string, number> {
  const totals = new Map<string, { count: number; duration: number }>()
  for (const row of rows) {
    const key = keyOf(row)
    if (key !== null) {
      const total = totals.get(key) ?? { count: 0, duration: 0 }
      totals.set(key, {
        count: total.count + row.count,
        duration: total.duration + row.durationTotal,
      })
    }
  }
  return new Map(
    [...totals].map(([key, { count, duration }]) => [key, Math.round(duration / count)])
  )
}
