import { getActiveTest, test } from '@japa/runner'
import { dayAfter, writtenDay } from '../../src/legacy/history/days.ts'
import { killed, startWorker } from '../helpers/legacy_processes.ts'
import { createStore, createWarehouse, type Warehouse } from './support/databases.ts'
import { eachKind, KINDS } from './support/kinds.ts'
import { until } from './support/patience.ts'
import { printFigures, scaled } from './support/scale.ts'

const DAYS = scaled(365, 36)
const FIRST = '2025-01-01'
const PATIENCE = 10 * 60_000
/** Shares of the days that are complete when a node is killed. */
const KILLS = [0.2, 0.45, 0.7]
/** Long enough that a kill often hits a day in its logic. */
const WORK = 'with recursive n (i) as (select 1 union all select i + 1 from n where i < 100)'
const LOGIC = `insert into LEDGER (PRCID, MAPREF, REQUEST) values (:prcid, :mapref, :param1);
  update LEDGER set MAPREF = MAPREF where PRCID = :prcid and (${WORK} select count(*) from n, n as other) > 0`

async function count(warehouse: Warehouse, sql: string): Promise<number> {
  const [row] = await warehouse.rows<Record<string, unknown>>(sql)
  return Number(Object.values(row)[0])
}

eachKind('History', KINDS, (kind) => {
  test(`HISTORY over ${DAYS} days, killed three times on the way: ${DAYS} PC rows, each day once`, async ({
    assert,
  }) => {
    const store = await createStore(kind)
    const warehouse = await createWarehouse(kind)
    getActiveTest()?.cleanup(async () => {
      await warehouse.close()
      await store.close()
    })
    await warehouse.insertFlow({ MAPREF: 'LOAD', DWLOGIC: LOGIC })
    const last = dayAfter(FIRST, DAYS - 1)
    const PAYLOAD = JSON.stringify({ start_date: FIRST, end_date: last, truncate_flag: 'N' })
    const row = { REQUEST_ID: 'H', MAPREF: 'LOAD', REQUEST_TYPE: 'HISTORY', PAYLOAD }

    const complete = () =>
      count(warehouse, `select count(*) as N from DWPRCLOG where STATUS = 'PC'`)
    const request = () => warehouse.rows(`select * from DWPRCREQ where REQUEST_ID = 'H'`)
    const reaches = (wanted: number) =>
      until(async () => (await complete()) >= wanted, {
        patience: PATIENCE,
        every: 5,
        describe: request,
      })

    const began = performance.now()
    let worker = await startWorker(store.target.url, warehouse.target.url)
    await warehouse.insertRequests([row])
    for (const share of KILLS) {
      await reaches(Math.round(share * DAYS))
      await killed(worker)
      worker = await startWorker(store.target.url, warehouse.target.url)
    }
    const ended = `select count(*) as N from DWPRCREQ where STATUS in ('DONE', 'FAILED')`
    await until(async () => (await count(warehouse, ended)) === 1, {
      patience: PATIENCE,
      describe: request,
    })
    const seconds = (performance.now() - began) / 1000
    await killed(worker)

    const [{ STATUS, RESULT_PAYLOAD }] = await warehouse.rows<Record<string, string>>(
      `select * from DWPRCREQ where REQUEST_ID = 'H'`
    )
    assert.equal(STATUS, 'DONE', RESULT_PAYLOAD)
    assert.containSubset(JSON.parse(RESULT_PAYLOAD), { history: { complete: DAYS, failed: [] } })
    const days = Array.from({ length: DAYS }, (_, index) => writtenDay(dayAfter(FIRST, index)))
    const runs = await warehouse.rows<{ PARAM1: string; STATUS: string; PRCID: number }>(
      'select PARAM1, STATUS, PRCID from DWPRCLOG order by PRCID'
    )
    const loaded = runs.filter((run) => run.STATUS === 'PC').map(({ PARAM1 }) => PARAM1)
    assert.deepEqual(loaded, days)
    const ledger = await warehouse.rows<{ REQUEST: string }>('select * from LEDGER order by PRCID')
    assert.deepEqual(
      ledger.map(({ REQUEST }) => REQUEST),
      days
    )
    const others = runs.filter((run) => run.STATUS !== 'PC')
    assert.isAtMost(others.length, KILLS.length)
    assert.isEmpty(others.filter((run) => run.STATUS === 'IP'))
    printFigures(`history over ${DAYS} days on ${kind}`, {
      'kills': KILLS.length,
      'days cut off and run again': others.length,
      'seconds': seconds.toFixed(1),
    })
  }).timeout(PATIENCE + 60_000)
})
