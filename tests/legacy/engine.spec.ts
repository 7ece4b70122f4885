import { test } from '@japa/runner'
import type { LegacyFlowContext } from '../../src/legacy/main.ts'
import type { HandlerContext, HandlerFunction } from '../../src/types/handlers.ts'
import { charactersThatFit, legacyGroup } from '../helpers/legacy_group.ts'
import { createLegacyWorld, type LegacyWorld } from '../helpers/legacy_world.ts'

const SLOT = Date.UTC(2026, 2, 1, 6, 0)

async function only(world: LegacyWorld) {
  const executions = await world.executions()
  if (executions.length !== 1) {
    throw new Error(`${executions.length} executions`)
  }
  return executions[0]
}

legacyGroup('Engine | scheduled runs', () => {
  test('leaves a row of its slot, born claimed, and keeps the run times', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('DIM_A')
    const jobschid = world.database.insertSchedule({ MAPREF: 'DIM_A' })
    await world.fire('DIM_A', SLOT, jobschid)
    await world.node().run()

    const [run] = world.runs()
    const row = world.request(`S:${jobschid}:202603010600`)
    const execution = await only(world)
    assert.containSubset(row, { STATUS: 'DONE', MAPREF: 'DIM_A', REQUEST_TYPE: 'IMMEDIATE' })
    assert.deepEqual(JSON.parse(row.PAYLOAD!), {
      source: 'schedule',
      jobschid,
      execution: execution.id,
    })
    assert.containSubset(row.result, { status: 'PC', prcid: run.PRCID })
    assert.containSubset(execution, { state: 'succeeded', checkpoint: { prcid: run.PRCID } })
    const [schedule] = world.database.rows(`select * from DWJOBSCH where JOBSCHID = ${jobschid}`)
    assert.isNotNull(schedule.LST_RUN_DT)
    assert.match(String(schedule.NXT_RUN_DT), / 06:00:00/)
  })

  test('belongs to the version of the schedule that is current when it runs', async ({
    assert,
  }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    world.database.insertSchedule({ JOBSCHID: 5, MAPREF: 'A', CURFLG: 'N' })
    world.database.insertSchedule({ JOBSCHID: 6, MAPREF: 'A' })
    await world.fire('A', SLOT, 5)
    await world.node().run()
    assert.equal(world.request('S:6:202603010600').STATUS, 'DONE')
  })

  test('is missed when another installation has the slot', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    world.database.insertRequest({
      REQUEST_ID: 'S:7:202603010600',
      MAPREF: 'A',
      STATUS: 'DONE',
      CLAIMED_BY: 'other',
    })
    await world.fire('A', SLOT, 7)
    await world.node().run()
    assert.containSubset(await only(world), { state: 'missed', reason: 'ran elsewhere' })
    assert.isEmpty(world.runs())
    assert.isEmpty(world.ledger())
    assert.equal(world.request('S:7:202603010600').STATUS, 'DONE')
  })

  test('by hand has a row of its own, and takes params', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    const id = await world.fire('A', null, 7, { params: { Param1: 5 } })
    await world.node().run()
    assert.equal(world.request(`M:${id}`).STATUS, 'DONE')
    assert.equal(world.ledger()[0].NOTE, '5')
  })

  test('leaves no row where config says so, or where there is no table', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    await world.fire('A', SLOT, 7)
    await world.node({ source: { slotGuard: false } }).run()
    assert.isEmpty(world.requests())

    world.database.execute('drop table DWPRCREQ')
    await world.fire('A', SLOT + 60_000, 7)
    await world.node().run()
    assert.deepEqual(
      world.runs().map(({ STATUS }) => STATUS),
      ['PC', 'PC']
    )
  })

  test('without a flow fails, and its row says why', async ({ assert }) => {
    const world = await createLegacyWorld()
    await world.fire('A', SLOT, 7)
    await world.node().run()
    const row = world.request('S:7:202603010600')
    assert.equal(row.STATUS, 'FAILED')
    assert.match(String(row.result.message), /MAPREF "A"/)
    assert.notProperty(row.result, 'prcid')
    assert.containSubset(await only(world), { state: 'failed' })
    assert.isEmpty(world.runs())
  })

  test('waits while another scheduler has the MAPREF in progress', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    const STRTDT = new Date().toISOString().replace('T', ' ').replace('Z', '')
    world.database.insert('DWPRCLOG', { PRCID: 1, MAPREF: 'A', STATUS: 'IP', STRTDT })
    await world.fire('A', SLOT, 7)
    const node = world.node()
    await node.run()
    const waiting = await only(world)
    assert.containSubset(waiting, { state: 'queued', failures: 0 })
    assert.match(String(waiting.reason), /run 1 of another scheduler/)

    world.database.execute(`update DWPRCLOG set STATUS = 'PC'`)
    await world.clock.advance(1_000)
    await node.run()
    assert.containSubset(await only(world), { state: 'succeeded' })
  })

  test('of a source that this node does not have fails and says so', async ({ assert }) => {
    const world = await createLegacyWorld()
    await world.fire('A', SLOT, 7, { source: 'gone' })
    await world.node().run()
    const [execution] = await world.executions()
    assert.match(execution.error!.message, /Legacy source "gone" is not in/)
  })

  test('by hand may bring nothing but parameters', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    world.database.insertSchedule({ JOBSCHID: 9, MAPREF: 'A' })
    const nothing = { source: null, mapref: null, jobschid: null }
    await world.fire('A', null, 7, { ...nothing, param1: 'x' })
    await world.fire('A', null, 7, { ...nothing, params: { param1: 'y' } })
    await world.node().run()
    const notes = world.ledger().map(({ NOTE }) => NOTE)
    assert.sameMembers(notes, ['x', 'y'])
    const payloads = world.requests().map(({ PAYLOAD }) => JSON.parse(PAYLOAD!))
    assert.isTrue(payloads.every(({ jobschid }) => jobschid === 9))
  })

  test('that names no source at all fails and says so', async ({ assert }) => {
    const world = await createLegacyWorld()
    await world.fire('A', null, 7, { source: null }, 'some other key')
    await world.node().run()
    const [execution] = await world.executions()
    assert.match(execution.error!.message, /names no source and MAPREF/)
  })
})

