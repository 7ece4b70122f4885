import { newId } from '../../ids.ts'
import type { Outcome } from '../../types/executions.ts'
import type { StatsRow } from '../contract.ts'
import { nodeName } from '../rules/claim_plan.ts'
import { addStats } from '../rules/stats.ts'
import { addTotals, DURATION, LATENESS, toStats } from './stats_rows.ts'
import { chunks, inList, type Value, type Work } from './work.ts'

/*
 * A delta is a row of the totals that the statement which stores ends brings
 * along: no end waits for a total that another node has locked, and none of
 * the executions is written once more for the totals. Whoever reads totals
 * adds up rows of the same dimensions, so it counts at once. It holds how long
 * each took, since how that is spread is decided in one place only.
 */

/** Keys of totals are hashes: none begins so. */
const PREFIX = 'delta:'
const IS_DELTA = `stat_key >= 'delta:' and stat_key < 'delta;'`

const values = (each: string) =>
  `to_json(array_agg(${each}) filter (where started_at is not null))::text`

/**
 * Inserts the deltas of the rows of `ended`, which have all columns that
 * statsOf() reads: a part of a statement of PostgreSQL, whose bindings are deltaBindings().
 */
export const insertDeltas = (ended: string, outcome: Outcome) =>
  `insert into almanac_stats (stat_key, stat_day, handler, event_id, outcome, subject, node, run_count,
      duration_total, duration_max, lateness_total, lateness_max, durations, latenesses)
    select ?::text || row_number() over (),
      to_char(to_timestamp(finished_at / 1000) at time zone 'UTC', 'YYYY-MM-DD'),
      handler, event_id, '${outcome}', subject, ?::text, sum(slot_count),
      sum(${DURATION}), max(${DURATION}), sum(${LATENESS}), max(${LATENESS}),
      ${values(DURATION)}, ${values(LATENESS)}
    from ${ended} group by handler, event_id, subject, finished_at`

/** @param node `<node>.<boot>`, which ran them all */
export function deltaBindings(node: string): Value[] {
  return [`${PREFIX}${newId()}:`, nodeName(node)]
}

/** Adds deltas to the totals of their days, those that nobody else has at hand. @returns how many */
export async function foldDeltas(work: Work, limit: number): Promise<number> {
  const deltas = await work.all(
    `select * from almanac_stats where ${IS_DELTA}
      order by stat_key limit ? ${work.dialect.lockFreeRows}`,
    [limit]
  )
  for (const chunk of chunks(deltas.map((row) => row.stat_key as string))) {
    const list = inList(chunk)
    await work.run(`delete from almanac_stats where stat_key in ${list.sql}`, list.bindings)
  }
  const totals = new Map<string, StatsRow>()
  deltas.forEach((row) => addStats(totals, toStats(row)))
  await addTotals(work, [...totals.values()])
  return deltas.length
}
