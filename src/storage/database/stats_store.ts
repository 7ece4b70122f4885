import { hashKey } from '../../keys.ts'
import type { StatsRow, StatsStore } from '../contract.ts'
import {
  addStats,
  dayOf,
  endOfDay,
  sortStats,
  startOfDay,
  statsKey,
  statsOf,
  type EndedExecution,
} from '../rules/stats.ts'
import { Conditions } from './conditions.ts'
import type { StoreConnection } from './connection.ts'
import { toExecution } from './execution_rows.ts'
import { integer, RowMapper, text } from './row_mapper.ts'
import { chunks, inList, type Work } from './work.ts'

type Params<K extends keyof StatsStore> = Parameters<StatsStore[K]>[0]

const mapper = new RowMapper<StatsRow>('almanac_stats', {
  day: text('stat_day'),
  handler: text('handler'),
  eventId: text('event_id'),
  outcome: text('outcome'),
  count: integer('run_count'),
  durationTotal: integer('duration_total'),
  durationMax: integer('duration_max'),
  latenessTotal: integer('lateness_total'),
  latenessMax: integer('lateness_max'),
})

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
        `select id, handler, event_id, state, slot, slot_count, available_at, started_at,
            finished_at from almanac_executions
          where ${UNROLLED} and (state <> 'missed' or id not in (
            select open_missed_id from almanac_events where open_missed_id is not null))
          order by finished_at, id limit ? ${work.dialect.lockFreeRows}`,
        [limit]
      )
      const totals = new Map<string, StatsRow>()
      rows.forEach((row) => addStats(totals, statsOf(toExecution(row) as EndedExecution)))
      for (const total of totals.values()) {
        await addTotal(work, total)
      }
      await markRolledUp(
        work,
        rows.map(({ id }) => id as string)
      )
      return rows.length
    })
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
}

/** Adds to a total, which may not be there yet. */
export async function addTotal(work: Work, row: StatsRow): Promise<void> {
  const key = hashKey(statsKey(row))
  if ((await increase(work, key, row)) === 0) {
    // Another node may begin the same total now: what it adds must not be lost
    const empty = { ...row, count: 0, durationTotal: 0, durationMax: 0 }
    const columns = mapper.toRow({ ...empty, latenessTotal: 0, latenessMax: 0 })
    const { sql, bindings } = mapper.insert({ stat_key: key, ...columns })
    await work.run(work.dialect.insertOrSkip(sql, 'stat_key'), bindings)
    await increase(work, key, row)
  }
}

function increase(work: Work, key: string, row: StatsRow): Promise<number> {
  return work.run(
    `update almanac_stats set run_count = run_count + ?, duration_total = duration_total + ?,
      duration_max = case when duration_max < ? then ? else duration_max end,
      lateness_total = lateness_total + ?,
      lateness_max = case when lateness_max < ? then ? else lateness_max end
      where stat_key = ?`,
    [
      row.count,
      row.durationTotal,
      row.durationMax,
      row.durationMax,
      row.latenessTotal,
      row.latenessMax,
      row.latenessMax,
      key,
    ]
  )
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

async function rolledUp(work: Work, params: Params<'read'>): Promise<StatsRow[]> {
  const conditions = new Conditions()
    .add('stat_day >= ?', params.from)
    .add('stat_day <= ?', params.to)
    .add('handler = ?', params.handler)
    .add('event_id = ?', params.eventId)
  const rows = await work.all(`select * from almanac_stats ${conditions.sql}`, conditions.bindings)
  return rows.map((row) => mapper.toRecord(row))
}

async function notRolledUp(work: Work, params: Params<'read'>): Promise<StatsRow[]> {
  const conditions = new Conditions()
    .add(`${UNROLLED} and finished_at >= ?`, startOfDay(params.from))
    .add('finished_at < ?', endOfDay(params.to))
    .add('handler = ?', params.handler)
    .add('event_id = ?', params.eventId)
  const day = work.dialect.startOfDay('finished_at')
  const rows = await work.all(
    `select ${day} as stat_day, handler, event_id, state as outcome,
        sum(slot_count) as run_count,
        sum(${DURATION}) as duration_total, max(${DURATION}) as duration_max,
        sum(${LATENESS}) as lateness_total, max(${LATENESS}) as lateness_max
      from almanac_executions ${conditions.sql}
      group by ${day}, handler, event_id, state`,
    conditions.bindings
  )
  return rows.map((row) => mapper.toRecord({ ...row, stat_day: dayOf(Number(row.stat_day)) }))
}

/** As statsOf() counts them. */
const DURATION = `case when started_at < finished_at then finished_at - started_at else 0 end`
const LATENESS = `case when started_at > coalesce(slot, available_at)
  then started_at - coalesce(slot, available_at) else 0 end`