legacyGroup('Engine | the guard before a run', () => {
  test('a request that is no longer its claim is not run', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const node = world.node()
    node.onTransaction = () => {
      world.database.execute(`update DWPRCREQ set STATUS = 'NEW', CLAIMED_BY = null`)
      node.onTransaction = () => {}
    }
    await node.birthAndRun()
    const execution = await only(world)
    assert.equal(execution.state, 'cancelled')
    assert.match(execution.reason!, /"R1" is no longer claimed by/)
    assert.isEmpty(world.runs())
    assert.equal(world.request('R1').STATUS, 'NEW')
  })

  test('a flow that is gone by then fails the request alone', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const node = world.node()
    await node.birthAndRun(() => world.database.execute('delete from DWJOBFLW'))
    assert.equal(world.request('R1').STATUS, 'FAILED')
    assert.isEmpty(world.runs())
    assert.containSubset(await only(world), { state: 'failed' })
  })

  test('a cancel that comes before the beginning leaves no run', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    const id = await world.fire('A', SLOT, 7)
    const node = world.node()
    await node.adapter.sync()
    node.onTransaction = async () => {
      node.onTransaction = () => {}
      await node.cancel(id, { reason: 'enough', by: 'test' })
    }
    await node.run()
    assert.isEmpty(world.runs())
    assert.containSubset(world.request('S:7:202603010600'), {
      STATUS: 'FAILED',
      result: { status: 'ST', message: 'stopped before it began' },
    })
    assert.containSubset(await only(world), { state: 'cancelled' })
  })

  test('a shutdown that comes before the beginning hands the run back', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    await world.fire('A', SLOT, 7)
    const node = world.node()
    await node.adapter.sync()
    const stopping = Promise.withResolvers<void>()
    let stopped: Promise<void> | null = null
    node.onTransaction = async () => {
      node.onTransaction = () => {}
      stopped = node.jobs.stop({ deadline: 0 })
      stopping.resolve()
      await world.clock.advance(10)
    }
    await node.jobs.start()
    await stopping.promise
    await world.clock.advance(1_000)
    await stopped
    assert.isEmpty(world.runs())
    assert.isEmpty(world.requests())
    assert.containSubset(await only(world), { state: 'queued', failures: 0 })
  })

  test('a PRCID that another run has is replaced', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    world.database.setPool('DWPRCLOGSEQ', 100)
    for (let PRCID = 101; PRCID <= 103; PRCID++) {
      world.database.insert('DWPRCLOG', { PRCID, MAPREF: 'OTHER', STATUS: 'PC' })
    }
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const node = world.node()
    await node.run()
    assert.equal(world.request('R1').STATUS, 'DONE')
    assert.deepEqual(
      world.ledger().map(({ PRCID }) => PRCID),
      [104]
    )
    assert.isNotEmpty(node.logger.messages('error').filter((text) => /is taken/.test(text)))
  })
})

