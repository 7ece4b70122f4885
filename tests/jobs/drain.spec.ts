import { test } from '@japa/runner'
import { aborted, createNode, gate, newExecution, type NodeOptions } from './setup.ts'
import type { ExecutionRecord } from '../../src/types/executions.ts'
import type { RunRequest, Seats } from '../../src/types/work_source.ts'

/** A node with one slot that a long run holds, and more that was claimed ahead. */
async function crowded(options: NodeOptions = {}) {
  const end = gate()
  const begun: string[] = []
  const node = createNode({
    handlers: {
      quick: () => {},
      long: ({ execution }) => {
        begun.push(execution.id)
        return end.promise
      },
    },
    config: { concurrency: 1, prefetch: 4 },
    ...options,
  })
  const { storage, clock } = node
  const enqueue = (handler: string, count: number) =>
    storage.executions.enqueue({
      now: clock.now(),
      executions: Array.from({ length: count }, () => newExecution({ handler })),
    })
  await enqueue('quick', 10)
  await node.jobs.start()
  await clock.advance(100)
  await enqueue('long', 4)
  await clock.advance(200)
  return { ...node, end, begun }
}

test.group('Drain', () => {
  test('hands back what was claimed ahead, at its place, and waits for what runs', async ({
    assert,
  }) => {
    const { jobs, tracker, clock, end, begun } = await crowded()
    const before = await tracker.history({ handler: 'long' })
    assert.isTrue(before.every(({ state }) => state === 'running'))
    assert.lengthOf(begun, 1)

    const stopping = jobs.stop()
    await clock.advance(10)
    const waiting = await tracker.history({ handler: 'long', states: ['queued'] })
    assert.lengthOf(waiting, 3)
    for (const execution of waiting) {
      const { availableAt } = before.find(({ id }) => id === execution.id)!
      assert.include(execution, { availableAt, failures: 0, rescues: 0, reason: 'drain' })
    }

    end.open()
    await stopping
    assert.include(await tracker.get(begun[0]), { state: 'succeeded' })
    assert.equal(clock.pending, 0)
  })

  test('pulls nothing any more', async ({ assert }) => {
    const node = createNode({ handlers: { work: () => {} } })
    await node.jobs.start()
    await node.clock.advance(100)
    await node.jobs.stop()
    const { id } = await node.jobs.enqueue('work', null)
    await node.clock.advance(10_000)
    assert.include(await node.tracker.get(id), { state: 'queued' })
    assert.equal(node.clock.pending, 0)
  })

  test('after the deadline what runs is aborted and goes back without a failure', async ({
    assert,
  }) => {
    let reason: unknown
    const node = createNode({
      handlers: {
        long: ({ signal }) =>
          aborted(signal).catch((error) => {
            reason = error
            throw error
          }),
      },
    })
    const { id } = await node.jobs.enqueue('long', null)
    await node.jobs.start()
    await node.clock.settle()
    const stopping = node.jobs.stop({ deadline: 5_000 })
    await node.clock.advance(4_999)
    assert.isUndefined(reason)
    await node.clock.advance(1)
    await stopping

    assert.equal(reason, 'shutdown')
    assert.include(await node.tracker.get(id), {
      state: 'queued',
      failures: 0,
      rescues: 0,
      attempt: 1,
      reason: 'shutdown',
    })
    assert.equal(node.clock.pending, 0)
  })

  test('the default deadline is that of config', async ({ assert }) => {
    const node = createNode({ handlers: { long: ({ signal }) => aborted(signal) } })
    const { id } = await node.jobs.enqueue('long', null)
    await node.jobs.start()
    await node.clock.settle()
    const stopping = node.jobs.stop()
    await node.clock.advance(19_999)
    assert.include(await node.tracker.get(id), { state: 'running' })
    await node.clock.advance(1)
    await stopping
    assert.include(await node.tracker.get(id), { state: 'queued' })
  })

  test('what ignores the shutdown keeps its lease, which is renewed no more', async ({
    assert,
  }) => {
    const node = createNode({ handlers: { deaf: () => new Promise(() => {}) } })
    const { id } = await node.jobs.enqueue('deaf', null)
    await node.jobs.start()
    await node.clock.advance(300)
    const stopping = node.jobs.stop({ deadline: 1_000 })
    await node.clock.advance(3_000)
    await stopping

    const left = await node.tracker.get(id)
    assert.equal(left.state, 'running')
    assert.deepEqual(node.logger.of('warn'), [
      '1 handlers ignore the shutdown; their executions are rescued elsewhere',
    ])
    await node.clock.advance(60_000)
    const [lapsed] = await node.storage.executions.listExpired({
      now: node.clock.now(),
      limit: 10,
    })
    assert.include(lapsed, { id, renewals: left.renewals })
  })

  test('a run that returns in the grace has succeeded', async ({ assert }) => {
    const node = createNode({
      handlers: { tidy: ({ signal }) => aborted(signal).catch(() => 'tidied up') },
    })
    const { id } = await node.jobs.enqueue('tidy', null)
    await node.jobs.start()
    await node.clock.settle()
    const stopping = node.jobs.stop({ deadline: 0 })
    await node.clock.advance(5)
    await stopping
    assert.include(await node.tracker.get(id), { state: 'succeeded', result: 'tidied up' })
  })

  test('twice, or without a start, does no harm; it may start again', async ({ assert }) => {
    const node = createNode({ handlers: { work: () => {} } })
    await node.jobs.stop()
    await node.jobs.start()
    await node.jobs.start()
    await Promise.all([node.jobs.stop(), node.jobs.stop()])
    await node.jobs.stop()
    await node.jobs.start()
    const { id } = await node.jobs.enqueue('work', null)
    await node.clock.settle()
    assert.include(await node.tracker.get(id), { state: 'succeeded' })
    await node.jobs.idle()
    await node.jobs.stop()
  })

  test('ends a single round too, which begins nothing any more', async ({ assert }) => {
    const node = createNode({
      handlers: { work: ({ signal }) => aborted(signal) },
      config: { concurrency: 2 },
    })
    for (let index = 0; index < 5; index++) {
      await node.jobs.enqueue('work', null)
    }
    const round = node.jobs.runOnce()
    await node.clock.settle()
    const stopping = node.jobs.stop({ deadline: 100 })
    const next = node.jobs.runOnce()
    await node.clock.advance(100)
    await stopping
    assert.equal(await round, 2)
    // The next one begins when the stop is through
    await node.clock.settle()
    assert.equal(node.jobs.capacity().running, 2)
    const again = node.jobs.stop({ deadline: 0 })
    await node.clock.advance(100)
    await Promise.all([again, next])
    assert.deepEqual(await node.storage.executions.countByState(), { queued: 5 })
  })

  test('after a stop and a start an outage is outlived as before', async ({ assert }) => {
    const end = gate()
    const node = createNode({ handlers: { work: () => end.promise } })
    await node.jobs.start()
    await node.jobs.stop()
    await node.tracker.stop()
    await node.jobs.start()
    const { id } = await node.jobs.enqueue('work', null)
    await node.clock.settle()
    node.storage.outage()
    end.open()
    await node.clock.advance(10_000)
    node.storage.heal()
    await node.clock.advance(10_000)
    assert.include(await node.tracker.get(id), { state: 'succeeded' })
    await node.jobs.stop()
  })

  test('a store that is away does not hold the process', async ({ assert }) => {
    const { jobs, storage, clock, tracker, begun } = await crowded()
    storage.outage()
    const stopping = jobs.stop({ deadline: 1_000 })
    await clock.advance(10_000)
    await stopping
    await tracker.stop()
    storage.heal()
    const rows = await tracker.history({ handler: 'long' })
    assert.isTrue(rows.every(({ state }) => state === 'running'))
    assert.lengthOf(begun, 1)
  })
})

