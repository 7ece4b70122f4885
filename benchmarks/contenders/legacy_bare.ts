import pg from 'pg'
import { sessionIdOf } from '../../src/legacy/claims.ts'
import { migrateSchema } from '../../src/storage/database/schema/main.ts'
import { CONNECTION, openServer } from '../../tests/helpers/server_database.ts'
import type { Contender, ContenderOptions } from '../lib/contender.ts'
import { createDatabase, type Database } from '../lib/postgres.ts'
import { insertRequests, makeTables } from './almanac_legacy.ts'

/** Rows of one statement, and how many such batches are under way at once. */
const BATCH = 200
const LANES = 3

/**
 * About a ceiling: the rows that a run of a request leaves, written in batches by
 * prepared statements and nothing else. No key holds its MAPREF, no flow is
 * read, no lease is renewed, nothing is retried or announced.
 */
export async function open({ keys }: ContenderOptions): Promise<Contender> {
  const database = await createDatabase()
  await makeTables(database, keys)
  await migrate(database)
  const pool = new pg.Pool({ connectionString: database.url, max: LANES })
  pool.on('error', () => {})
  let over = false
  let prcid = 0
  const nextIds = (count: number) => Array.from({ length: count }, () => ++prcid)
  const lane = async (number: number, ran: () => void) => {
    let left = true
    for (let batch = 0; left && !over; batch++) {
      left = await workOff(pool, `${number}.${batch}`, { nextIds, ran })
    }
  }
  let working: Promise<unknown> = Promise.resolve()
  return {
    enqueue: (count) => insertRequests(database, count, keys),
    async start(ran) {
      working = Promise.all(Array.from({ length: LANES }, (_, number) => lane(number, ran)))
    },
    stored: () =>
      database.count(`select count(*) from almanac_executions where state = 'succeeded'`),
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

async function migrate(database: Database): Promise<void> {
  const lucid = openServer(database.url)
  await migrateSchema(lucid.connection(CONNECTION))
  await lucid.manager.closeAll()
}

interface Given {
  nextIds: (count: number) => number[]
  ran: () => void
}

interface Claimed {
  request_id: string
  mapref: string
}

/** @returns false when nothing was left */
async function workOff(pool: pg.Pool, batch: string, { nextIds, ran }: Given): Promise<boolean> {
  const claim = `bench.00000000.${batch}`
  const ask = async (name: keyof typeof STATEMENTS, values: unknown[]) => {
    const { rows } = await pool.query<Claimed>({ name, text: STATEMENTS[name], values })
    return rows
  }
  const claimed = await ask('claim', [claim, BATCH])
  const ids = claimed.map(({ request_id: id }) => id)
  const maprefs = claimed.map(({ mapref }) => mapref)
  const prcids = nextIds(ids.length)
  if (ids.length === 0) {
    return false
  }
  await ask('born', [ids, maprefs, claim])
  await ask('begun', [prcids, maprefs, sessionIdOf('bench.00000000')])
  ids.forEach(ran)
  await ask('closed', [prcids, maprefs, ids, claim])
  await ask('settled', [ids])
  return true
}

const NOW = `(extract(epoch from clock_timestamp()) * 1000)::bigint`

const STATEMENTS = {
  claim: `update DWPRCREQ set STATUS = 'CLAIMED', CLAIMED_AT = now(), CLAIMED_BY = $1
    where REQUEST_ID = any(array(select REQUEST_ID from DWPRCREQ where STATUS = 'NEW'
      order by REQUESTED_AT limit $2 for update skip locked))
    returning REQUEST_ID as request_id, MAPREF as mapref`,
  born: `insert into almanac_executions (id, handler, queue, origin, payload, state, priority,
      slot_count, dedupe_text, dedupe_hash, dedupe_key, concurrency_text, concurrency_hash, running_key,
      available_at, created_at, claimed_at, attempt, failures, rescues, node, lease_expires_at, renewals, rolled_up)
    select id, 'legacy.flow', 'default', 'request',
      json_build_object('source', 'dw', 'mapref', mapref, 'requestId', id, 'claim', $3::text)::text,
      'running', 5, 1, 'req:dw:' || id, hash, hash, 'legacy:dw:' || id, hash, hash,
      ${NOW}, ${NOW}, ${NOW}, 1, 0, 0, 'bench.00000000', ${NOW} + 30000, 0, 0
    from unnest($1::text[], $2::text[]) as given(id, mapref),
      lateral (select encode(sha256(id::bytea), 'hex') as hash) hashed`,
  begun: `insert into DWPRCLOG (PRCID, JOBID, JOBFLWID, MAPREF, STRTDT, STATUS, RECCRDT, SESSIONID, PARAM1)
    select prcid, 1, 1, mapref, now(), 'IP', now(), $3::numeric, '1'
    from unnest($1::bigint[], $2::text[]) as given(prcid, mapref)`,
  closed: `with closed as (update DWPRCLOG kept set STATUS = 'PC', ENDDT = now(), RECUPDT = now()
      from unnest($1::bigint[]) as given(prcid) where kept.PRCID = given.prcid and kept.STATUS = 'IP'),
    counted as (insert into DWJOBLOG (JOBLOGID, PRCDT, JOBID, MAPREF, SRCROWS, TRGROWS, ERRROWS, RECCRDT, PRCID)
      select prcid, now(), 1, mapref, 0, 0, 0, now(), prcid
      from unnest($1::bigint[], $2::text[]) as given(prcid, mapref))
    update DWPRCREQ set STATUS = 'DONE', COMPLETED_AT = now(), RESULT_PAYLOAD = '{"status":"PC"}'
    where REQUEST_ID = any($3::text[]) and CLAIMED_BY = $4`,
  settled: `update almanac_executions set state = 'succeeded', running_key = null, dedupe_key = null,
      lease_expires_at = null, started_at = claimed_at, finished_at = ${NOW},
      result = '{"status":"PC"}', rolled_up = 1
    where id = any($1::text[]) and state = 'running'`,
}
