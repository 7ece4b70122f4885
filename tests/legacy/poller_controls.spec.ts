import { test } from '@japa/runner'
import { sessionIdOf } from '../../src/legacy/claims.ts'
import type { HandlerContext } from '../../src/types/handlers.ts'
import { legacyGroup } from '../helpers/legacy_group.ts'
import { createLegacyWorld, Gate, type LegacyWorld } from '../helpers/legacy_world.ts'

const BOUND = { handlers: [{ mapref: 'A', handler: 'load' }] }

function stop(world: LegacyWorld, id: string, mapref: string, payload: object = {}): void {
  world.database.insertRequest({
    REQUEST_ID: id,
    MAPREF: mapref,
    REQUEST_TYPE: 'STOP',
    PAYLOAD: JSON.stringify(payload),
  })
}

/** Looks until the STOP has its answer: the node's own round may have taken the row first. */
async function untilAnswered(world: LegacyWorld, control: () => Promise<number>, id: string) {
  for (let looks = 0; looks < 500 && world.request(id).STATUS !== 'DONE'; looks++) {
    await control()
  }
}

/** A handler that ends only when it is told to stop. */
function endless() {
  const called = Promise.withResolvers<HandlerContext>()
  const load = async (context: HandlerContext) => {
    const aborted = new Promise((resolve) => context.signal.addEventListener('abort', resolve))
    called.resolve(context)
    await aborted
    context.signal.throwIfAborted()
  }
  return { load, called: called.promise }
}

