import { test } from '@japa/runner'
import { createNode, createStore, createTracker, claimed, gate } from './setup.ts'
import type { RunRequest, Seats } from '../../src/types/work_source.ts'

test.group('Lease, while its end waits for the store', () => {
  test('an end that outlasts its lease arms no timer again and again', async ({ assert }) => {
    const end = gate()
    const node = createNode({ handlers: { long: () => end.promise } })
    const { id } = await node.jobs.enqueue('long', null)
    const running = node.jobs.runOnce()
    await node.clock.advance(1_000)
    node.storage.outage()
    end.open()
    await node.clock.advance(10)

    let timers = 0
    const timer = node.clock.timer.bind(node.clock)
    node.clock.timer = (delay, callback) => {
      // A spin would never let the clock move on
      assert.isBelow(++timers, 500)
      return timer(delay, callback)
    }
    await node.clock.advance(40_000)
    node.storage.heal()
    await node.clock.advance(6_000)
    await running
    assert.include(await node.tracker.get(id), { state: 'succeeded' })
  })

  test('a beat under way while the node falls idle and busy again stays the only one', async ({
    assert,
  }) => {
    const ends = [gate(), gate()]
    let run = 0
    const node = createNode({ handlers: { long: () => ends[run++].promise } })
    await node.jobs.start()
    await node.jobs.enqueue('long', null)
    await node.clock.advance(9_999)
    const answer = node.storage.hold('executions.renew')
    await node.clock.advance(1)
    ends[0].open()
    await node.clock.advance(10)
    await node.jobs.enqueue('long', null)
    await node.clock.advance(100)
    answer()
    await node.clock.advance(1_000)

    const before = node.storage.calls('executions.renew')
    await node.clock.advance(100_000)
    assert.equal(node.storage.calls('executions.renew') - before, 10)
    ends[1].open()
    await node.clock.advance(10)
    const stopped = node.jobs.stop()
    await node.clock.advance(0)
    await stopped
    assert.equal(node.clock.pending, 0)
  })
})

test.group('Seats, when a cancel meets a hand-back', () => {
  test('an attempt that never began ends once', async ({ assert }) => {
    const handedBack = gate()
    const offered: string[] = []
    const end = gate()
    const node = createNode({
      config: { concurrency: 1, prefetch: 4 },
      handlers: { quick: () => {}, long: () => end.promise },
    })
    let requests: RunRequest[] = Array.from({ length: 20 }, (_, index) => request('quick', index))
    node.jobs.addSource({
      name: 'rows',
      pollInterval: 1_000,
      pull: async (seats: Seats) => {
        const taken = requests.splice(0, seats.count)
        await seats.run(taken)
        return taken.length
      },
      handBack: async (executions) => {
        offered.push(...executions.map(({ id }) => id))
        await handedBack.promise
        return executions
      },
    })
    await node.jobs.start()
    await node.clock.advance(500)
    requests = [request('long', 100), request('long', 101), request('long', 102)]
    await node.clock.advance(1_500)
    const held = await node.tracker.history({ handler: 'long', states: ['running'] })
    const waiting = held.filter(({ concurrencyKey }) => concurrencyKey !== 'key 100')
    assert.isNotEmpty(waiting)

    // They have waited too long, and are about to go back when somebody cancels one
    await node.clock.advance(10_000)
    assert.include(offered, waiting[0].id)
    await node.jobs.cancel(waiting[0].id)
    await node.clock.advance(10)
    handedBack.open()
    await node.clock.advance(10)

    let settled = false
    void node.jobs.idle().then(() => (settled = true))
    await node.clock.advance(0)
    assert.isFalse(settled)
    assert.equal(node.counters.get('settles.refused'), 0)
    end.open()
    await node.clock.advance(10)
    assert.isTrue(settled)
    const stopped = node.jobs.stop()
    await node.clock.advance(0)
    await stopped
  })
})

test.group('Hand-back', () => {
  test('offers no source what was claimed so long ago that another may run it', async ({
    assert,
  }) => {
    const offered: string[] = []
    const node = createNode({ handlers: { work: () => {} } })
    const rows = [request('work', 1)]
    node.jobs.addSource({
      name: 'rows',
      pollInterval: 1_000,
      pull: async (seats: Seats) => {
        const taken = rows.splice(0)
        await seats.run(taken)
        return taken.length
      },
      handBack: async (executions) => {
        offered.push(...executions.map(({ dedupeKey }) => String(dedupeKey)))
        return executions
      },
    })
    const answer = node.storage.hold('executions.insertRunning')
    await node.jobs.start()
    await node.clock.advance(10)
    const stopped = node.jobs.stop({ deadline: 1_000 })
    await node.clock.advance(31_000)
    await stopped
    answer()
    await node.clock.advance(10)

    assert.isEmpty(offered)
    const execution = await node.tracker.findByDedupeKey('dedupe 1')
    assert.include(execution, { state: 'queued', rescues: 0, failures: 0 })
  })
})

function request(handler: string, index: number): RunRequest {
  return { handler, payload: null, dedupeKey: `dedupe ${index}`, concurrencyKey: `key ${index}` }
}

test.group('A single round', () => {
  test('pulls nothing any more once it was stopped between two pulls', async ({ assert }) => {
    const node = createNode({ handlers: { quick: () => {} } })
    let pulls = 0
    node.jobs.addSource({
      name: 'endless',
      pollInterval: 1_000,
      pull: async () => {
        if (++pulls === 3) {
          void node.jobs.stop()
        }
        return pulls < 1_000 ? 1 : 0
      },
    })
    await node.jobs.runOnce()
    assert.equal(pulls, 3)
  })

  test('ends with the stop, also beside a handler that ignores it', async ({ assert }) => {
    const end = gate()
    const node = createNode({ handlers: { deaf: () => end.promise } })
    await node.jobs.enqueue('deaf', null)
    let over = false
    const round = node.jobs.runOnce().then(() => (over = true))
    await node.clock.advance(10)
    void node.jobs.stop({ deadline: 100 })
    await node.clock.advance(5_000)
    assert.isTrue(over)
    end.open()
    await round
  })
})

test.group('Ends of two attempts of one execution', () => {
  test('in one batch are answered each for itself', async ({ assert }) => {
    const store = createStore()
    const { clock, storage } = store
    const parts = createTracker(store)
    const [first] = await claimed(storage, clock, [{}])
    await clock.advance(31_000)
    const expired = await storage.executions.listExpired({ now: clock.now(), limit: 10 })
    await storage.executions.rescueExpired({ now: clock.now(), expired, maxRescues: 5 })
    const [second] = await storage.executions.claim({
      now: clock.now(),
      limit: 1,
      handlers: ['work'],
      node: 'test.00000001',
      lease: 30_000,
    })
    parts.tracker.started(second)
    const end = (execution: typeof first) =>
      parts.tracker.settle(
        {
          id: execution.id,
          node: execution.node!,
          attempt: execution.attempt,
          to: 'succeeded',
          startedAt: null,
        },
        execution
      )
    const settled = Promise.all([end(second), end(first)])
    await clock.advance(10)
    assert.deepEqual(await settled, [true, false])
    assert.lengthOf(parts.notifier.of('execution:succeeded'), 1)
    assert.equal(parts.counters.get('settles.refused'), 1)
  })
})
