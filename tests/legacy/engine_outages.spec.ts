import { test } from '@japa/runner'
import { ReleaseSignal } from '../../src/jobs/outcome.ts'
import { ChaosStorage } from '../../src/testing/chaos_storage.ts'
import type { HandlerContext } from '../../src/types/handlers.ts'
import { createLegacyWorld, Gate, type LegacyWorld } from '../helpers/legacy_world.ts'

const SLOT = Date.UTC(2026, 2, 1, 6, 0)
const BOUND = { handlers: [{ mapref: 'A', handler: 'load' }] }

function away(): Error {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
}

async function only(world: LegacyWorld) {
  const [execution] = await world.executions()
  return execution
}

function statuses(world: LegacyWorld): string[] {
  return world.runs().map(({ STATUS }) => STATUS)
}

/** A handler that holds on until its signal aborts, then throws. */
function holdOn() {
  const called = Promise.withResolvers<HandlerContext>()
  const calls: number[] = []
  const load = async (context: HandlerContext) => {
    calls.push(context.attempt)
    if (calls.length > 1) {
      return null
    }
    const aborted = new Promise((resolve) => context.signal.addEventListener('abort', resolve))
    called.resolve(context)
    await aborted
    throw new Error('interrupted')
  }
  return { load, calls, called: called.promise }
}