legacyGroup('Controls | STOP', () => {
  test('lets the run end as ST while every slot is taken', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.database.insertFlow({ MAPREF: 'A' })
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const { load, called } = endless()
    const node = world.node({ source: BOUND, handlers: { load }, config: { concurrency: 1 } })
    const running = node.run()
    await called
    stop(world, 'T1', 'A', { force: 'Y' })
    await untilAnswered(world, () => node.sources[0].control!(), 'T1')
    await running

    assert.equal(world.runs()[0].STATUS, 'ST')
    assert.containSubset(world.request('R1'), { STATUS: 'FAILED', result: { status: 'ST' } })
    const [execution] = await world.executions()
    assert.equal(execution.state, 'cancelled')
    assert.containSubset(world.request('T1'), {
      STATUS: 'DONE',
      result: { force: true, stopped: [{ execution: execution.id, state: 'running' }] },
    })
  })

  test('cancels a run that has not begun', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    const id = await world.fire('A', Date.UTC(2026, 2, 1), 7)
    stop(world, 'T1', 'A')
    const node = world.node()
    assert.equal(await node.sources[0].control!(), 1)
    assert.containSubset(world.request('T1').result, {
      stopped: [{ execution: id, state: 'queued' }],
    })
    await node.run()
    const [execution] = await world.executions()
    assert.equal(execution.state, 'cancelled')
    assert.isEmpty(world.runs())
  })

  test('leaves no claimed row of a request that waited for its slot', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const node = world.node()
    const [born] = await node.birth(1)
    stop(world, 'T1', 'A')
    await node.sources[0].control!()
    const asked = await world.storage.executions.find(born.id)
    assert.isNotNull(asked?.cancelRequestedAt)
    // Its holder drops it, and whoever looks next ends the request
    await world.rescue()
    await node.adapter.recover()
    assert.containSubset(world.request('R1'), { STATUS: 'FAILED', result: { status: 'ST' } })
    assert.isEmpty(world.runs())
  })

  test('means the run of a day, or the newest', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.database.insertFlow({ MAPREF: 'A' })
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const { load, called } = endless()
    const node = world.node({ source: BOUND, handlers: { load } })
    const running = node.run()
    await called
    await world.clock.advance(300)
    stop(world, 'T1', 'A', { start_timestamp: '2025-12-31T06:00:00' })
    await untilAnswered(world, () => node.sources[0].control!(), 'T1')
    assert.match(
      String(world.request('T1').result.message),
      /nothing of MAPREF "A" that started on 2025-12-31 runs/
    )
    assert.equal(world.runs()[0].STATUS, 'IP')

    // The manual clock stands on the first day of 2026
    stop(world, 'T2', 'A', { start_timestamp: '2026-01-01' })
    await untilAnswered(world, () => node.sources[0].control!(), 'T2')
    await running
    assert.equal(world.runs()[0].STATUS, 'ST')
  })

  test('waits with its answer for the end of the run, unless it is forced', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.database.insertFlow({ MAPREF: 'A' })
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const gate = new Gate()
    const node = world.node({ source: BOUND, handlers: { load: gate.handle } })
    const running = node.run()
    await gate.called
    const control = () => node.sources[0].control!()
    stop(world, 'T1', 'A')
    await control()
    await control()
    assert.equal(world.request('T1').STATUS, 'CLAIMED')
    // Recovery knows that it is on its way
    await node.adapter.recover()
    assert.equal(world.request('T1').STATUS, 'CLAIMED')
    gate.fail(new Error('interrupted'))
    await running
    await untilAnswered(world, control, 'T1')
    const [run] = world.runs()
    assert.containSubset(run, { STATUS: 'ST', MSG: 'stopped by request T1' })
    assert.isNotNull(run.ENDDT)
    assert.containSubset(world.request('T1').result, {
      message: '1 run(s) ended',
      force: false,
      stopped: [{ state: 'running', outcome: 'cancelled', status: 'ST', prcid: run.PRCID }],
    })
  })

  test('is answered at last, also where the run does not end', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.database.insertFlow({ MAPREF: 'A' })
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const gate = new Gate()
    const node = world.node({ source: BOUND, handlers: { load: gate.handle } })
    const running = node.run()
    await gate.called
    const control = () => node.sources[0].control!()
    stop(world, 'T1', 'A')
    await control()
    // The leases are renewed meanwhile
    await world.clock.advance(60_000)
    await untilAnswered(world, control, 'T1')
    assert.match(
      String(world.request('T1').result.message),
      /1 had not ended when this was answered/
    )
    stop(world, 'T2', 'A')
    await control()
    await node.sources[0].stop!()
    assert.match(
      String(world.request('T2').result.message),
      /1 had not ended when this was answered/
    )
    gate.open()
    await running
  })

  test('by force closes the row of a handler that does not listen, and keeps its MAPREF', async ({
    assert,
  }) => {
    const world = await createLegacyWorld()
    world.database.insertFlow({ MAPREF: 'A' })
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const gate = new Gate()
    const node = world.node({
      source: { ...BOUND, stopGrace: 3_000 },
      handlers: { load: gate.handle },
    })
    const running = node.run()
    await gate.called
    const control = () => node.sources[0].control!()
    stop(world, 'T1', 'A', { force: 'Y' })
    await untilAnswered(world, control, 'T1')
    assert.containSubset(world.request('T1').result, {
      force: true,
      stopped: [{ state: 'running' }],
    })
    await world.clock.advance(2_900)
    assert.equal(world.runs()[0].STATUS, 'IP')
    await world.clock.advance(100)
    assert.containSubset(world.runs()[0], {
      STATUS: 'ST',
      MSG: 'stopped by request T1 (force); its handler had not ended 3000 ms later',
    })
    assert.equal(world.request('R1').STATUS, 'FAILED')
    const [execution] = await world.executions()
    assert.equal(execution.state, 'running')
    world.database.insertRequest({ REQUEST_ID: 'R2', MAPREF: 'A' })
    await world.node({ name: 'n2', source: BOUND, handlers: { load: gate.handle } }).run()
    assert.lengthOf(world.runs(), 1)
    gate.open({ sourceRows: 1 })
    await running
    assert.include(await world.storage.executions.find(execution.id), { state: 'cancelled' })
    assert.lengthOf(
      world.runs().filter(({ PRCID }) => PRCID === world.runs()[0].PRCID),
      1
    )
    assert.equal(world.runs()[0].STATUS, 'ST')
  })

  test('by force closes the request that does not listen, and keeps its MAPREF: {type}')
    .with([
      { type: 'FILE_UPLOAD', payload: {}, grace: 3_000, runs: [] },
      { type: 'REPORT', payload: { reportId: 'R' }, grace: 3_000, runs: [] },
      {
        type: 'HISTORY',
        payload: { start_date: '2025-01-01', end_date: '2025-01-03' },
        // The row of its day comes first
        grace: 4_000,
        runs: ['ST'],
      },
    ])
    .run(async ({ assert }, { type, payload, grace, runs }) => {
      const world = await createLegacyWorld()
      world.database.insertFlow({ MAPREF: 'A' })
      const PAYLOAD = JSON.stringify(payload)
      world.database.insertRequest({
        ...{ REQUEST_ID: 'R1', MAPREF: 'A', REQUEST_TYPE: type, PAYLOAD },
      })
      const gate = new Gate()
      const deaf = async () => {
        await gate.handle({} as HandlerContext)
        throw new Error('too late')
      }
      const node = world.node({
        source: {
          ...BOUND,
          stopGrace: 3_000,
          requestTypes: { FILE_UPLOAD: 'load' },
          reports: { disk: 'deaf', define: { R: { sql: 'select 1 as N' } } },
        },
        handlers: { load: gate.handle },
        host: {
          disk: async () => ({ putStream: deaf, delete: async () => {} }) as never,
          sender: async () => null,
        },
      })
      const running = node.run()
      await gate.called
      stop(world, 'T1', 'A', { force: 'Y' })
      await untilAnswered(world, () => node.sources[0].control!(), 'T1')
      await world.clock.advance(grace - 100)
      assert.equal(world.request('R1').STATUS, 'CLAIMED')
      await world.clock.advance(100)
      const { STATUS, result } = world.request('R1')
      assert.equal(STATUS, 'FAILED')
      const message = `stopped by request T1 (force); its handler had not ended ${grace} ms later`
      assert.containSubset(result, { status: 'ST', message })
      assert.deepEqual(
        world.runs().map((run) => run.STATUS),
        runs
      )
      const [execution] = await world.executions()
      assert.equal(execution.state, 'running')

      gate.open({ rows: 1 })
      await running
      assert.include(await world.storage.executions.find(execution.id), { state: 'cancelled' })
      assert.deepEqual(world.request('R1').result, result)
    })

  test('closes what a dead node has left in progress', async ({ assert }) => {
    const world = await createLegacyWorld()
    const node = world.node()
    const dead = sessionIdOf(`${node.nodeId.split('.')[0]}.0badc0de`)
    const STRTDT = '2025-12-31 23:00:00'
    const left = { MAPREF: 'A', STATUS: 'IP', SESSIONID: dead, STRTDT }
    world.database.insert('DWPRCLOG', { PRCID: 9, ...left })
    world.database.insert('DWPRCLOG', { PRCID: 8, ...left, MAPREF: 'B' })
    // Another scheduler's, too old to run
    const old = { ...left, SESSIONID: 5, STRTDT: '2020-01-01 00:00:00' }
    world.database.insert('DWPRCLOG', { PRCID: 7, ...old })
    stop(world, 'T1', 'A')
    await node.run()
    assert.containSubset(world.request('T1'), { STATUS: 'DONE' })
    assert.containSubset(world.request('T1').result, {
      message: 'nothing of MAPREF "A" ran any more; closed what was left in progress: 7, 9',
      stopped: [
        { prcid: 7, status: 'ST' },
        { prcid: 9, status: 'ST' },
      ],
    })
    const [first, other, last] = world.runs()
    const closed = { STATUS: 'ST', MSG: 'stopped by request T1; nothing ran any more' }
    assert.containSubset([first, last], [closed, closed])
    assert.isNotNull(last.ENDDT)
    assert.equal(other.STATUS, 'IP')
  })

  test('is done, and says so, when nothing runs', async ({ assert }) => {
    const world = await createLegacyWorld()
    const SESSIONID = 5
    const STRTDT = new Date().toISOString().replace('T', ' ').replace('Z', '')
    world.database.insert('DWPRCLOG', { PRCID: 9, MAPREF: 'B', STATUS: 'IP', SESSIONID, STRTDT })
    stop(world, 'T1', 'A')
    stop(world, 'T2', 'B')
    await world.node().run()
    assert.containSubset(world.request('T1'), {
      STATUS: 'DONE',
      result: { message: 'nothing of MAPREF "A" runs', stopped: [] },
    })
    assert.match(
      String(world.request('T2').result.message),
      /run 9 of another scheduler .* it was left alone/
    )
    assert.equal(world.runs()[0].STATUS, 'IP')
  })

  test('is refused by itself when it cannot be read', async ({ assert }) => {
    const world = await createLegacyWorld()
    stop(world, 'T1', 'A', { start_timestamp: 'soon' })
    stop(world, 'T2', 'A')
    await world.node().run()
    assert.containSubset(world.request('T1'), { STATUS: 'FAILED' })
    assert.match(String(world.request('T1').result.message), /"soon" is not a date/)
    assert.equal(world.request('T2').STATUS, 'DONE')
  })
})

