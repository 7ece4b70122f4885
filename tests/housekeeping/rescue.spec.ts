import { test } from '@japa/runner'
import { ManualClock } from '../../src/testing/manual_clock.ts'
import { createStore } from '../jobs/setup.ts'
import { createHousekeeper, running } from './setup.ts'

const LEASE = 30_000

test.group('Rescue', () => {
  test('takes over what lapsed and stood still for a full lease', async ({ assert }) => {
    const { housekeeper, storage, clock, counters, logger } = createHousekeeper()
    const { id } = await running(storage, clock)
    await clock.advance(LEASE - 1)
    await housekeeper.runOnce()
    await clock.advance(1)
    // Lapsed by the clock of the database: seen for the first time
    assert.include(await housekeeper.runOnce(), { rescued: 0 })
    await clock.advance(LEASE - 1)
    assert.include(await housekeeper.runOnce(), { rescued: 0 })
    await clock.advance(1)
    assert.deepInclude(await housekeeper.runOnce(), { rescued: 1, abandoned: 0, problems: [] })

    assert.include(await storage.executions.find(id), {
      state: 'queued',
      rescues: 1,
      failures: 0,
      node: null,
    })
    assert.equal(counters.get('executions.rescued'), 1)
    assert.equal(logger.of('warn')[0], 'An execution lost its node')
  })

  test('a renewal in between begins the watch anew', async ({ assert }) => {
    const { housekeeper, storage, clock } = createHousekeeper()
    const { id, node, attempt } = await running(storage, clock)
    await clock.advance(LEASE)
    await housekeeper.runOnce()
    await clock.advance(10_000)
    // A holder that was late, and lapses again
    await storage.executions.renew({
      now: clock.now(),
      node: node!,
      lease: 1_000,
      holds: [{ id, attempt, startedAt: null }],
    })
    await clock.advance(20_000)
    assert.include(await housekeeper.runOnce(), { rescued: 0 })
    await clock.advance(LEASE - 1)
    assert.include(await housekeeper.runOnce(), { rescued: 0 })
    await clock.advance(1)
    assert.include(await housekeeper.runOnce(), { rescued: 1 })
  })

  test('a step of the database clock alone rescues nothing', async ({ assert }) => {
    const { housekeeper, storage, clock } = createHousekeeper()
    await running(storage, clock)
    clock.set(clock.now() + 86_400_000)
    await housekeeper.runOnce()
    await clock.advance(1_000)
    assert.include(await housekeeper.runOnce(), { rescued: 0 })
  })

  test('time that the rescuer did not see does not count', async ({ assert }) => {
    const store = createStore()
    const rescuer = new ManualClock(store.clock.now())
    const { housekeeper, storage } = createHousekeeper({ store, clock: rescuer })
    await running(storage, store.clock)
    await store.clock.advance(LEASE)
    rescuer.set(store.clock.now())
    await housekeeper.runOnce()
    await store.clock.advance(86_400_000)
    rescuer.set(store.clock.now())
    assert.include(await housekeeper.runOnce(), { rescued: 0 })
    await rescuer.advance(LEASE)
    assert.include(await housekeeper.runOnce(), { rescued: 1 })
  })

  test('the look is dated by its end first, and by its beginning then', async ({ assert }) => {
    const { housekeeper, storage, clock } = createHousekeeper()
    await running(storage, clock)
    await clock.advance(LEASE)
    const release = storage.hold('executions.listExpired')
    const slow = housekeeper.runOnce()
    await clock.advance(5_000)
    release()
    await slow
    await clock.advance(LEASE - 1_000)
    assert.include(await housekeeper.runOnce(), { rescued: 0 })
    await clock.advance(1_000)
    assert.include(await housekeeper.runOnce(), { rescued: 1 })
  })

  test('what loses its node too often is abandoned and announced', async ({ assert }) => {
    const { housekeeper, storage, clock, notifier, counters } = createHousekeeper({
      config: { maxRescues: 1 },
    })
    const { id } = await running(storage, clock, { handler: 'poison' })
    for (let round = 0; round < 2; round++) {
      await clock.advance(LEASE)
      await housekeeper.runOnce()
      await clock.advance(LEASE)
      await housekeeper.runOnce()
      const now = clock.now()
      const claimant = { node: 'next.00000002', lease: LEASE }
      await storage.executions.claim({ now, limit: 1, handlers: ['poison'], ...claimant })
    }
    const execution = await storage.executions.find(id)
    assert.include(execution, { state: 'abandoned', rescues: 1 })
    const [notice] = notifier.of('execution:abandoned')
    assert.include(notice, { executionId: id, outcome: 'abandoned', duration: null })
    assert.equal(notice.reason, execution!.reason)
    assert.equal(counters.get('executions.abandoned'), 1)
  })

  test('what was asked to stop ends as cancelled', async ({ assert }) => {
    const { housekeeper, storage, clock, notifier } = createHousekeeper()
    const { id } = await running(storage, clock)
    await storage.executions.requestCancel({ now: clock.now(), id, reason: 'by ana' })
    await clock.advance(LEASE)
    await housekeeper.runOnce()
    await clock.advance(LEASE)
    assert.include(await housekeeper.runOnce(), { rescued: 0, abandoned: 0 })
    assert.include(await storage.executions.find(id), { state: 'cancelled', reason: 'by ana' })
    assert.include(notifier.of('execution:cancelled')[0], { reason: 'by ana' })
  })

  test('many are taken over in batches', async ({ assert }) => {
    const { housekeeper, storage, clock } = createHousekeeper()
    for (let index = 0; index < 25; index++) {
      await running(storage, clock)
    }
    await clock.advance(LEASE)
    await housekeeper.runOnce()
    await clock.advance(LEASE)
    assert.include(await housekeeper.runOnce(), { rescued: 25 })
    assert.equal(storage.calls('executions.rescueExpired'), 3)
  })

  test('two rescuers take over once', async ({ assert }) => {
    const store = createStore()
    const pair = ['a.00000001', 'b.00000002'].map((nodeId) => createHousekeeper({ store, nodeId }))
    const { id } = await running(store.storage, store.clock)
    await store.clock.advance(LEASE)
    await Promise.all(pair.map(({ housekeeper }) => housekeeper.runOnce()))
    await store.clock.advance(LEASE)
    const reports = await Promise.all(pair.map(({ housekeeper }) => housekeeper.runOnce()))
    assert.equal(reports[0].rescued + reports[1].rescued, 1)
    assert.include(await store.storage.executions.find(id), { rescues: 1 })
  })

  test('while started, a lost node is noticed in about two leases', async ({ assert }) => {
    const { housekeeper, storage, clock } = createHousekeeper()
    await housekeeper.start()
    const { id } = await running(storage, clock)
    await clock.advance(2 * LEASE - 1)
    assert.include(await storage.executions.find(id), { state: 'running' })
    await clock.advance(10_001)
    assert.include(await storage.executions.find(id), { state: 'queued', rescues: 1 })
    await housekeeper.stop()
  })
})