legacyGroup('Engine | failures', (kind) => {
  test('a flow that fails leaves FL, its error, and none of its effects', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A', '; insert into NOWHERE values (1)')
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    await world.node().run()

    const [run] = world.runs()
    assert.equal(run.STATUS, 'FL')
    assert.match(run.MSG!, /NOWHERE/i)
    assert.isEmpty(world.ledger())
    const [error] = world.database.rows('select * from DWJOBERR')
    assert.containSubset(error, { PRCID: run.PRCID, MAPREF: 'A', ERRTYP: 'ERROR' })
    assert.match(String(error.DBERRMSG), /NOWHERE/i)
    assert.isEmpty(world.database.rows('select * from DWJOBLOG'))
    const request = world.request('R1')
    assert.equal(request.STATUS, 'FAILED')
    assert.containSubset(request.result, { status: 'FL', prcid: run.PRCID })
    assert.containSubset(await only(world), { state: 'failed', failures: 1 })
  })

  test('a message of any length fits its column', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.database.insertFlow({ MAPREF: 'A' })
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const fail = () => {
      throw new Error('ü'.repeat(5_000))
    }
    const source = { handlers: [{ mapref: 'A', handler: 'fail' }] }
    await world.node({ source, handlers: { fail } }).run()
    const [run] = world.runs()
    assert.equal(run.STATUS, 'FL')
    assert.equal(run.MSG, 'ü'.repeat(charactersThatFit(kind, 400, 2)))
  })

  test('a timeout ends as FL and as timed out', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.database.insertFlow({ MAPREF: 'A' })
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const called = Promise.withResolvers<void>()
    const hang = async ({ signal }: HandlerContext) => {
      const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve))
      called.resolve()
      await aborted
      throw new Error('gave up')
    }
    const source = { handlers: [{ mapref: 'A', handler: 'hang' }] }
    const node = world.node({ source, handlers: { hang }, config: { timeout: 5_000 } })
    const running = node.run()
    await called.promise
    await world.clock.advance(5_000)
    await running
    const [run] = world.runs()
    assert.equal(run.STATUS, 'FL')
    assert.match(run.MSG!, /timed out after 5000 ms/)
    assert.equal(world.request('R1').STATUS, 'FAILED')
    assert.containSubset(await only(world), { state: 'timed_out' })
  })

  test('a cancelled run ends as ST', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.database.insertFlow({ MAPREF: 'A' })
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const called = Promise.withResolvers<HandlerContext>()
    const hang = async (context: HandlerContext) => {
      const aborted = new Promise((resolve) => context.signal.addEventListener('abort', resolve))
      called.resolve(context)
      await aborted
      throw new Error('stopped')
    }
    const source = { handlers: [{ mapref: 'A', handler: 'hang' }] }
    const node = world.node({ source, handlers: { hang } })
    const running = node.run()
    const { execution } = await called.promise
    await node.cancel(execution.id, { reason: 'enough', by: 'test' })
    await running
    assert.equal(world.runs()[0].STATUS, 'ST')
    assert.containSubset(world.request('R1'), { STATUS: 'FAILED', result: { status: 'ST' } })
    assert.isEmpty(world.database.rows('select * from DWJOBERR'))
    assert.containSubset(await only(world), { state: 'cancelled' })
  })

  test('whoever has lost the lease writes nothing', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.database.insertFlow({ MAPREF: 'A' })
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const taken = async ({ execution, saveCheckpoint }: HandlerContext) => {
      const now = world.clock.now() + 120_000
      const expired = await world.storage.executions.listExpired({ now, limit: 10 })
      await world.storage.executions.rescueExpired({ now, expired, maxRescues: 5 })
      await saveCheckpoint(execution.id)
    }
    const source = { handlers: [{ mapref: 'A', handler: 'taken' }] }
    const node = world.node({ source, handlers: { taken } })
    await node.birthAndRun()
    // What stands there was written by the attempt that took over
    assert.match(world.runs()[0].MSG!, /^node lost; the flow is not declared idempotent/)
    assert.containSubset(world.request('R1'), { STATUS: 'FAILED' })
    assert.containSubset(await only(world), { state: 'failed', attempt: 2, rescues: 1 })
    assert.lengthOf(world.runs(), 1)
  })
})