legacyGroup('Controls | REFRESH_SCHEDULE', () => {
  function refresh(world: LegacyWorld, type = 'REFRESH_SCHEDULE'): void {
    world.database.insertRequest({ REQUEST_ID: 'F1', MAPREF: 'ALL', REQUEST_TYPE: type })
  }

  test('reads the schedules now and tells the counts', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.database.insertSchedule({ MAPREF: 'A' })
    world.database.insertSchedule({ MAPREF: 'B' })
    refresh(world)
    const node = world.node()
    await node.run()
    assert.deepEqual(
      node.synced.map((definitions) => definitions.map(({ key }) => key)),
      [['A', 'B']]
    )
    assert.containSubset(world.request('F1'), {
      STATUS: 'DONE',
      result: { added: 2, changed: 0, removed: 0, unchanged: 0, problems: [] },
    })
  })

  test('in another letter case is handled as well', async ({ assert }) => {
    const world = await createLegacyWorld()
    refresh(world, 'refresh_schedule')
    const node = world.node()
    await node.run()
    assert.lengthOf(node.synced, 1)
    assert.equal(world.request('F1').STATUS, 'DONE')
  })

  test('waits in the table while a database is away', async ({ assert }) => {
    const world = await createLegacyWorld()
    refresh(world)
    const node = world.node()
    const { syncSource } = node
    node.syncSource = async () => {
      throw Object.assign(new Error('away'), { code: 'ECONNREFUSED' })
    }
    await assert.rejects(() => node.run(), /away/)
    assert.containSubset(world.request('F1'), { STATUS: 'NEW', CLAIMED_BY: null })
    node.syncSource = syncSource
    await node.run()
    assert.equal(world.request('F1').STATUS, 'DONE')
  })

  test('says why it failed', async ({ assert }) => {
    const world = await createLegacyWorld()
    refresh(world)
    const node = world.node()
    node.syncSource = async () => {
      throw new Error('two nodes at once')
    }
    await node.run()
    assert.containSubset(world.request('F1'), {
      STATUS: 'FAILED',
      result: { message: 'two nodes at once' },
    })
  })

  test('comes after STOP', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.database.insertFlow({ MAPREF: 'A' })
    const gate = new Gate()
    refresh(world)
    stop(world, 'T1', 'A')
    const node = world.node({ source: BOUND, handlers: { load: gate.handle } })
    const order: string[] = []
    node.syncSource = async (_source, definitions) => {
      order.push(world.request('T1').STATUS)
      return { added: definitions, changed: [], removed: [], unchanged: 0, problems: [] }
    }
    await node.run()
    assert.deepEqual(order, ['DONE'])
  })
})
