import { test } from '@japa/runner'
import { ManualClock } from '../../src/testing/manual_clock.ts'
import { createStore } from '../jobs/setup.ts'
import { createHousekeeper } from './setup.ts'
import type { ChaosStorage } from '../../src/testing/chaos_storage.ts'

async function names(storage: ChaosStorage) {
  const nodes = await storage.nodes.list()
  return nodes.map(({ id }) => id)
}

async function kinds(storage: ChaosStorage) {
  const entries = await storage.journal.read({ after: 0, limit: 100 })
  return entries.map(({ kind, subject, actor }) => `${kind} ${subject} by ${actor}`)
}

test.group('Nodes', () => {
  test('a node joins once, with a journal row and an event', async ({ assert }) => {
    const { housekeeper, storage, clock, registry, notifier } = createHousekeeper()
    registry.register('work', () => {})
    await housekeeper.start()
    await housekeeper.start()
    await clock.advance(30_000)

    assert.deepEqual(notifier.of('node:joined'), [
      { node: 'test.00000001', at: '2026-01-01T00:00:00.000Z' },
    ])
    assert.deepEqual(await kinds(storage), ['node.joined test.00000001 by test.00000001'])
    const [node] = await storage.nodes.list()
    assert.include(node, { name: 'test', pid: process.pid, seenAt: clock.now() })
    assert.deepEqual(node.info, {
      concurrency: 4,
      queues: null,
      queuePlaces: {},
      handlers: ['work'],
      leaderPriority: null,
      clockSkew: 0,
    })
    assert.equal(storage.calls('nodes.beat'), 4)

    await housekeeper.stop()
    assert.isEmpty(await names(storage))
    assert.equal(clock.pending, 0)
    await housekeeper.stop()
  })

  test('a silent one is taken out after a lease of silence before our eyes', async ({ assert }) => {
    const store = createStore()
    const frozen = new ManualClock(store.clock.now())
    const dead = createHousekeeper({ store, clock: frozen, nodeId: 'dead.00000009' })
    const alive = createHousekeeper({ store })
    await dead.housekeeper.start()
    await alive.housekeeper.start()

    await store.clock.advance(59_999)
    assert.include(await names(store.storage), 'dead.00000009')
    await store.clock.advance(1)
    assert.deepEqual(await names(store.storage), ['test.00000001'])
    assert.deepEqual(alive.notifier.of('node:lost'), [
      { node: 'dead.00000009', at: '2026-01-01T00:01:00.000Z' },
    ])
    const journal = await kinds(store.storage)
    assert.equal(journal.at(-1), 'node.lost dead.00000009 by test.00000001')
    assert.equal(alive.counters.get('nodes.lost'), 1)

    // It thaws: it is a node that joins again
    frozen.set(store.clock.now())
    await frozen.advance(10_000)
    assert.lengthOf(await names(store.storage), 2)
    assert.lengthOf(dead.notifier.of('node:joined'), 2)
    await alive.housekeeper.stop()
    await dead.housekeeper.stop()
  })

  test('one that shows itself while it is taken out stays', async ({ assert }) => {
    const store = createStore()
    const { housekeeper, storage, clock, notifier } = createHousekeeper({ store })
    const node = { id: 'slow.00000009', name: 'slow', host: 'h', pid: 1, info: {} }
    await storage.nodes.beat({ now: clock.now(), node })
    await housekeeper.start()
    await clock.advance(59_000)
    const remove = storage.hold('nodes.remove')
    await clock.advance(1_000)
    assert.equal(storage.calls('nodes.remove'), 1)
    await storage.nodes.beat({ now: clock.now(), node })
    remove()
    await clock.advance(0)

    assert.include(await names(storage), 'slow.00000009')
    assert.isEmpty(notifier.of('node:lost'))
    await housekeeper.stop()
  })

  test('a row that the journal did not take is written with the next beat', async ({ assert }) => {
    const { housekeeper, storage, clock, notifier } = createHousekeeper()
    storage.fail('journal.append')
    await housekeeper.start()
    assert.isEmpty(await kinds(storage))
    await clock.advance(10_000)
    assert.deepEqual(await kinds(storage), ['node.joined test.00000001 by test.00000001'])
    assert.lengthOf(notifier.of('node:joined'), 1)
    await housekeeper.stop()
  })

  test('of two that see it, one says so', async ({ assert }) => {
    const store = createStore()
    const pair = ['a.00000001', 'b.00000002'].map((nodeId) => createHousekeeper({ store, nodeId }))
    const node = { id: 'dead.00000009', name: 'dead', host: 'h', pid: 1, info: {} }
    await store.storage.nodes.beat({ now: store.clock.now(), node })
    await Promise.all(pair.map(({ housekeeper }) => housekeeper.start()))
    await store.clock.advance(90_000)
    const lost = pair.flatMap(({ notifier }) => notifier.of('node:lost'))
    assert.lengthOf(lost, 1)
    await Promise.all(pair.map(({ housekeeper }) => housekeeper.stop()))
  })

  test('in production the clock of the store decides', async ({ assert }) => {
    const store = createStore()
    class ProductionClock extends ManualClock {
      override nowOrNull(): never {
        return null as never
      }
    }
    const clock = new ProductionClock(store.clock.now())
    const { housekeeper, storage } = createHousekeeper({ store, clock })
    await housekeeper.runOnce()
    assert.equal(storage.calls('now'), 1)
  })

  test('a store that is away is reported once, and the beat goes on', async ({ assert }) => {
    const { housekeeper, storage, clock, logger, counters } = createHousekeeper()
    storage.outage()
    await housekeeper.start()
    await clock.advance(60_000)
    assert.sameMembers(logger.of('error'), [
      'Housekeeping: beat failed and is tried again',
      'Housekeeping: rescue failed and is tried again',
      'Housekeeping: nodes failed and is tried again',
    ])
    assert.equal(counters.get('housekeeping.beat.errors'), 61)
    assert.lengthOf(housekeeper.problems(), 3)

    storage.heal()
    await clock.advance(1_000)
    assert.isEmpty(housekeeper.problems())
    assert.include(logger.of('info'), 'Housekeeping: beat works again')
    assert.deepEqual(await names(storage), ['test.00000001'])

    storage.outage()
    await housekeeper.stop()
    assert.equal(clock.pending, 0)
  })
})
