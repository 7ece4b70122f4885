import { histogramOf } from '../../histogram.ts'
import { nodeName } from '../rules/claim_plan.ts'
import type { StatsFilter, StatsRow, StatsStore } from '../contract.ts'
import {
  addStats,
  dayOf,
  endOfDay,
  firstKeptDay,
  sortStats,
  startOfDay,
  statsOf,
  type EndedExecution,
} from '../rules/stats.ts'
import { addNodeName, Conditions } from './conditions.ts'
import type { StoreConnection } from './connection.ts'
import { toExecution } from './execution_rows.ts'
import { foldDeltas } from './stats_deltas.ts'
import { addTotals, DURATION, LATENESS, toStats } from './stats_rows.ts'
import { chunks, inList, instant, type Row, type Work } from './work.ts'

type Params<K extends keyof StatsStore> = Parameters<StatsStore[K]>[0]

const UNROLLED = 'rolled_up = 0 and finished_at is not null'

export class DatabaseStatsStore implements StatsStore {
  readonly #connection: StoreConnection

  constructor(connection: StoreConnection) {
    this.#connection = connection
  }

  rollup({ limit }: Params<'rollup'>): Promise<number> {
    return this.#connection.write('stats.rollup', async (work) => {
      // A missed range that may still grow is added when it is closed
      const rows = await work.all(
        `select id, handler, event_id, state, subject, node, slot, slot_count, available_at,
            started_at, finished_at from almanac_executions
          where ${UNROLLED} and (state <> 'missed' or id not in (
            select open_missed_id from almanac_events where open_missed_id is not null))
          order by finished_at, id limit ? ${work.dialect.lockFreeRows}`,
        [limit]
      )
      const totals = new Map<string, StatsRow>()
      rows.forEach((row) => addStats(totals, statsOf(toExecution(row) as EndedExecution)))
      await addTotals(work, [...totals.values()])
      await markRolledUp(
        work,
        rows.map(({ id }) => id as string)
      )
      return rows.length
    })
  }

  fold({ limit }: Params<'fold'>): Promise<number> {
    return this.#connection.write('stats.fold', (work) => foldDeltas(work, limit))
  }

  read(params: Params<'read'>): Promise<StatsRow[]> {
    return this.#connection.snapshot('stats.read', async (work) => {
      const totals = new Map<string, StatsRow>()
      for (const row of await rolledUp(work, params)) {
        addStats(totals, row)
      }
      for (const row of await notRolledUp(work, params)) {
        addStats(totals, row)
      }
      return sortStats([...totals.values()])
    })
  }

  prune({ now, age, limit }: Params<'prune'>): Promise<number> {
    return this.#connection.write('stats.prune', async (work) => {
      const rows = await work.all(
        `select stat_key from almanac_stats where stat_day < ?
          order by stat_day, stat_key limit ? ${work.dialect.lockFreeRows}`,
        [firstKeptDay(await instant(work, now), age), limit]
      )
      for (const chunk of chunks(rows.map((row) => row.stat_key as string))) {
        const list = inList(chunk)
        await work.run(`delete from almanac_stats where stat_key in ${list.sql}`, list.bindings)
      }
      return rows.length
    })
  }
}

/** Marks executions as part of the totals. */
export async function markRolledUp(work: Work, ids: string[]): Promise<void> {
  for (const chunk of chunks(ids)) {
    const list = inList(chunk)
    await work.run(
      `update almanac_executions set rolled_up = 1 where id in ${list.sql}`,
      list.bindings
    )
  }
}

async function rolledUp(work: Work, filter: StatsFilter): Promise<StatsRow[]> {
  const conditions = new Conditions()
    .add('stat_day >= ?', filter.from)
    .add('stat_day <= ?', filter.to)
    .add('handler = ?', filter.handler)
    .add('event_id = ?', filter.eventId)
    .add('subject = ?', filter.subject)
    .add('outcome = ?', filter.outcome)
    .add('node = ?', filter.node)
  const rows = await work.all(`select * from almanac_stats ${conditions.sql}`, conditions.bindings)
  return rows.map(toStats)
}

/** Equal runs of a day come as one row: what there may be many of between two rollups. */
async function notRolledUp(work: Work, filter: StatsFilter): Promise<StatsRow[]> {
  const conditions = new Conditions()
    .add(`${UNROLLED} and finished_at >= ?`, startOfDay(filter.from))
    .add('finished_at < ?', endOfDay(filter.to))
    .add('handler = ?', filter.handler)
    .add('event_id = ?', filter.eventId)
    .add('subject = ?', filter.subject)
    .add('state = ?', filter.outcome)
  addNodeName(conditions, filter.node)
  const day = work.dialect.startOfDay('finished_at')
  const groups = `${day}, handler, event_id, state, subject, node`
  const began = 'case when started_at is null then 0 else 1 end'
  const rows = await work.all(
    `select ${day} as ended_day, handler, event_id, state, subject, node, ${began} as began,
        ${DURATION} as duration, ${LATENESS} as lateness, sum(slot_count) as run_count
      from almanac_executions ${conditions.sql}
      group by ${groups}, ${began}, ${DURATION}, ${LATENESS}`,
    conditions.bindings
  )
  return rows.map(groupOf)
}

function groupOf(row: Row): StatsRow {
  const [count, duration, lateness] = [row.run_count, row.duration, row.lateness].map(Number)
  const began = Number(row.began) === 1
  return {
    day: dayOf(Number(row.ended_day)),
    handler: row.handler as string,
    eventId: row.event_id as string | null,
    outcome: row.state as StatsRow['outcome'],
    subject: row.subject as string | null,
    node: row.node === null ? null : nodeName(row.node as string),
    count,
    durationTotal: duration * count,
    durationMax: duration,
    latenessTotal: lateness * count,
    latenessMax: lateness,
    durations: began ? histogramOf(duration, count) : {},
    latenesses: began ? histogramOf(lateness, count) : {},
  }
}