test.group('Engine | the legacy database is away', () => {
  test('before the logic: handed back, no attempt spent, nothing lost', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    await world.fire('A', SLOT, 7)
    const node = world.node()
    await node.adapter.sync()
    node.onTransaction = () => {
      throw away()
    }
    await node.run()
    const waiting = await only(world)
    assert.containSubset(waiting, { state: 'queued', failures: 0, rescues: 0 })
    assert.match(waiting.reason!, /legacy database cannot be reached: read ECONNRESET/)
    assert.isAbove(waiting.availableAt, world.clock.now())
    assert.isEmpty(world.runs())

    node.onTransaction = () => {}
    await world.clock.advance(1_000)
    await node.run()
    assert.containSubset(await only(world), { state: 'succeeded', failures: 0 })
    assert.deepEqual(statuses(world), ['PC'])
  })

  test('for longer: it is asked less and less often', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    await world.fire('A', SLOT, 7)
    const node = world.node({ source: { requests: false } })
    node.down = true
    const waits: number[] = []
    for (let round = 0; round < 9; round++) {
      await node.run()
      const { availableAt } = await only(world)
      waits.push(availableAt - world.clock.now())
      await world.clock.advance(waits.at(-1)!)
    }
    assert.deepEqual(waits, [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000])
    node.down = false
    await node.run()
    assert.containSubset(await only(world), { state: 'succeeded' })
  })

  test('in an atomic run: rolled back, and run again under a new PRCID', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const node = world.node()
    node.onStatement = (sql) => {
      if (/LEDGER/.test(sql)) {
        node.onStatement = () => {}
        throw away()
      }
    }
    await node.run()
    assert.containSubset(await only(world), { state: 'queued', failures: 0 })
    assert.deepEqual(statuses(world), ['FL'])
    assert.match(world.runs()[0].MSG!, /^handed back: the legacy database was lost/)
    assert.equal(world.request('R1').STATUS, 'CLAIMED')

    await world.clock.advance(250)
    await node.run()
    const [, second] = world.runs()
    assert.deepEqual(statuses(world), ['FL', 'PC'])
    assert.deepEqual(
      world.ledger().map(({ PRCID }) => PRCID),
      [second.PRCID]
    )
    assert.containSubset(world.request('R1'), { STATUS: 'DONE', result: { prcid: second.PRCID } })
  })

  test('in an atomic run, again and again: it fails at last', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const node = world.node()
    node.onStatement = (sql) => {
      if (/LEDGER/.test(sql)) {
        throw away()
      }
    }
    for (let round = 0; round < 21; round++) {
      await node.run()
      await world.clock.advance(16_000)
    }
    assert.equal(world.request('R1').STATUS, 'FAILED')
    assert.containSubset(await only(world), { state: 'failed' })
    assert.notInclude(statuses(world), 'IP')
  })

  test('while an atomic run is handed back: its row is closed by the next attempt', async ({
    assert,
  }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    await world.fire('A', SLOT, 7)
    const node = world.node()
    node.onStatement = (sql) => {
      if (/LEDGER/.test(sql)) {
        node.onStatement = () => {}
        node.down = true
        throw away()
      }
    }
    await assert.rejects(() => node.run(), /ECONNREFUSED/)
    assert.deepEqual(statuses(world), ['IP'])

    node.down = false
    await world.clock.advance(1_000)
    await node.run()
    assert.deepEqual(statuses(world), ['FL', 'PC'])
    assert.equal(world.runs()[0].MSG, 'node lost')
    assert.lengthOf(world.ledger(), 1)
  })

  test('when the answer of a commit is lost: what was committed counts', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const node = world.node()
    let lost = 0
    node.onCommit = () => {
      if (world.ledger().length === 1 && lost === 0) {
        lost++
        throw away()
      }
    }
    await node.run()
    assert.equal(lost, 1)
    assert.deepEqual(statuses(world), ['PC'])
    assert.lengthOf(world.ledger(), 1)
    assert.equal(world.request('R1').STATUS, 'DONE')
    assert.containSubset(await only(world), { state: 'succeeded', attempt: 1 })
  })

  test('when the answer of the beginning is lost: the logic has not begun, and may', async ({
    assert,
  }) => {
    const world = await createLegacyWorld()
    world.database.insertFlow({ MAPREF: 'A' })
    await world.fire('A', SLOT, 7)
    let calls = 0
    const load = () => void calls++
    const node = world.node({ source: BOUND, handlers: { load } })
    node.onCommit = () => {
      if (statuses(world).length === 1) {
        node.onCommit = () => {}
        throw away()
      }
    }
    await node.run()
    assert.containSubset(await only(world), { state: 'queued', checkpoint: { unbegun: true } })
    assert.deepEqual(statuses(world), ['IP'])

    await world.clock.advance(1_000)
    await node.run()
    assert.equal(calls, 1)
    assert.deepEqual(statuses(world), ['FL', 'PC'])
    assert.equal(world.runs()[0].MSG, 'handed back: its logic had not begun')
    assert.containSubset(await only(world), { state: 'succeeded', checkpoint: { unbegun: false } })
  })

  test('while the beginning fails: what begins at last counts as begun', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.database.insertFlow({ MAPREF: 'A' })
    await world.fire('A', SLOT, 7)
    const seen: unknown[] = []
    const load = async () => {
      const { checkpoint } = await only(world)
      seen.push((checkpoint as { unbegun: boolean }).unbegun)
    }
    const node = world.node({ source: BOUND, handlers: { load } })
    node.onTransaction = async () => {
      const { checkpoint } = await only(world)
      if (checkpoint !== null) {
        node.onTransaction = () => {}
        throw away()
      }
    }
    await node.run()
    assert.containSubset(await only(world), { checkpoint: { unbegun: true } })
    assert.isEmpty(world.runs())
    await world.clock.advance(1_000)
    await node.run()
    assert.deepEqual(seen, [false])
    assert.deepEqual(statuses(world), ['PC'])
  })

  test('at the closing: tried again until it is written', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.database.insertFlow({ MAPREF: 'A' })
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const gate = new Gate()
    const node = world.node({ source: BOUND, handlers: { load: gate.handle } })
    const running = node.run().catch((error: Error) => error.message)
    await gate.called
    node.down = true
    gate.open({ sourceRows: 4 })
    await world.clock.advance(2_000)
    const kept = await only(world)
    assert.containSubset(kept, {
      state: 'running',
      checkpoint: { ended: { status: 'PC', counts: { sourceRows: 4 } } },
    })
    node.down = false
    await world.clock.advance(5_000)
    await running
    assert.deepEqual(statuses(world), ['PC'])
    assert.containSubset(world.request('R1'), { STATUS: 'DONE', result: { source_rows: 4 } })
    assert.isAbove(node.counters.get('legacy.closingRetried'), 1)
  })

  test('at the closing, and our own store too: the outcome is written when both are back', async ({
    assert,
  }) => {
    const world = await createLegacyWorld()
    world.database.insertFlow({ MAPREF: 'A' })
    await world.fire('A', SLOT, 7)
    const gate = new Gate()
    const storage = new ChaosStorage(world.storage)
    const source = { ...BOUND, requests: false }
    const node = world.node({ source, handlers: { load: gate.handle }, storage })
    const running = node.run().catch((error: Error) => error.message)
    await gate.called
    node.down = true
    storage.outage()
    gate.open()
    await world.clock.advance(2_000)
    storage.heal()
    node.down = false
    await world.clock.advance(5_000)
    await running
    await node.jobs.idle()
    assert.deepEqual(statuses(world), ['PC'])
    assert.containSubset(await only(world), { state: 'succeeded' })
  })

  test('at the closing, until the shutdown: the next attempt only writes back', async ({
    assert,
  }) => {
    const world = await createLegacyWorld()
    world.database.insertFlow({ MAPREF: 'A' })
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    let calls = 0
    const gate = new Gate()
    const load = async (context: HandlerContext) => {
      calls++
      return gate.handle(context)
    }
    const node = world.node({ source: BOUND, handlers: { load } })
    await node.jobs.start()
    await gate.called
    node.down = true
    gate.open({ sourceRows: 4 })
    await world.clock.settle()
    const stopped = node.jobs.stop({ deadline: 0 })
    await world.clock.advance(1_900)
    await stopped
    assert.containSubset(await only(world), { state: 'queued', failures: 0 })
    assert.deepEqual(statuses(world), ['IP'])

    const next = world.node({ name: 'n2', source: BOUND, handlers: { load } })
    await next.run()
    assert.equal(calls, 1)
    assert.deepEqual(statuses(world), ['PC'])
    assert.containSubset(world.request('R1'), { STATUS: 'DONE', result: { source_rows: 4 } })
    assert.containSubset(await only(world), { state: 'succeeded' })
  })
})