legacyGroup('Engine | handlers bound to a MAPREF', () => {
  test('run in place of the logic, with counts and params', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.database.insertFlow({ MAPREF: 'FACT_1', DWLOGIC: null })
    world.database.insertRequest({
      REQUEST_ID: 'R1',
      MAPREF: 'FACT_1',
      PAYLOAD: JSON.stringify({ param2: 'b' }),
    })
    const seen: unknown[] = []
    const load = ({ payload }: HandlerContext) => {
      seen.push(payload)
      return { source_rows: 10, target_rows: 8, error_rows: 2 }
    }
    const source = { handlers: [{ mapref: 'FACT_*', handler: 'load' }] }
    await world.node({ source, handlers: { load } }).run()
    const [run] = world.runs()
    assert.containSubset(seen, [{ mapref: 'FACT_1', prcid: run.PRCID, params: { param2: 'b' } }])
    const [log] = world.database.rows('select * from DWJOBLOG')
    assert.containSubset(log, { PRCID: run.PRCID, SRCROWS: 10, TRGROWS: 8, ERRROWS: 2 })
    assert.containSubset(world.request('R1').result, { source_rows: 10, error_rows: 2 })
  })

  test('that wrote the row counts themselves are not counted twice', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.database.insertFlow({ MAPREF: 'A' })
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const load = ({ payload }: HandlerContext) => {
      const { prcid } = payload as { prcid: number }
      world.database.insert('DWJOBLOG', { JOBLOGID: 1, PRCID: prcid, SRCROWS: 3 })
      return { sourceRows: 99 }
    }
    const source = { handlers: [{ mapref: 'A', handler: 'load' }] }
    await world.node({ source, handlers: { load } }).run()
    const logs = world.database.rows('select * from DWJOBLOG')
    assert.deepEqual(
      logs.map(({ SRCROWS }) => SRCROWS),
      [3]
    )
    assert.equal(world.request('R1').STATUS, 'DONE')
  })

  test('have a checkpoint and a timeout of their own', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.database.insertFlow({ MAPREF: 'A' })
    await world.fire('A', SLOT, 7)
    const node = world.node({ source: { handlers: [{ mapref: 'A', handler: 'load' }] } })
    const seen: unknown[] = []
    const called = Promise.withResolvers<void>()
    const load = async (context: LegacyFlowContext) => {
      seen.push(context.checkpoint.stored)
      await context.saveCheckpoint({ row: 5 })
      seen.push(context.checkpoint.stored)
      context.progress(50)
      const aborted = new Promise((resolve) => context.signal.addEventListener('abort', resolve))
      called.resolve()
      await aborted
      context.signal.throwIfAborted()
    }
    node.handlers.register('load', load as unknown as HandlerFunction, { timeout: 2_000 })
    const running = node.run()
    await called.promise
    await world.clock.advance(2_000)
    await running
    const execution = await only(world)
    assert.deepEqual(seen, [null, { row: 5 }])
    assert.containSubset(execution, { state: 'timed_out', checkpoint: { work: { row: 5 } } })
    assert.equal((execution.checkpoint as { prcid: number }).prcid, world.runs()[0].PRCID)
  })

  test('say how they ended by what they throw: {word}')
    .with([
      { word: 'Succeeded', status: 'PC', state: 'succeeded' },
      { word: 'Failed', status: 'FL', state: 'failed' },
      { word: 'Cancelled', status: 'ST', state: 'cancelled' },
      { word: 'Missed', status: 'FL', state: 'failed' },
    ] as const)
    .run(async ({ assert }, { word, status, state }) => {
      const outcome = await import('../../src/jobs/outcome.ts')
      const world = await createLegacyWorld()
      world.database.insertFlow({ MAPREF: 'A' })
      world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
      const end = () => {
        throw new outcome[word]('it says so')
      }
      const source = { handlers: [{ mapref: 'A', handler: 'end' }] }
      await world.node({ source, handlers: { end } }).run()
      assert.equal(world.runs()[0].STATUS, status)
      assert.containSubset(await only(world), { state })
    })

  test('with counts that cannot be stored end as failed', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.database.insertFlow({ MAPREF: 'A' })
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    world.database.place.refuse('insert', 'DWJOBLOG', 'new.PRCID > 0', 'no log')
    const load = () => ({ sourceRows: 1 })
    const source = { handlers: [{ mapref: 'A', handler: 'load' }] }
    await world.node({ source, handlers: { load } }).run()
    assert.match(world.runs()[0].MSG!, /its end could not be written: .*no log/)
    assert.containSubset(world.request('R1'), { STATUS: 'FAILED', result: { status: 'FL' } })
  })
})

