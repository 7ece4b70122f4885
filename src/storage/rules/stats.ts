import type { ExecutionRecord, Outcome } from '../../types/executions.ts'
import type { StatsRow } from '../contract.ts'

const DAY = 86_400_000

export type EndedExecution = Pick<
  ExecutionRecord,
  'handler' | 'eventId' | 'slot' | 'slotCount' | 'availableAt' | 'startedAt'
> & { state: Outcome; finishedAt: number }

/** `yyyy-MM-dd` of an instant, UTC. */
export function dayOf(instant: number): string {
  return new Date(instant).toISOString().slice(0, 10)
}

/** First instant of a day `yyyy-MM-dd`, UTC. */
export function startOfDay(day: string): number {
  return Date.parse(`${day}T00:00:00.000Z`)
}

/** First instant after a day `yyyy-MM-dd`, UTC. */
export function endOfDay(day: string): number {
  return startOfDay(day) + DAY
}

/** What identifies a row of the totals. */
export function statsKey(row: Pick<StatsRow, 'day' | 'handler' | 'eventId' | 'outcome'>): string {
  return JSON.stringify([row.day, row.handler, row.eventId, row.outcome])
}

/**
 * What one ended execution adds to the totals. A missed range counts its
 * slots. Duration runs from the start of the last attempt to the end, lateness
 * from the slot (or the instant it was available) to that start; a run that
 * never began adds to neither.
 */
export function statsOf(execution: EndedExecution): StatsRow {
  const { handler, eventId, state, slot, slotCount, startedAt, finishedAt } = execution
  const due = slot ?? execution.availableAt
  const duration = startedAt === null ? 0 : Math.max(0, finishedAt - startedAt)
  const lateness = startedAt === null ? 0 : Math.max(0, startedAt - due)
  return {
    day: dayOf(finishedAt),
    handler,
    eventId,
    outcome: state,
    count: slotCount,
    durationTotal: duration,
    durationMax: duration,
    latenessTotal: lateness,
    latenessMax: lateness,
  }
}

/** Adds rows into a map of totals by key. */
export function addStats(totals: Map<string, StatsRow>, row: StatsRow): void {
  const key = statsKey(row)
  const total = totals.get(key)
  if (!total) {
    totals.set(key, { ...row })
    return
  }
  total.count += row.count
  total.durationTotal += row.durationTotal
  total.durationMax = Math.max(total.durationMax, row.durationMax)
  total.latenessTotal += row.latenessTotal
  total.latenessMax = Math.max(total.latenessMax, row.latenessMax)
}

/** By day, handler, event and outcome. */
export function sortStats(rows: StatsRow[]): StatsRow[] {
  const key = (row: StatsRow) => [row.day, row.handler, row.eventId ?? '', row.outcome].join('\0')
  return rows.sort((a, b) => (key(a) < key(b) ? -1 : 1))
}
