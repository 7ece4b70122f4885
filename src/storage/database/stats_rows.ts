import { hashKey } from '../../keys.ts'
import { histogramOfAll, type Histogram } from '../../histogram.ts'
import type { StatsRow } from '../contract.ts'
import { addToTotal, emptied, statsKey } from '../rules/stats.ts'
import { integer, json, RowMapper, text } from './row_mapper.ts'
import { chunks, inList, type Row, type Work } from './work.ts'

const mapper = new RowMapper<StatsRow>('almanac_stats', {
  day: text('stat_day'),
  handler: text('handler'),
  eventId: text('event_id'),
  outcome: text('outcome'),
  subject: text('subject'),
  node: text('node'),
  count: integer('run_count'),
  durationTotal: integer('duration_total'),
  durationMax: integer('duration_max'),
  latenessTotal: integer('lateness_total'),
  latenessMax: integer('lateness_max'),
  durations: json('durations'),
  latenesses: json('latenesses'),
})

/** What an ended execution counts, as statsOf() has it. */
export const DURATION = `case when started_at < finished_at then finished_at - started_at else 0 end`
export const LATENESS = `case when started_at > coalesce(slot, available_at)
  then started_at - coalesce(slot, available_at) else 0 end`

/** Adds to totals, which may not be there yet: in the order of their keys, as whoever else locks several. */
export async function addTotals(work: Work, rows: StatsRow[]): Promise<void> {
  for (const chunk of chunks(inOrder(rows))) {
    const missing = await increase(work, chunk)
    if (missing.length > 0) {
      // Another node may begin the same totals now: what it adds must not be lost
      const empty = missing.map(([key, row]) => ({ stat_key: key, ...mapper.toRow(emptied(row)) }))
      await mapper.writer.insertMissing(work, empty, (insert) =>
        work.dialect.insertOrSkip(insert, 'stat_key')
      )
      await increase(work, missing)
    }
  }
}

/** Takes out of totals what they had counted; those that are gone by their age give nothing back. */
export async function takeFromTotals(work: Work, rows: StatsRow[]): Promise<void> {
  for (const chunk of chunks(inOrder(rows))) {
    await increase(work, chunk)
  }
}

type Keyed = [key: string, row: StatsRow]

function inOrder(rows: StatsRow[]): Keyed[] {
  return rows
    .map((row): Keyed => [hashKey(statsKey(row)), row])
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

/** @returns those of which there is no total yet */
async function increase(work: Work, keyed: Keyed[]): Promise<Keyed[]> {
  const list = inList(keyed.map(([key]) => key))
  const found = await work.all(
    `select * from almanac_stats where stat_key in ${list.sql} order by stat_key ${work.dialect.lockRows}`,
    list.bindings
  )
  const totals = new Map(found.map((row) => [row.stat_key as string, toStats(row)]))
  for (const [key, row] of keyed) {
    const total = totals.get(key)
    if (total) {
      addToTotal(total, row)
      const { sql, bindings } = mapper.update(mapper.toRow(total))
      await work.run(`${sql} where stat_key = ?`, [...bindings, key])
    }
  }
  return keyed.filter(([key]) => !totals.has(key))
}

/** The totals of a row, also of one that an end brought along. */
export function toStats(row: Row): StatsRow {
  const record = mapper.toRecord(row)
  return {
    ...record,
    durations: spreadOf(record.durations),
    latenesses: spreadOf(record.latenesses),
  }
}

/** Totals that were begun before there were histograms have none; deltas have the values themselves. */
function spreadOf(stored: Histogram | number[] | null): Histogram {
  return Array.isArray(stored) ? histogramOfAll(stored) : (stored ?? {})
}