test.group('Engine | shutdown in the logic', () => {
  test('a flow that is declared idempotent begins again', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.database.insertFlow({ MAPREF: 'A' })
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const { load, calls, called } = holdOn()
    const source = { ...BOUND, idempotent: ['A'] }
    const node = world.node({ source, handlers: { load } })
    await node.jobs.start()
    await called
    const stopped = node.jobs.stop({ deadline: 0 })
    await world.clock.advance(1_000)
    await stopped
    assert.match(world.runs()[0].MSG!, /^handed back: shutdown/)
    assert.equal(world.request('R1').STATUS, 'CLAIMED')

    await world.node({ name: 'n2', source, handlers: { load } }).run()
    assert.lengthOf(calls, 2)
    assert.deepEqual(statuses(world), ['FL', 'PC'])
    assert.equal(world.request('R1').STATUS, 'DONE')
  })

  test('any other flow ends as failed', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.database.insertFlow({ MAPREF: 'A' })
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const { load, called } = holdOn()
    const node = world.node({ source: BOUND, handlers: { load } })
    await node.jobs.start()
    await called
    const stopped = node.jobs.stop({ deadline: 0 })
    await world.clock.advance(1_000)
    await stopped
    assert.match(world.runs()[0].MSG!, /stopped by the shutdown of the node: interrupted/)
    assert.containSubset(world.request('R1'), { STATUS: 'FAILED' })
    assert.containSubset(await only(world), { state: 'failed' })
  })

  test('a handler that releases its run gets it again', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.database.insertFlow({ MAPREF: 'A' })
    await world.fire('A', SLOT, 7)
    let calls = 0
    const load = () => {
      calls++
      if (calls === 1) {
        throw new ReleaseSignal('10s', 'the file is not there yet')
      }
    }
    const node = world.node({ source: BOUND, handlers: { load } })
    await node.run()
    assert.match(world.runs()[0].MSG!, /^handed back: the file is not there yet/)
    assert.equal(world.request('S:7:202603010600').STATUS, 'CLAIMED')
    await world.clock.advance(10_000)
    await node.run()
    assert.deepEqual(statuses(world), ['FL', 'PC'])
    assert.equal(world.request('S:7:202603010600').STATUS, 'DONE')
  })
})
