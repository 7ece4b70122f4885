import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { getActiveTest, test } from '@japa/runner'
import { runHelper, startWorker } from '../helpers/legacy_processes.ts'
import { requires } from '../helpers/services.ts'
import { createStore, createWarehouse, type Warehouse } from '../long/support/databases.ts'

/** Longest wait for the end of all requests, ms. */
const PATIENCE = 90_000

interface Size {
  requests: number
  maprefs: number
  kills: number
}

/** The servers wait for the disk at each commit: a smaller share of the same. */
const ON_SQLITE: Size = { requests: 1_000, maprefs: 200, kills: 5 }
const ON_SERVERS: Size = { requests: 150, maprefs: 50, kills: 3 }

type RequestRow = [id: string, mapref: string, type: string, payload: string | null]

/** Two rows of each kind, and what RESULT_PAYLOAD must say about it. */
const BAD: { kind: string; row: Omit<RequestRow, 0> & string[]; reason: RegExp }[] = [
  { kind: 'type', row: ['M1', 'LAUNCH', null], reason: /REQUEST_TYPE "LAUNCH" is unknown/ },
  { kind: 'history', row: ['M2', 'HISTORY', '{}'], reason: /no start_date.*HIST_LOAD/ },
  {
    kind: 'report',
    row: ['REPORT:1', 'REPORT', '{}'],
    reason: /reports are off: legacy.sources.dw/,
  },
  { kind: 'json', row: ['M3', 'IMMEDIATE', '{"params":'], reason: /PAYLOAD is not JSON/ },
  { kind: 'array', row: ['M4', 'IMMEDIATE', '[1,2]'], reason: /PAYLOAD is an array/ },
  {
    kind: 'large',
    row: ['M5', 'IMMEDIATE', JSON.stringify({ param1: 'x'.repeat(20_000) })],
    reason: /more than the 10000 bytes allowed/,
  },
  {
    kind: 'unknown',
    row: ['NOWHERE', 'IMMEDIATE', null],
    reason: /"NOWHERE": the MAPREF is unknown/,
  },
  { kind: 'inactive', row: ['INACTIVE', 'IMMEDIATE', null], reason: /"INACTIVE": .*no active/ },
  { kind: 'plsql', row: ['PLSQL', 'IMMEDIATE', null], reason: /"PLSQL": .*needs the runner/ },
  { kind: 'empty', row: ['EMPTY', 'IMMEDIATE', null], reason: /"EMPTY": .*no runner/ },
] as never

/** Good and bad requests, mixed the same way each time. */
function requests({ requests: wanted, maprefs }: Size): RequestRow[] {
  const rows: RequestRow[] = []
  for (let index = 0; index < wanted - BAD.length * 2; index++) {
    const payload = JSON.stringify({ params: { param1: `G${index}` } })
    rows.push([`G${index}`, `M${index % maprefs}`, 'IMMEDIATE', payload])
  }
  for (const [index, { kind, row }] of [...BAD, ...BAD].entries()) {
    const place = Math.floor((index * rows.length) / (BAD.length * 2))
    rows.splice(place, 0, [`B-${kind}-${index}`, ...row] as RequestRow)
  }
  return rows
}

async function prepare(warehouse: Warehouse, { maprefs }: Size): Promise<void> {
  // Long enough that a kill often hits a run in its logic
  const work = `with recursive n (i) as (select 1 union all select i + 1 from n where i < 100)`
  const logic = `insert into LEDGER (PRCID, MAPREF, REQUEST) values (:prcid, :mapref, :param1);
    update LEDGER set MAPREF = MAPREF where PRCID = :prcid and (${work} select count(*) from n, n as other) > 0`
  for (let index = 0; index < maprefs; index++) {
    await warehouse.insertFlow({ MAPREF: `M${index}`, DWLOGIC: logic })
  }
  await warehouse.insertFlow({ MAPREF: 'INACTIVE', STFLG: 'I' })
  await warehouse.insertFlow({ MAPREF: 'PLSQL', DWLOGIC: 'declare n number; begin null; end;' })
  await warehouse.insertFlow({ MAPREF: 'EMPTY', DWLOGIC: null })
}

async function count(warehouse: Warehouse, where: string): Promise<number> {
  const sql = `select count(*) as N from DWPRCREQ where ${where}`
  const [{ N }] = await warehouse.rows<{ N: number }>(sql)
  return N
}

