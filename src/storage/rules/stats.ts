import { addToHistogram, histogramOf } from '../../histogram.ts'
import { nodeName } from './claim_plan.ts'
import type { ExecutionRecord, Outcome } from '../../types/executions.ts'
import type { StatsFilter, StatsRow } from '../contract.ts'

const DAY = 86_400_000

export type EndedExecution = Pick<
  ExecutionRecord,
  'handler' | 'eventId' | 'subject' | 'node' | 'slot' | 'slotCount' | 'availableAt' | 'startedAt'
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

/** Totals of days before this one (`yyyy-MM-dd`, UTC) ended more than `age` ms ago. */
export function firstKeptDay(now: number, age: number): string {
  return dayOf(Math.max(0, now - age))
}

/** What identifies a row of the totals. */
export function statsKey(row: StatsRow): string {
  const { day, handler, eventId, outcome, subject, node } = row
  return JSON.stringify([day, handler, eventId, outcome, subject, node])
}

/**
 * What one ended execution adds to the totals. A missed range counts its
 * slots. Duration runs from the start of the last attempt to the end, lateness
 * from the slot (or the instant it was available) to that start; a run that
 * never began adds to neither.
 */
export function statsOf(execution: EndedExecution): StatsRow {
  const { handler, eventId, state, subject, slot, slotCount, startedAt, finishedAt } = execution
  const due = slot ?? execution.availableAt
  const duration = startedAt === null ? 0 : Math.max(0, finishedAt - startedAt)
  const lateness = startedAt === null ? 0 : Math.max(0, startedAt - due)
  return {
    day: dayOf(finishedAt),
    handler,
    eventId,
    outcome: state,
    subject,
    node: execution.node === null ? null : nodeName(execution.node),
    count: slotCount,
    durationTotal: duration,
    durationMax: duration,
    latenessTotal: lateness,
    latenessMax: lateness,
    durations: startedAt === null ? {} : histogramOf(duration),
    latenesses: startedAt === null ? {} : histogramOf(lateness),
  }
}

/** Adds rows into a map of totals by key. */
export function addStats(totals: Map<string, StatsRow>, row: StatsRow): void {
  const key = statsKey(row)
  const total = totals.get(key) ?? emptied(row)
  addToTotal(total, row)
  totals.set(key, total)
}

/** Adds a row of the same key to a total, which is changed. */
export function addToTotal(total: StatsRow, row: StatsRow): void {
  total.count += row.count
  total.durationTotal += row.durationTotal
  total.durationMax = Math.max(total.durationMax, row.durationMax)
  total.latenessTotal += row.latenessTotal
  total.latenessMax = Math.max(total.latenessMax, row.latenessMax)
  addToHistogram(total.durations, row.durations)
  addToHistogram(total.latenesses, row.latenesses)
}

/** A total of the same key to which nothing was added yet. */
export function emptied(row: StatsRow): StatsRow {
  const nothing = { durationTotal: 0, durationMax: 0, latenessTotal: 0, latenessMax: 0 }
  return { ...row, ...nothing, count: 0, durations: {}, latenesses: {} }
}

/** By day, handler, event, outcome, subject and node. */
export function sortStats(rows: StatsRow[]): StatsRow[] {
  const key = ({ day, handler, eventId, outcome, subject, node }: StatsRow) =>
    [day, handler, eventId, outcome, subject, node].map((part) => part ?? '').join('\0')
  return rows.sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

/** Whether a row is among those that are read. */
export function matchesStats(row: StatsRow, filter: StatsFilter): boolean {
  const { from, to, ...wanted } = filter
  return (
    row.day >= from &&
    row.day <= to &&
    Object.entries(wanted).every(
      ([name, value]) => value === undefined || row[name as keyof typeof wanted] === value
    )
  )
}
