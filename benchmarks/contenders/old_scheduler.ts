import pg from 'pg'
import type { Contender, ContenderOptions } from '../lib/contender.ts'
import { createDatabase } from '../lib/postgres.ts'
import { insertRequests, makeTables } from './almanac_legacy.ts'

const BATCH = 25

/** What the old scheduler asked of its database for each request, without its sleep. */
export async function open({ keys }: ContenderOptions): Promise<Contender> {
  const database = await createDatabase()
  await makeTables(database, keys)
  await database.query('create sequence bench_ids')
  const pool = new pg.Pool({ connectionString: database.url, max: 4 })
  let over = false
  let working: Promise<void> = Promise.resolve()
  return {
    enqueue: (count) => insertRequests(database, count, keys),
    async start(ran) {
      working = work(pool, ran, () => over)
    },
    stored: () => database.count(`select count(*) from DWPRCREQ where STATUS = 'DONE'`),
    async stop() {
      over = true
      await working
    },
    serverCpu: database.cpu,
    async close() {
      await pool.end()
      await database.drop()
    },
  }
}

interface RequestRow {
  request_id: string
  mapref: string
}

async function work(pool: pg.Pool, ran: () => void, over: () => boolean): Promise<void> {
  while (!over()) {
    const { rows } = await pool.query<RequestRow>(
      `select REQUEST_ID as request_id, MAPREF as mapref from DWPRCREQ
       where STATUS = 'NEW' order by REQUESTED_AT limit $1`,
      [BATCH]
    )
    for (const row of rows) {
      await runOne(pool, row, ran)
    }
  }
}

async function runOne(pool: pg.Pool, row: RequestRow, ran: () => void): Promise<void> {
  const { request_id: id, mapref } = row
  await pool.query(
    `update DWPRCREQ set STATUS = 'CLAIMED', CLAIMED_AT = now(), CLAIMED_BY = 'old' where REQUEST_ID = $1`,
    [id]
  )
  const flow = await pool.query<{ jobflwid: string; jobid: string }>(
    `select JOBFLWID as jobflwid, JOBID as jobid, DWLOGIC from DWJOBFLW
     where MAPREF = $1 and CURFLG = 'Y' and STFLG = 'A'`,
    [mapref]
  )
  const {
    rows: [{ prcid }],
  } = await pool.query<{ prcid: string }>(`select nextval('bench_ids') as prcid`)
  await pool.query(
    `insert into DWPRCLOG (PRCID, JOBID, JOBFLWID, MAPREF, STRTDT, STATUS, RECCRDT, PARAM1)
     values ($1, $2, $3, $4, now(), 'IP', now(), '1')`,
    [prcid, flow.rows[0].jobid, flow.rows[0].jobflwid, mapref]
  )
  ran()
  await pool.query(
    `update DWPRCLOG set STATUS = 'PC', ENDDT = now(), RECUPDT = now() where PRCID = $1`,
    [prcid]
  )
  await pool.query(
    `update DWPRCREQ set STATUS = 'DONE', COMPLETED_AT = now(), RESULT_PAYLOAD = '{}' where REQUEST_ID = $1`,
    [id]
  )
}