/** Waits, across processes, until so many requests have ended. */
async function untilEnded(warehouse: Warehouse, wanted: number): Promise<void> {
  const deadline = performance.now() + PATIENCE
  while ((await count(warehouse, `STATUS in ('DONE', 'FAILED')`)) < wanted) {
    if (performance.now() > deadline) {
      const rows = await warehouse.rows(
        'select STATUS, count(*) as N from DWPRCREQ group by STATUS'
      )
      throw new Error(`Waited in vain for ${wanted} ends: ${JSON.stringify(rows)}`)
    }
    await setTimeout(20)
  }
}

const PLACES = [
  { title: 'SQLite, two files', store: 'sqlite', warehouse: 'sqlite', size: ON_SQLITE },
  { title: 'PostgreSQL, one connection', store: 'postgresql', warehouse: null, size: ON_SERVERS },
  { title: 'MariaDB, two databases', store: 'mariadb', warehouse: 'mariadb', size: ON_SERVERS },
] as const

const services = [await requires('postgresql'), await requires('mariadb')]

for (const { title, size, ...places } of PLACES) {
  test.group(`Legacy | kill -9 | ${title}`, (group) => {
    const missing = services.find(({ name, available }) => name === places.store && !available)
    group.tap((each) => each.skip(missing !== undefined, missing?.reason))

    test(`${size.requests} requests outlive ${size.kills} kills of their worker`, async ({
      assert,
    }) => {
      const store = await createStore(places.store)
      const database = await createWarehouse(places.warehouse ?? store)
      getActiveTest()?.cleanup(async () => {
        await database.close()
        await store.close()
      })
      await prepare(database, size)

      let worker = await startWorker(store.target.url, database.target.url)
      const requester = runHelper('legacy_requester.ts', [database.target.url])
      requester.stdin!.end(
        requests(size)
          .map((row) => JSON.stringify(row))
          .join('\n')
      )
      for (let kill = 1; kill <= size.kills; kill++) {
        await untilEnded(database, kill * 0.15 * size.requests)
        const exited = once(worker, 'exit')
        worker.kill('SIGKILL')
        await exited
        worker = await startWorker(store.target.url, database.target.url)
      }
      await untilEnded(database, size.requests)
      const exited = once(worker, 'exit')
      worker.kill('SIGTERM')
      assert.deepEqual(await exited, [0, null])

      const failed = await database.rows<{ REQUEST_ID: string; RESULT_PAYLOAD: string }>(
        `select REQUEST_ID, RESULT_PAYLOAD from DWPRCREQ where STATUS = 'FAILED'`
      )
      assert.isEmpty(failed.filter(({ REQUEST_ID }) => REQUEST_ID.startsWith('G')))
      assert.equal(await count(database, `STATUS = 'DONE'`), size.requests - 20)
      assert.equal(await count(database, `STATUS = 'FAILED'`), 20)
      assert.equal(await count(database, `STATUS not in ('DONE', 'FAILED')`), 0)
      const good = await database.rows<{ REQUEST_ID: string; RUNS: number; LEDGER: number }>(
        `select REQUEST_ID,
        (select count(*) from DWPRCLOG p where p.STATUS = 'PC' and p.PARAM1 = r.REQUEST_ID) as RUNS,
        (select count(*) from LEDGER l where l.REQUEST = r.REQUEST_ID) as LEDGER
       from DWPRCREQ r where r.STATUS = 'DONE'`
      )
      assert.isTrue(good.every(({ REQUEST_ID }) => REQUEST_ID.startsWith('G')))
      assert.isEmpty(good.filter(({ RUNS }) => RUNS !== 1))
      assert.isEmpty(good.filter(({ LEDGER }) => LEDGER !== 1))
      const [{ STRAY }] = await database.rows<{ STRAY: number }>(
        `select count(*) as STRAY from LEDGER where PRCID not in (select PRCID from DWPRCLOG where STATUS = 'PC')`
      )
      assert.equal(STRAY, 0)
      assert.isEmpty(await database.rows(`select PRCID from DWPRCLOG where STATUS = 'IP'`))

      for (const { REQUEST_ID, RESULT_PAYLOAD } of failed) {
        const bad = BAD.find(({ kind }) => kind === REQUEST_ID.split('-')[1])!
        assert.match(String(JSON.parse(RESULT_PAYLOAD).message), bad.reason)
      }
    }).timeout(PATIENCE + 30_000)
  })
}
