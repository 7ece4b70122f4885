import { readFile } from 'node:fs/promises'
import { LegacyAdapter } from '../../src/legacy/adapter.ts'
import { resolveLegacyConfig } from '../../src/legacy/config.ts'
import { legacyDriver } from '../../tests/helpers/legacy_database.ts'
import { CONNECTION, openServer } from '../../tests/helpers/server_database.ts'
import { LOGGER, openAlmanac } from '../lib/almanac.ts'
import type { Contender, ContenderOptions } from '../lib/contender.ts'
import { copyFinished, copyRow } from '../lib/copies.ts'
import { createDatabase, type Database } from '../lib/postgres.ts'

/** Almanac on the old tables: requests over many MAPREFs, one run of each at a time. */
export async function open({ concurrency, keys }: ContenderOptions): Promise<Contender> {
  const database = await createDatabase()
  await makeTables(database, keys)
  const { almanac, clock, counters, close } = await openAlmanac(database.url, { concurrency })
  const lucid = openServer(database.url, { min: 2, max: 10 })
  const { sources } = resolveLegacyConfig({
    sources: {
      dw: {
        connection: 'warehouse',
        timezone: 'UTC',
        handlers: [{ mapref: /^M/, handler: 'noop' }],
      },
    },
  })
  let ran = () => {}
  // What was finished before is not counted again at each look
  let grownUntil = '-infinity'
  almanac.register('noop', async () => ran())
  new LegacyAdapter({
    scheduler: almanac,
    config: sources.get('dw')!,
    client: lucid.connection(CONNECTION),
    driver: legacyDriver,
    clock,
    logger: LOGGER,
    counters,
  }).attach()
  return {
    enqueue: (count) => insertRequests(database, count, keys),
    async start(callback) {
      ran = callback
      await almanac.start()
    },
    stored: () =>
      database.count(
        `select count(*) from DWPRCREQ where STATUS = 'DONE' and REQUESTED_AT > '${grownUntil}'`
      ),
    stop: () => almanac.stop(),
    async grow(finished) {
      await grow(database, finished)
      const [row] = await database.query<{ until: string }>(
        'select max(REQUESTED_AT)::text as until from DWPRCREQ'
      )
      grownUntil = row.until
    },
    serverCpu: database.cpu,
    async close() {
      await close()
      await lucid.manager.closeAll()
      await database.drop()
    },
  }
}

/** The old tables with an active flow for each MAPREF. */
export async function makeTables(database: Database, keys: number): Promise<void> {
  const ddl = new URL('../../database/legacy/dw.postgresql.sql', import.meta.url)
  await database.query(await readFile(ddl, 'utf8'))
  await database.query(
    `insert into DWJOBFLW (JOBFLWID, JOBID, MAPREF, DWLOGIC, STFLG, CURFLG)
     select n, n, 'M' || n, 'none', 'A', 'Y' from generate_series(1, $1::int) n`,
    [keys]
  )
}

let filled = 0

export async function insertRequests(
  database: Database,
  count: number,
  keys: number
): Promise<void> {
  await database.query(
    `insert into DWPRCREQ (REQUEST_ID, MAPREF, REQUEST_TYPE, PAYLOAD, STATUS, REQUESTED_AT)
     select 'R' || ($3::int + n), 'M' || (n % $2::int + 1), 'IMMEDIATE', '{"params":{"param1":"1"}}', 'NEW',
       now() at time zone 'UTC' + n * interval '1 microsecond' from generate_series(1, $1::int) n`,
    [count, keys, filled]
  )
  filled += count
}

async function grow(database: Database, count: number): Promise<void> {
  await copyFinished(database, count)
  await copyRow(database, {
    table: 'dwprcreq',
    where: `STATUS = 'DONE'`,
    changed: { request_id: `'OLD' || n`, requested_at: `source.requested_at - interval '1 day'` },
    count,
  })
  await copyRow(database, {
    table: 'dwprclog',
    where: `STATUS = 'PC'`,
    changed: { prcid: '1000000000 + n', strtdt: `source.strtdt - interval '2 days'` },
    count,
  })
}
