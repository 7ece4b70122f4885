import { test } from '@japa/runner'
import { ManualClock } from '../../src/testing/manual_clock.ts'
import { aborted, createNode, createStore, gate } from './setup.ts'
import type { HandlerContext } from '../../src/types/handlers.ts'

test.group('Lease', () => {
  test('of everything that runs is renewed in one call', async ({ assert }) => {
    const end = gate()
    const node = createNode({ handlers: { long: () => end.promise } })
    const ids: string[] = []
    for (let index = 0; index < 4; index++) {
      const { id } = await node.jobs.enqueue('long', null)
      ids.push(id)
    }
    const running = node.jobs.runOnce()
    await node.clock.advance(250)
    const marks = node.storage.calls('executions.renew')
    await node.clock.advance(60_000)

    assert.equal(node.storage.calls('executions.renew') - marks, 6)
    for (const id of ids) {
      const { leaseExpiresAt } = await node.tracker.get(id)
      assert.isAbove(leaseExpiresAt!, node.clock.now() + 19_000)
    }
    end.open()
    await running
    assert.equal(node.clock.pending, 0)
  })

  test('is not trusted longer than its length from before the last renewal that held', async ({
    assert,
  }) => {
    let lostAt = 0
    const node = createNode({
      handlers: {
        long: ({ signal }) =>
          aborted(signal).catch((reason) => {
            lostAt = node.clock.monotonic()
            throw reason
          }),
      },
    })
    const { id } = await node.jobs.enqueue('long', null)
    const running = node.jobs.runOnce()
    await node.clock.advance(10_000)
    node.storage.fail('executions.renew', { times: Number.POSITIVE_INFINITY })
    await node.clock.advance(29_999)
    assert.equal(lostAt, 0)
    await node.clock.advance(1)
    assert.equal(lostAt, 40_000)
    await running

    // Nothing is settled: the rescue counts it
    node.storage.heal()
    assert.include(await node.tracker.get(id), { state: 'running', failures: 0 })
    assert.equal(node.counters.get('leases.lost'), 1)
    assert.equal(node.counters.get('executions.left'), 1)
    assert.isAbove(node.counters.get('leases.errors'), 3)
    assert.deepEqual(node.logger.of('error'), ['Leases cannot be renewed; it is tried again'])
  })

  for (const slow of [
    'executions.claim',
    'executions.insertRunning',
    'executions.renew',
  ] as const) {
    test(`a slow answer to ${slow} makes the trust no longer`, async ({ assert }) => {
      let lostAt = 0
      const node = createNode({
        handlers: {
          long: ({ signal }) =>
            aborted(signal).catch((reason) => {
              lostAt = node.clock.monotonic()
              throw reason
            }),
        },
      })
      const rows = [{ handler: 'long', payload: null, dedupeKey: 'd', concurrencyKey: 'k' }]
      node.jobs.addSource({
        name: 'rows',
        pollInterval: 1_000,
        pull: async (seats) => {
          const taken = slow === 'executions.insertRunning' ? rows.splice(0) : []
          await seats.run(taken)
          return taken.length
        },
      })
      if (slow !== 'executions.insertRunning') {
        await node.jobs.enqueue('long', null)
      }
      let answer = () => {}
      let asked = 0
      if (slow === 'executions.renew') {
        await node.jobs.start()
        await node.clock.advance(9_999)
        asked = 10_000
        answer = node.storage.hold(slow)
        await node.clock.advance(1)
      } else {
        answer = node.storage.hold(slow)
        await node.jobs.start()
        await node.clock.advance(0)
      }
      await node.clock.advance(4_000)
      answer()
      await node.clock.advance(0)
      node.storage.fail('executions.renew', { times: Number.POSITIVE_INFINITY })
      await node.clock.advance(25_999)
      assert.equal(lostAt, 0)
      await node.clock.advance(1)
      assert.equal(lostAt, asked + 30_000)
      node.storage.heal()
      const stopped = node.jobs.stop()
      await node.clock.advance(0)
      await stopped
    })
  }

  test('survives a failure of the store that is shorter than the lease', async ({ assert }) => {
    const end = gate()
    const node = createNode({ handlers: { long: () => end.promise } })
    const { id } = await node.jobs.enqueue('long', null)
    const running = node.jobs.runOnce()
    await node.clock.advance(9_000)
    node.storage.outage()
    await node.clock.advance(20_000)
    node.storage.heal()
    await node.clock.advance(2_500)
    assert.deepEqual(node.logger.of('info'), ['Leases are renewed again'])
    end.open()
    await running
    assert.include(await node.tracker.get(id), { state: 'succeeded' })
  })

  test('of a process that stood still is lost when it wakes, and its end is refused', async ({
    assert,
  }) => {
    const store = createStore()
    const frozen = new ManualClock(store.clock.now())
    let context: HandlerContext | undefined
    const end = gate()
    const sleeper = createNode({
      store,
      clock: frozen,
      handlers: {
        long: async (given) => {
          context = given
          await end.promise
          return 'from the sleeper'
        },
      },
    })
    const { id } = await sleeper.jobs.enqueue('long', null)
    void sleeper.jobs.runOnce()
    await frozen.advance(1_000)

    // The others' time goes on; the sleeper's stands still
    await store.clock.advance(31_000)
    const [lapsed] = await store.storage.executions.listExpired({
      now: store.clock.now(),
      limit: 10,
    })
    await store.storage.executions.rescueExpired({
      now: store.clock.now(),
      expired: [lapsed],
      maxRescues: 5,
    })
    const other = createNode({
      store,
      nodeId: 'other.00000002',
      handlers: { long: () => 'from the other' },
    })
    await other.jobs.runOnce()
    assert.include(await other.tracker.get(id), { state: 'succeeded', attempt: 2, rescues: 1 })

    assert.isFalse(context!.signal.aborted)
    await frozen.advance(31_000)
    assert.isTrue(context!.signal.aborted)
    assert.equal(context!.signal.reason, 'lease lost')
    await assert.rejects(() => context!.saveCheckpoint(1), /no longer owns execution/)
    context!.logger.info('not stored')
    end.open()
    await frozen.advance(1_000)

    assert.include(await other.tracker.get(id), {
      state: 'succeeded',
      result: 'from the other',
      attempt: 2,
    })
    assert.lengthOf(await other.tracker.logs(id), 0)
    assert.equal(sleeper.counters.get('settles.refused'), 1)
    assert.lengthOf(sleeper.notifier.of('execution:succeeded'), 0)
  })

  test('that the store gave to another aborts the run at the next renewal', async ({ assert }) => {
    const node = createNode({ handlers: { long: ({ signal }) => aborted(signal) } })
    const { id } = await node.jobs.enqueue('long', null)
    const running = node.jobs.runOnce()
    await node.clock.settle()
    // As if an operator had ended the row by hand
    const settlement = { id, node: node.nodeId, attempt: 1, startedAt: null }
    await node.storage.executions.settle({
      now: node.clock.now(),
      settlements: [{ ...settlement, to: 'abandoned' }],
    })
    await node.clock.advance(10_000)
    await running
    assert.equal(node.counters.get('leases.lost'), 1)
    assert.include(await node.tracker.get(id), { state: 'abandoned' })
  })

  test('a run that finished although its lease had lapsed is stored if nobody took it', async ({
    assert,
  }) => {
    const end = gate()
    const node = createNode({ handlers: { long: () => end.promise.then(() => 'done') } })
    const { id } = await node.jobs.enqueue('long', null)
    const running = node.jobs.runOnce()
    await node.clock.advance(1_000)
    node.storage.outage()
    await node.clock.advance(40_000)
    node.storage.heal()
    end.open()
    await running
    assert.include(await node.tracker.get(id), { state: 'succeeded', result: 'done' })
  })

  test('goes on while the outcome waits for the store', async ({ assert }) => {
    const node = createNode({ handlers: { quick: () => 'kept' } })
    const { id } = await node.jobs.enqueue('quick', null)
    node.storage.fail('executions.settle', { times: Number.POSITIVE_INFINITY })
    const running = node.jobs.runOnce()
    await node.clock.advance(55_000)
    assert.isEmpty(await node.storage.executions.listExpired({ now: node.clock.now(), limit: 10 }))
    node.storage.heal()
    await node.clock.advance(6_000)
    await running
    assert.include(await node.tracker.get(id), { state: 'succeeded' })
  })

  test('a wall clock that steps moves nothing', async ({ assert }) => {
    const store = createStore()
    const end = gate()
    const node = createNode({ store, handlers: { long: () => end.promise } })
    await node.jobs.enqueue('long', null)
    const running = node.jobs.runOnce()
    await node.clock.advance(5_000)
    node.clock.set(node.clock.now() + 86_400_000)
    await node.clock.advance(1_000)
    assert.equal(node.counters.get('leases.lost'), 0)
    end.open()
    await running
  })

  test('what was claimed ahead and lapsed before it began goes back unbegun', async ({
    assert,
  }) => {
    const end = gate()
    let begun = 0
    const node = createNode({
      handlers: {
        quick: () => {},
        long: () => {
          begun++
          return end.promise
        },
      },
      config: { concurrency: 1, prefetch: 3, lease: { ttl: 3_000, renew: 1_000 } },
    })
    for (let index = 0; index < 10; index++) {
      await node.jobs.enqueue('quick', null)
    }
    await node.jobs.start()
    await node.clock.advance(50)
    await node.jobs.enqueue('long', null)
    const { id } = await node.jobs.enqueue('long', null)
    await node.clock.advance(100)
    assert.include(await node.tracker.get(id), { state: 'running' })

    node.storage.fail('executions.renew', { times: Number.POSITIVE_INFINITY })
    await node.clock.advance(3_500)
    node.storage.fail('executions.claim', { times: Number.POSITIVE_INFINITY })
    end.open()
    await node.clock.advance(100)
    assert.include(await node.tracker.get(id), {
      state: 'queued',
      rescues: 0,
      failures: 0,
      reason: 'its lease lapsed before it began',
    })
    assert.equal(begun, 1)
    node.storage.heal()
    await node.clock.advance(60_000)
    assert.equal(begun, 2)
    await node.jobs.stop()
  })
})
