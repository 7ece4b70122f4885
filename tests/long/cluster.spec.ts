import { getActiveTest, test } from '@japa/runner'
import { scheduledRequestId } from '../../src/legacy/ids.ts'
import type { AlmanacOptions } from '../../src/types/config.ts'
import type { ExecutionRecord, ExecutionState } from '../../src/types/executions.ts'
import {
  createStore,
  createWarehouse,
  type TestStore,
  type Warehouse,
} from './support/databases.ts'
import { Cluster, until } from './support/cluster.ts'
import type { NodeOptions } from './support/protocol.ts'
import { allExecutions } from './support/reading.ts'
import { event, execution } from './support/records.ts'
import { printFigures, scaled } from './support/scale.ts'

const PATIENCE = 60_000
const MINUTE = 60_000

function config(node: string, more: AlmanacOptions = {}): NodeOptions['config'] {
  return {
    node,
    concurrency: 4,
    prefetch: 4,
    poll: { min: 10, max: 100 },
    lease: { ttl: 3_000, renew: 900 },
    leader: { ttl: 1_500, renew: 400 },
    maxRescues: 100,
    ...more,
  }
}

/** Processes and databases that go with the test. */
async function setup() {
  const store = await createStore()
  const warehouse = await createWarehouse()
  const cluster = new Cluster()
  getActiveTest()?.cleanup(async () => {
    await cluster.close()
    await Promise.all([store.close(), warehouse.close()])
  })
  return { store, warehouse, cluster }
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

/** How many executions are in a state. */
async function countOf(store: TestStore, state: ExecutionState): Promise<number> {
  const counts = await store.storage.executions.countByState()
  return counts[state] ?? 0
}

function hasFailed({ rescues, failures }: ExecutionRecord): boolean {
  return rescues + failures > 0
}

test.group('Cluster | controls', () => {
  test('a STOP row is claimed within one poll while every slot of every node is taken', async ({
    assert,
  }) => {
    const { store, warehouse, cluster } = await setup()
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

test.group('Cluster | installations', () => {
  test('two with stores of their own on one legacy schema run each slot once', async ({
    assert,
  }) => {
    const { store, warehouse, cluster } = await setup()
    const other = await createStore()
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

test.group('Cluster | many at once', () => {
  const count = scaled(500, 50)
  test(`${count} schedules due in one second on four nodes, all on one key`, async ({ assert }) => {
    const { store, cluster } = await setup()
    const nodes = ['n1', 'n2', 'n3', 'n4']
    await cluster.startAll(
      nodes.map((name) => ({ config: config(name), store: { ...store.target, connections: 2 } }))
    )
    const second = Math.ceil((await store.storage.now()) / 1_000) * 1_000 + 3_000
    for (let index = 0; index < count; index++) {
      const due = event({
        name: `event ${index}`,
        handler: 'punctual',
        trigger: { kind: 'interval', every: MINUTE },
        concurrencyKey: 'one',
        maxRuns: 1,
        nextRunAt: second + (index % 10) * 100,
      })
      await store.storage.events.insert({ now: null, event: due })
    }
    const states = () => store.storage.executions.countByState()
    await until(async () => (await countOf(store, 'succeeded')) >= count, {
      patience: PATIENCE,
      describe: states,
    })

    const executions = await allExecutions(store.storage)
    const waits = cluster
      .all('begun')
      .map(({ waited }) => waited)
      .sort((a, b) => a - b)
    const at = (share: number) => waits[Math.floor((waits.length - 1) * share)]
    const waited = { 'p50, ms': at(0.5), 'p99, ms': at(0.99), 'longest, ms': at(1) }
    printFigures('waits from slot to start', { begun: waits.length, ...waited })
    assert.lengthOf(executions, count)
    assert.equal(new Set(executions.map(({ slotKey }) => slotKey)).size, count)
    assert.lengthOf(waits, count)
    assert.isEmpty(executions.filter(({ attempt }) => attempt !== 1))
    assert.isEmpty(cluster.all('problem').filter(({ detail }) => /acquir/i.test(detail)))
  })
})

test.group('Cluster | SIGTERM under load', () => {
  test('begun work ends or goes back, the exit code is 0, the next node goes on', async ({
    assert,
  }) => {
    const { store, cluster } = await setup()
    const deadline = 1_000
    const options = (name: string) => ({
      config: config(name, { shutdown: { deadline }, concurrency: 8 }),
      store: store.target,
    })
    const [first] = await cluster.startAll([options('n1')])
    const short = Array.from({ length: scaled(1_000, 200) }, () =>
      execution({ handler: 'work', payload: { duration: 20 } })
    )
    // Never ends by itself: the deadline aborts it, and it goes back
    const endless = Array.from({ length: 3 }, () => execution({ handler: 'wait', priority: 1 }))
    await store.storage.executions.enqueue({ now: null, executions: [...endless, ...short] })
    const states = () => store.storage.executions.countByState()
    await until(async () => (await countOf(store, 'succeeded')) >= 20, {
      patience: PATIENCE,
      every: 5,
      describe: states,
    })
    const began = performance.now()
    first.kill('SIGTERM')
    const exit = await first.exited
    const took = Math.round(performance.now() - began)
    const after = await states()
    assert.deepEqual(exit, { code: 0, signal: null })
    assert.equal(after.running ?? 0, 0)
    assert.deepEqual(
      first.all('stopped').map(({ running: left }) => left),
      [0]
    )
    // The grace for aborted handlers, and some for a busy machine
    assert.isBelow(took, deadline + 2_000 + 2_000)
    const open = await store.storage.executions.list({ states: ['queued'], limit: 1_000 })
    assert.isEmpty(open.filter(hasFailed))
    assert.includeMembers(
      open.map(({ id }) => id),
      endless.map(({ id }) => id)
    )

    for (const { id } of endless) {
      await store.storage.executions.requestCancel({ now: null, id, reason: 'test' })
    }
    const [second] = await cluster.startAll([options('n2')])
    const working = performance.now()
    const before = await countOf(store, 'succeeded')
    await until(
      async () => (await countOf(store, 'succeeded')) > before || before === short.length,
      {
        patience: PATIENCE,
        every: 5,
        describe: states,
      }
    )
    const gap = Math.round(performance.now() - working)
    await until(async () => (await countOf(store, 'succeeded')) === short.length, {
      patience: PATIENCE,
      describe: states,
    })
    second.kill('SIGTERM')
    assert.deepEqual(await second.exited, { code: 0, signal: null })
    printFigures('drain', {
      'begun and ended by the first': after.succeeded,
      'handed back': after.queued,
      'took, ms': took,
      'next node went on after, ms': gap,
    })
    // No lease had to lapse first
    assert.isBelow(gap, 1_500)
    const runs = await allExecutions(store.storage)
    assert.isEmpty(runs.filter(hasFailed))
  })
})
