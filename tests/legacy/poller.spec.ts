import { test } from '@japa/runner'
import type { Seats } from '../../src/types/work_source.ts'
import { sessionIdOf } from '../../src/legacy/claims.ts'
import { ChaosStorage } from '../../src/testing/chaos_storage.ts'
import { legacyGroup } from '../helpers/legacy_group.ts'
import { createLegacyWorld, Gate } from '../helpers/legacy_world.ts'

const HOUR = 3_600_000

/** A wall clock of the legacy columns, in UTC. */
function wall(instant: number): string {
  return new Date(instant).toISOString().replace('T', ' ').replace('Z', '')
}

legacyGroup('Request poller', () => {
  test('runs a request and writes its end back', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('DIM_A')
    world.database.insertRequest({
      REQUEST_ID: 'R1',
      MAPREF: 'DIM_A',
      PAYLOAD: JSON.stringify({ params: { PARAM1: 'x' } }),
    })
    const node = world.node()
    assert.equal(await node.run(), 1)

    const [run] = world.runs()
    assert.containSubset(run, { MAPREF: 'DIM_A', STATUS: 'PC', PARAM1: 'x', MSG: null })
    assert.equal(run.SESSIONID, sessionIdOf(node.nodeId))
    assert.isNotNull(run.ENDDT)
    assert.deepEqual(world.ledger(), [{ PRCID: run.PRCID, MAPREF: 'DIM_A', NOTE: 'x' }])
    const request = world.request('R1')
    assert.equal(request.STATUS, 'DONE')
    assert.containSubset(request.result, { status: 'PC', prcid: run.PRCID, target_rows: 1 })
    const [execution] = await world.executions()
    assert.containSubset(execution, { state: 'succeeded', origin: 'request', attempt: 1 })
    assert.containSubset(execution.result, { status: 'PC', prcid: run.PRCID })
  })

  test('refuses every bad row by itself and runs the others', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('GOOD')
    world.database.insertFlow({ MAPREF: 'PLSQL', DWLOGIC: 'begin null; end;' })
    world.database.insertFlow({ MAPREF: 'INACTIVE', STFLG: 'I' })
    world.database.insertFlow({ MAPREF: 'TWICE' })
    world.database.insertFlow({ MAPREF: 'TWICE' })
    const bad: [id: string, row: Record<string, string>, reason: RegExp][] = [
      ['B1', { REQUEST_TYPE: 'LAUNCH', MAPREF: 'GOOD' }, /REQUEST_TYPE "LAUNCH" is unknown/],
      ['B2', { PAYLOAD: '{"param1":', MAPREF: 'X' }, /PAYLOAD is not JSON/],
      ['B3', { PAYLOAD: '[]', MAPREF: 'X' }, /PAYLOAD is an array/],
      ['B4', { PAYLOAD: `{"a":"${'x'.repeat(3_000)}"}`, MAPREF: 'X' }, /more than the 2000 bytes/],
      ['B5', { MAPREF: 'NOWHERE' }, /"NOWHERE": the MAPREF is unknown/],
      ['B6', { MAPREF: 'INACTIVE' }, /"INACTIVE": .*active/],
      ['B7', { MAPREF: 'PLSQL' }, /"PLSQL": .*runner/],
      ['B8', { REQUEST_TYPE: 'HISTORY', PAYLOAD: '{"start_date":"soon"}' }, /"soon" is not a date/],
      ['B9', { REQUEST_TYPE: 'REPORT', MAPREF: 'GOOD' }, /reportId is not given/],
      ['C1', { MAPREF: 'TWICE' }, /"TWICE": .*2 active rows/],
    ]
    for (const [REQUEST_ID, row] of bad) {
      world.database.insertRequest({ MAPREF: 'GOOD', ...row, REQUEST_ID })
    }
    world.database.insertRequest({ REQUEST_ID: 'Z', MAPREF: 'GOOD' })
    const node = world.node({ source: { maxPayload: 2_000 } })
    await node.run()

    for (const [id, , reason] of bad) {
      const { STATUS, result } = world.request(id)
      assert.equal(STATUS, 'FAILED', id)
      assert.match(String(result.message), reason)
    }
    assert.equal(world.request('Z').STATUS, 'DONE')
    assert.lengthOf(world.runs(), 1)
    assert.equal(node.counters.get('legacy.refused'), bad.length)
  })

  test('runs one request of a MAPREF at a time, in their order', async ({ assert }) => {
    const world = await createLegacyWorld()
    for (const mapref of ['A', 'B']) {
      world.ledgerFlow(mapref)
      for (let index = 0; index < 5; index++) {
        world.database.insertRequest({
          REQUEST_ID: `${mapref}${index}`,
          MAPREF: mapref,
          PAYLOAD: JSON.stringify({ param1: String(index) }),
          REQUESTED_AT: wall(Date.UTC(2026, 0, 1, 0, 0, index)),
        })
      }
    }
    await world.node().run()

    const notes = (mapref: string) =>
      world
        .ledger()
        .filter(({ MAPREF }) => MAPREF === mapref)
        .map(({ NOTE }) => NOTE)
    assert.deepEqual(notes('A'), ['0', '1', '2', '3', '4'])
    assert.deepEqual(notes('B'), ['0', '1', '2', '3', '4'])
  })

  test('gives a row back whose MAPREF is taken, and asks again when that run is over', async ({
    assert,
  }) => {
    const world = await createLegacyWorld()
    const gate = new Gate()
    world.database.insertFlow({ MAPREF: 'A' })
    // A run that leaves no row in the request table: only its concurrency key tells
    await world.fire('A', null)
    const node = world.node({
      source: { slotGuard: false, handlers: [{ mapref: 'A', handler: 'wait' }] },
      handlers: { wait: gate.handle },
    })
    const first = node.run()
    await gate.called
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const other = world.node({ name: 'n2' })
    await other.run()
    assert.containSubset(world.request('R1'), { STATUS: 'NEW', CLAIMED_BY: null })

    gate.open()
    await first
    assert.equal(world.request('R1').STATUS, 'DONE')
    assert.deepEqual(
      world.runs().map(({ STATUS }) => STATUS),
      ['PC', 'PC']
    )
  })

  test('asks again when the request is over that had the MAPREF: {type}')
    .with([
      { type: 'FILE_UPLOAD', payload: {} },
      { type: 'HISTORY', payload: { start_date: '2025-01-01', end_date: '2025-01-08' } },
    ])
    .run(async ({ assert }, { type, payload }) => {
      const world = await createLegacyWorld()
      const gate = new Gate()
      world.database.insertFlow({ MAPREF: 'A' })
      const row = { MAPREF: 'A', REQUEST_TYPE: type, PAYLOAD: JSON.stringify(payload) }
      world.database.insertRequest({ REQUEST_ID: 'R1', ...row })
      const node = world.node({
        source: {
          requestTypes: { FILE_UPLOAD: 'wait' },
          handlers: [{ mapref: 'A', handler: 'wait' }],
        },
        handlers: { wait: gate.handle },
      })
      const first = node.run()
      await gate.called
      world.database.insertRequest({ REQUEST_ID: 'R2', MAPREF: 'A' })
      let asked = 0
      const isOver = () => world.request('R1').STATUS !== 'CLAIMED'
      const refuse: Seats['run'] = async (births) => {
        if (isOver()) {
          return births.map(() => ({ accepted: false, conflict: 'stopped', executionId: null }))
        }
        asked += births.length
        return births.map(() => ({ accepted: false, conflict: 'concurrency', executionId: '' }))
      }
      const [source] = node.sources
      await source.pull({ count: 5, run: refuse })
      gate.open()
      // Also between two days of a load, where nothing of it runs
      while (!isOver()) {
        await source.pull({ count: 5, run: refuse })
      }
      await first
      assert.isAtMost(asked, 1)
      await node.run()
      assert.equal(world.request('R1').STATUS, 'DONE')
      assert.equal(world.request('R2').STATUS, 'DONE')
    })

  test('hands requests back on drain that never began', async ({ assert }) => {
    const world = await createLegacyWorld()
    const gate = new Gate()
    world.database.insertFlow({ MAPREF: 'SLOW' })
    world.ledgerFlow('A')
    world.ledgerFlow('B')
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'SLOW' })
    const node = world.node({
      source: { handlers: [{ mapref: 'SLOW', handler: 'wait' }] },
      handlers: { wait: gate.handle },
      config: { concurrency: 1, prefetch: 4 },
    })
    const running = node.run()
    await gate.called
    const source = node.sources[0]
    world.database.insertRequest({ REQUEST_ID: 'R2', MAPREF: 'A' })
    world.database.insertRequest({ REQUEST_ID: 'R3', MAPREF: 'B' })
    const born = await node.birth(2)
    assert.lengthOf(born, 2)
    assert.equal(world.request('R2').STATUS, 'CLAIMED')
    // Somebody else has ended this one by hand: it is not ours to give back
    world.database.execute(`update DWPRCREQ set STATUS = 'FAILED' where REQUEST_ID = 'R3'`)

    const returned = await source.handBack!(born)
    assert.deepEqual(
      returned.map(({ id }) => id),
      [born[0].id]
    )
    assert.containSubset(world.request('R2'), { STATUS: 'NEW', CLAIMED_BY: null })
    assert.equal(world.request('R3').STATUS, 'FAILED')
    gate.open()
    await running
  })

  test('gives all rows back when its own store is away', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    world.ledgerFlow('B')
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    world.database.insertRequest({ REQUEST_ID: 'R2', MAPREF: 'B' })
    const storage = new ChaosStorage(world.storage)
    const node = world.node({ storage })
    storage.fail('executions.insertRunning', { times: 1 })
    await assert.rejects(() => node.run())
    assert.deepEqual(
      world.requests().map(({ STATUS }) => STATUS),
      ['NEW', 'NEW']
    )

    await node.run()
    assert.deepEqual(
      world.requests().map(({ STATUS }) => STATUS),
      ['DONE', 'DONE']
    )
  })

  test('runs once when the answer of its own store is lost', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const storage = new ChaosStorage(world.storage)
    const node = world.node({ storage })
    storage.fail('executions.insertRunning', { moment: 'after' })
    await assert.rejects(() => node.run())
    assert.equal(world.request('R1').STATUS, 'NEW')
    // What was stored holds the key until its lease lapses
    await node.run()
    assert.equal(world.request('R1').STATUS, 'NEW')

    await world.rescue()
    await node.run()
    await world.clock.advance(1_000)
    await node.run()
    assert.equal(world.request('R1').STATUS, 'DONE')
    assert.lengthOf(world.ledger(), 1)
    const states = await world.executions()
    assert.sameMembers(
      states.map(({ state }) => state),
      ['cancelled', 'succeeded']
    )
  })

  test('refuses the one row of a batch that its own store refuses', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    world.ledgerFlow('B')
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const PAYLOAD = JSON.stringify({ param1: 'x'.repeat(2_000) })
    world.database.insertRequest({ REQUEST_ID: 'R2', MAPREF: 'B', PAYLOAD })
    await world.node({ config: { maxPayload: 1_500 } }).run()
    assert.equal(world.request('R1').STATUS, 'DONE')
    assert.containSubset(world.request('R2'), { STATUS: 'FAILED' })
    assert.match(String(world.request('R2').result.message), /cannot be run: payload has/)
  })

  test('leaves a MAPREF alone that another scheduler has in progress', async ({ assert }) => {
    const world = await createLegacyWorld()
    const now = Date.now()
    const foreign = (PRCID: number, MAPREF: string, at: number, SESSIONID: number | null) =>
      world.database.insert('DWPRCLOG', {
        PRCID,
        MAPREF,
        STATUS: 'IP',
        STRTDT: wall(at),
        SESSIONID,
      })
    const node = world.node()
    foreign(1, 'RUNNING', now - HOUR, 4_711)
    foreign(2, 'DEAD', now - 25 * HOUR, 4_711)
    foreign(3, 'OURS', now - HOUR, sessionIdOf(`n1.ffffffff`))
    for (const mapref of ['RUNNING', 'DEAD', 'OURS']) {
      world.ledgerFlow(mapref)
      world.database.insertRequest({ REQUEST_ID: mapref, MAPREF: mapref })
    }
    await node.run()
    assert.equal(world.request('RUNNING').STATUS, 'NEW')
    assert.equal(world.request('DEAD').STATUS, 'DONE')
    assert.equal(world.request('OURS').STATUS, 'DONE')

    world.database.execute(`update DWPRCLOG set STATUS = 'PC' where PRCID = 1`)
    await world.clock.advance(1_000)
    await node.run()
    assert.equal(world.request('RUNNING').STATUS, 'DONE')
  })

  test('goes on when the legacy database is back', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const node = world.node()
    node.down = true
    await assert.rejects(() => node.run(), /ECONNREFUSED/)
    assert.isFalse(node.adapter.status().open)
    node.down = false
    await node.run()
    assert.equal(world.request('R1').STATUS, 'DONE')
  })

  test('does nothing where there is no request table', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.database.execute('drop table DWPRCREQ')
    const node = world.node()
    assert.equal(await node.run(), 0)
    assert.isNotEmpty(node.adapter.status().notes)
  })
})
