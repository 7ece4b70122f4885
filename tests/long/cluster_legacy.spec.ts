import { getActiveTest, test } from '@japa/runner'
import { scheduledRequestId } from '../../src/legacy/ids.ts'
import { until } from './support/cluster.ts'
import { config, countOf, MINUTE, PATIENCE, setup as setupStore } from './support/cluster_setup.ts'
import {
  createStore,
  createWarehouse,
  type DatabaseKind,
  type TestStore,
  type Warehouse,
} from './support/databases.ts'
import { eachKind, KINDS } from './support/kinds.ts'
import { allExecutions } from './support/reading.ts'
import { event } from './support/records.ts'
import { printFigures, scaled } from './support/scale.ts'

/** Processes and databases that go with the test. */
async function setup(kind: DatabaseKind) {
  const warehouse = await createWarehouse(kind)
  getActiveTest()?.cleanup(() => warehouse.close())
  return { ...(await setupStore(kind)), warehouse }
}

interface RequestRow {
  REQUEST_ID: string
  STATUS: string
  REQUESTED_AT: string
  CLAIMED_AT: string | null
}

async function request(warehouse: Warehouse, id: string): Promise<RequestRow | undefined> {
  const sql = `select * from DWPRCREQ where REQUEST_ID = '${id}'`
  const [row] = await warehouse.rows<RequestRow>(sql)
  return row
}

eachKind('Cluster | controls', KINDS, (kind) => {
  test('a STOP row is claimed within one poll while every slot of every node is taken', async ({
    assert,
  }) => {
    const { store, warehouse, cluster } = await setup(kind)
    const pollInterval = 1_000
    const names = Array.from({ length: 24 }, (_, index) => `W${index}`)
    for (const mapref of names) {
      await warehouse.insertFlow({ MAPREF: mapref, DWLOGIC: null })
    }
    await cluster.startAll(
      ['n1', 'n2'].map((name) => ({
        config: config(name, { prefetch: 0 }),
        store: store.target,
        warehouse: warehouse.target,
        pollInterval,
      }))
    )
    const rows = names.map((mapref) => ({ REQUEST_ID: `R-${mapref}`, MAPREF: mapref }))
    await warehouse.insertRequests(rows)
    const inProgress = async () => {
      const sql = `select MAPREF from DWPRCLOG where STATUS = 'IP' order by MAPREF`
      return warehouse.rows<{ MAPREF: string }>(sql)
    }
    await until(
      async () => {
        const begun = await inProgress()
        return begun.length === 8
      },
      {
        patience: PATIENCE,
        describe: inProgress,
      }
    )
    assert.equal(await countOf(store, 'running'), 8)

    const [{ MAPREF }] = await inProgress()
    await warehouse.insertRequests([{ REQUEST_ID: 'STOP', MAPREF, REQUEST_TYPE: 'STOP' }])
    await until(
      async () => {
        const row = await request(warehouse, 'STOP')
        return row?.STATUS === 'DONE'
      },
      {
        patience: PATIENCE,
        every: 10,
        describe: () => request(warehouse, 'STOP'),
      }
    )
    const { REQUESTED_AT, CLAIMED_AT } = (await request(warehouse, 'STOP'))!
    const waited = Date.parse(`${CLAIMED_AT}Z`) - Date.parse(`${REQUESTED_AT}Z`)
    printFigures('STOP', { 'slots taken': 8, 'poll, ms': pollInterval, 'waited, ms': waited })
    // Each node looks once per poll; half a second is for machines that are busy
    assert.isAtMost(waited, pollInterval + 500)
    const stopped = async () =>
      warehouse.rows<{ STATUS: string }>(
        `select STATUS from DWPRCLOG where MAPREF = '${MAPREF}' order by PRCID`
      )
    await until(
      async () => {
        const [run] = await stopped()
        return run.STATUS === 'ST'
      },
      {
        patience: PATIENCE,
        describe: stopped,
      }
    )
  })
})

eachKind('Cluster | installations', KINDS, (kind) => {
  test('two with stores of their own on one legacy schema run each slot once', async ({
    assert,
  }) => {
    const { store, warehouse, cluster } = await setup(kind)
    const other = await createStore(kind)
    getActiveTest()?.cleanup(() => other.close())
    const count = scaled(100, 30)
    const logic = 'insert into LEDGER (PRCID, MAPREF, REQUEST) values (:prcid, :mapref, null)'
    const now = await store.storage.now()
    const slot = Math.floor(now / MINUTE) * MINUTE
    for (let index = 0; index < count; index++) {
      const mapref = `A${index}`
      await warehouse.insertFlow({ MAPREF: mapref, DWLOGIC: logic })
      await warehouse.insertSchedule({ MAPREF: mapref, JOBSCHID: index + 1 })
      for (const { storage } of [store, other]) {
        const due = event({
          name: `slots of ${mapref}`,
          handler: 'legacy.flow',
          payload: { source: 'dw', mapref, jobschid: index + 1 },
          trigger: { kind: 'interval', every: MINUTE },
          concurrencyKey: `legacy:dw:${mapref}`,
          maxRuns: 2,
          nextRunAt: slot - MINUTE,
        })
        await storage.events.insert({ now: null, event: due })
      }
    }
    await cluster.startAll(
      [store, other].map(({ target }, index) => ({
        config: config(`installation${index + 1}`),
        store: target,
        warehouse: warehouse.target,
      }))
    )
    const done = async ({ storage }: TestStore) => {
      const { queued = 0, running: held = 0, ...ended } = await storage.executions.countByState()
      const sum = Object.values(ended).reduce<number>((all, each) => all + (each ?? 0), 0)
      return queued + held === 0 && sum >= 2 * count
    }
    await until(async () => (await done(store)) && (await done(other)), {
      patience: PATIENCE,
      describe: () =>
        Promise.all([store, other].map(({ storage }) => storage.executions.countByState())),
    })

    const [here, there] = await Promise.all(
      [store, other].map(({ storage }) => allExecutions(storage))
    )
    const ran = (executions: typeof here) => executions.filter(({ state }) => state === 'succeeded')
    const elsewhere = [...here, ...there].filter(({ state }) => state === 'missed')
    const ledger = await warehouse.rows<{ PRCID: number }>('select PRCID from LEDGER')
    const figures = { here: ran(here).length, there: ran(there).length }
    printFigures('slots', {
      ...figures,
      'ran elsewhere': elsewhere.length,
      'ledger': ledger.length,
    })
    assert.equal(figures.here + figures.there, 2 * count)
    assert.lengthOf(elsewhere, 2 * count)
    assert.isEmpty(elsewhere.filter(({ reason }) => reason !== 'ran elsewhere'))
    assert.lengthOf(ledger, 2 * count)
    for (let index = 0; index < count; index++) {
      for (const each of [slot - MINUTE, slot]) {
        const row = await request(warehouse, scheduledRequestId(index + 1, each))
        assert.equal(row?.STATUS, 'DONE')
      }
    }
  })
})