test.group('Engine | logic that meddles with its own run', () => {
  for (const [what, statement] of [
    ['closes', `update DWPRCLOG set STATUS = 'PC' where PRCID = :prcid`],
    ['deletes', 'delete from DWPRCLOG where PRCID = :prcid'],
  ]) {
    test(`a flow that ${what} its own row fails once, and the queue goes on`, async ({
      assert,
    }) => {
      const world = await createLegacyWorld()
      world.database.insertFlow({ MAPREF: 'MEDDLER', DWLOGIC: statement })
      world.ledgerFlow('A')
      world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'MEDDLER' })
      world.database.insertRequest({ REQUEST_ID: 'R2', MAPREF: 'A' })
      await world.node().run()

      assert.equal(world.request('R2').STATUS, 'DONE')
      assert.equal(world.request('R1').STATUS, 'FAILED')
      assert.match(JSON.stringify(world.request('R1').result), /DWPRCLOG row of its own run/)
      const runs = world.runs().filter(({ MAPREF }) => MAPREF === 'MEDDLER')
      assert.lengthOf(runs, 1)
      assert.equal(runs[0].STATUS, 'FL')
      const errors = world.database.rows(`select * from DWJOBERR where MAPREF = 'MEDDLER'`)
      assert.lengthOf(errors, 1)
    })
  }
})
