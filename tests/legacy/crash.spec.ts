import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join, dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { getActiveTest, test } from '@japa/runner'
import { migrateSchema } from '../../src/storage/database/schema/main.ts'
import { createLegacyDatabase, type LegacyDatabase } from '../helpers/legacy_database.ts'
import { CONNECTION, openLucid } from '../storage/support.ts'

const REQUESTS = 1_000
const MAPREFS = 200
const KILLS = 5
/** Longest wait for the end of all requests, ms. */
const PATIENCE = 90_000

type RequestRow = [id: string, mapref: string, type: string, payload: string | null]

/** Two rows of each kind, and what RESULT_PAYLOAD must say about it. */
const BAD: { kind: string; row: Omit<RequestRow, 0> & string[]; reason: RegExp }[] = [
  { kind: 'type', row: ['M1', 'LAUNCH', null], reason: /REQUEST_TYPE "LAUNCH" is unknown/ },
  { kind: 'history', row: ['M2', 'HISTORY', '{}'], reason: /"HISTORY" cannot be run by this/ },
  { kind: 'report', row: ['REPORT:1', 'REPORT', '{}'], reason: /"REPORT" cannot be run by this/ },
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

function script(name: string): string {
  return fileURLToPath(new URL(`../helpers/${name}`, import.meta.url))
}

function run(name: string, args: string[]): ChildProcess {
  const child = spawn(process.execPath, ['--import=@poppinss/ts-exec', script(name), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  getActiveTest()?.cleanup(() => void child.kill('SIGKILL'))
  return child
}

async function startWorker(store: string, warehouse: string): Promise<ChildProcess> {
  const worker = run('legacy_worker.ts', [store, warehouse])
  await once(createInterface({ input: worker.stdout! }), 'line')
  return worker
}

/** Good and bad requests, mixed the same way each time. */
function requests(): RequestRow[] {
  const rows: RequestRow[] = []
  for (let index = 0; index < REQUESTS - BAD.length * 2; index++) {
    const payload = JSON.stringify({ params: { param1: `G${index}` } })
    rows.push([`G${index}`, `M${index % MAPREFS}`, 'IMMEDIATE', payload])
  }
  for (const [index, { kind, row }] of [...BAD, ...BAD].entries()) {
    const place = Math.floor((index * rows.length) / (BAD.length * 2))
    rows.splice(place, 0, [`B-${kind}-${index}`, ...row] as RequestRow)
  }
  return rows
}

function prepare(database: LegacyDatabase): void {
  database.execute('create table LEDGER (PRCID number, MAPREF text, REQUEST text)')
  // Long enough that a kill often hits a run in its logic
  const work = `with recursive n (i) as (select 1 union all select i + 1 from n where i < 4000)`
  const logic = `insert into LEDGER select :prcid, :mapref, :param1 from (${work} select count(*) from n);
    update LEDGER set MAPREF = MAPREF where PRCID = :prcid`
  for (let index = 0; index < MAPREFS; index++) {
    database.insertFlow({ MAPREF: `M${index}`, DWLOGIC: logic })
  }
  database.insertFlow({ MAPREF: 'INACTIVE', STFLG: 'I' })
  database.insertFlow({ MAPREF: 'PLSQL', DWLOGIC: 'declare n number; begin null; end;' })
  database.insertFlow({ MAPREF: 'EMPTY', DWLOGIC: null })
}

function count(database: LegacyDatabase, where: string): number {
  const sql = `select count(*) as N from DWPRCREQ where ${where}`
  return database.rows<{ N: number }>(sql)[0].N
}

/** Waits, across processes, until so many requests have ended. */
async function untilEnded(database: LegacyDatabase, wanted: number): Promise<void> {
  const deadline = performance.now() + PATIENCE
  while (count(database, `STATUS in ('DONE', 'FAILED')`) < wanted) {
    if (performance.now() > deadline) {
      const rows = database.rows('select STATUS, count(*) as N from DWPRCREQ group by STATUS')
      throw new Error(`Waited in vain for ${wanted} ends: ${JSON.stringify(rows)}`)
    }
    await setTimeout(20)
  }
}

test.group('Legacy | kill -9', () => {
  test(`${REQUESTS} requests outlive ${KILLS} kills of their worker`, async ({ assert }) => {
    const database = await createLegacyDatabase()
    getActiveTest()?.cleanup(() => database.cleanup())
    const store = join(dirname(database.file), 'store.sqlite3')
    const lucid = openLucid(store)
    await migrateSchema(lucid.connection(CONNECTION))
    await lucid.manager.closeAll()
    prepare(database)

    let worker = await startWorker(store, database.file)
    const requester = run('legacy_requester.ts', [database.file])
    requester.stdin!.end(
      requests()
        .map((row) => JSON.stringify(row))
        .join('\n')
    )
    for (let kill = 1; kill <= KILLS; kill++) {
      await untilEnded(database, kill * 150)
      const exited = once(worker, 'exit')
      worker.kill('SIGKILL')
      await exited
      worker = await startWorker(store, database.file)
    }
    await untilEnded(database, REQUESTS)
    const exited = once(worker, 'exit')
    worker.kill('SIGTERM')
    assert.deepEqual(await exited, [0, null])

    const failed = database.rows<{ REQUEST_ID: string; RESULT_PAYLOAD: string }>(
      `select REQUEST_ID, RESULT_PAYLOAD from DWPRCREQ where STATUS = 'FAILED'`
    )
    assert.isEmpty(failed.filter(({ REQUEST_ID }) => REQUEST_ID.startsWith('G')))
    assert.equal(count(database, `STATUS = 'DONE'`), REQUESTS - 20)
    assert.equal(count(database, `STATUS = 'FAILED'`), 20)
    assert.equal(count(database, `STATUS not in ('DONE', 'FAILED')`), 0)
    const good = database.rows<{ REQUEST_ID: string; RUNS: number; LEDGER: number }>(
      `select REQUEST_ID,
        (select count(*) from DWPRCLOG p where p.STATUS = 'PC' and p.PARAM1 = r.REQUEST_ID) as RUNS,
        (select count(*) from LEDGER l where l.REQUEST = r.REQUEST_ID) as LEDGER
       from DWPRCREQ r where r.STATUS = 'DONE'`
    )
    assert.isTrue(good.every(({ REQUEST_ID }) => REQUEST_ID.startsWith('G')))
    assert.isEmpty(good.filter(({ RUNS }) => RUNS !== 1))
    assert.isEmpty(good.filter(({ LEDGER }) => LEDGER !== 1))
    const [{ STRAY }] = database.rows<{ STRAY: number }>(
      `select count(*) as STRAY from LEDGER where PRCID not in (select PRCID from DWPRCLOG where STATUS = 'PC')`
    )
    assert.equal(STRAY, 0)
    assert.isEmpty(database.rows(`select PRCID from DWPRCLOG where STATUS = 'IP'`))

    for (const { REQUEST_ID, RESULT_PAYLOAD } of failed) {
      const bad = BAD.find(({ kind }) => kind === REQUEST_ID.split('-')[1])!
      assert.match(String(JSON.parse(RESULT_PAYLOAD).message), bad.reason)
    }
  }).timeout(PATIENCE + 30_000)
})