test.group('Drain | sources', () => {
  const request = (key: string): RunRequest => ({
    handler: 'long',
    payload: null,
    dedupeKey: `req:${key}`,
    concurrencyKey: `map:${key}`,
  })

  /** One slot, held by a run; two requests of the source wait. */
  async function waiting(
    handBack: (executions: ExecutionRecord[]) => Promise<ExecutionRecord[]>,
    stop?: () => Promise<void>
  ) {
    const end = gate()
    const node = createNode({
      handlers: { quick: () => {}, long: () => end.promise },
      config: { concurrency: 1, prefetch: 4 },
    })
    const requests = ['a', 'b', 'c']
    let open = false
    node.jobs.addSource({
      name: 'table',
      pollInterval: 1_000,
      pull: async (seats: Seats) => {
        const taken = open ? requests.splice(0, seats.count) : []
        await seats.run(taken.map(request))
        return taken.length
      },
      handBack,
      stop,
    })
    await node.storage.executions.enqueue({
      now: node.clock.now(),
      executions: Array.from({ length: 10 }, () => newExecution({ handler: 'quick' })),
    })
    await node.jobs.start()
    await node.clock.advance(100)
    open = true
    node.jobs.wake('table')
    await node.clock.advance(100)
    assertWaiting(await node.tracker.history({ handler: 'long', states: ['running'] }))
    return { ...node, end }
  }

  function assertWaiting(rows: ExecutionRecord[]) {
    if (rows.length !== 3) {
      throw new Error(`3 requests should be claimed, ${rows.length} are`)
    }
  }

  test('a source takes its requests back; their executions are deleted', async ({ assert }) => {
    const back: string[] = []
    const node = await waiting(async (executions) => {
      back.push(...executions.map(({ dedupeKey }) => dedupeKey!))
      // One of them is no longer the source's to hand back
      return executions.slice(0, 1)
    })
    const stopping = node.jobs.stop()
    await node.clock.advance(10)
    node.end.open()
    await stopping

    assert.deepEqual(back, ['req:b', 'req:c'])
    const rows = await node.tracker.history({ handler: 'long' })
    assert.deepEqual(
      rows.map(({ dedupeKey, state }) => [dedupeKey, state]),
      [
        ['req:c', 'queued'],
        ['req:a', 'succeeded'],
      ]
    )
    assert.equal(node.counters.get('executions.discarded'), 1)
    assert.equal(node.counters.get('executions.released'), 1)
  })

  test('a source that cannot take them back loses none: they run from the queue', async ({
    assert,
  }) => {
    const node = await waiting(async () => {
      throw new Error('ORA-01034')
    })
    const stopping = node.jobs.stop()
    await node.clock.advance(10)
    node.end.open()
    await stopping
    assert.lengthOf(await node.tracker.history({ handler: 'long', states: ['queued'] }), 2)
    assert.equal(node.counters.get('sources.table.errors'), 1)
  })

  test('a source that does not stop cleanly stops nothing else', async ({ assert }) => {
    const node = await waiting(
      async (executions) => executions,
      async () => {
        throw new Error('no connection')
      }
    )
    node.end.open()
    await node.jobs.stop()
    assert.include(node.logger.of('error'), 'Source "table" did not stop cleanly')
  })

  test('what waits too long behind slow runs is handed back meanwhile', async ({ assert }) => {
    let back = 0
    const node = await waiting(async (executions) => {
      back += executions.length
      return executions
    })
    await node.clock.advance(4_000)
    assert.equal(back, 0)
    await node.clock.advance(7_000)
    assert.equal(back, 2)
    assert.lengthOf(await node.tracker.history({ handler: 'long' }), 1)
    node.end.open()
    await node.jobs.stop()
  })

  test('what a pull brings after the end of the drain is handed back', async ({ assert }) => {
    const hanging = gate()
    const back: string[] = []
    const node = createNode({ handlers: { long: () => {} } })
    node.jobs.addSource({
      name: 'table',
      pollInterval: 1_000,
      pull: async (seats) => {
        await hanging.promise
        await seats.run([request('late')])
        return 1
      },
      handBack: async (executions) => {
        back.push(...executions.map(({ dedupeKey }) => dedupeKey!))
        return executions
      },
    })
    await node.jobs.start()
    await node.clock.settle()
    const stopping = node.jobs.stop({ deadline: 1_000 })
    await node.clock.advance(10_000)
    await stopping
    hanging.open()
    await node.clock.advance(1_000)
    assert.deepEqual(back, ['req:late'])
    assert.isEmpty(await node.tracker.history())
    assert.equal(node.clock.pending, 0)
  })
})
