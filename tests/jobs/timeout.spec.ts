import { test } from '@japa/runner'
import { Succeeded } from '../../src/jobs/outcome.ts'
import { aborted, createNode, gate } from './setup.ts'
import type { HandlerContext } from '../../src/types/handlers.ts'

const forever = () => new Promise<never>(() => {})

test.group('Timeout', () => {
  test('aborts the signal and ends as timed_out', async ({ assert }) => {
    let reason: unknown
    const node = createNode({
      handlers: {
        slow: async ({ signal }) => {
          await aborted(signal).catch((error: unknown) => (reason = error))
          signal.throwIfAborted()
        },
      },
      options: { timeout: '5s' },
    })
    const { id } = await node.jobs.enqueue('slow', null)
    const running = node.jobs.runOnce()
    await node.clock.advance(4_999)
    assert.isUndefined(reason)
    await node.clock.advance(1)
    await running

    assert.equal(reason, 'timeout')
    const { state, error } = await node.tracker.get(id)
    assert.equal(state, 'timed_out')
    assert.include(error, {
      code: 'E_EXECUTION_TIMEOUT',
      message: 'Handler "slow" ran longer than its 5000 ms',
    })
    assert.lengthOf(node.notifier.of('execution:timed_out'), 1)
    assert.equal(node.clock.pending, 0)
  })

  test('is a failed attempt: it is retried while attempts are left', async ({ assert }) => {
    const node = createNode({
      handlers: { slow: ({ signal }) => aborted(signal) },
      options: { timeout: 100, retry: { retries: 1, delay: 0 } },
    })
    const { id } = await node.jobs.enqueue('slow', null)
    const running = node.jobs.runOnce()
    await node.clock.advance(200)
    await running
    assert.include(await node.tracker.get(id), { state: 'timed_out', attempt: 2, failures: 2 })
  })

  test('of the execution comes before that of the handler, and the default is none', async ({
    assert,
  }) => {
    const node = createNode({ handlers: { slow: ({ signal }) => aborted(signal) } })
    const { id } = await node.jobs.enqueue('slow', null, { timeout: '2s' })
    const running = node.jobs.runOnce()
    await node.clock.advance(2_000)
    await running
    assert.include(await node.tracker.get(id), { state: 'timed_out' })

    const end = gate()
    const free = createNode({ handlers: { slow: () => end.promise } })
    await free.jobs.enqueue('slow', null)
    const unlimited = free.jobs.runOnce()
    await free.clock.advance(3_600_000)
    end.open()
    await unlimited
    assert.equal(free.counters.get('executions.succeeded'), 1)
  })

  test('can be moved by the handler while it runs', async ({ assert }) => {
    const end = gate()
    const node = createNode({
      handlers: {
        slow: async ({ extend, signal }) => {
          extend('10s')
          await Promise.race([end.promise, aborted(signal)])
        },
      },
      options: { timeout: '1s' },
    })
    const { id } = await node.jobs.enqueue('slow', null)
    const running = node.jobs.runOnce()
    await node.clock.advance(9_999)
    assert.include(await node.tracker.get(id), { state: 'running' })
    await node.clock.advance(1)
    await running
    const { error } = await node.tracker.get(id)
    assert.match(error!.message, /longer than its 10000 ms/)
  })

  test('once it has expired, extending changes nothing', async ({ assert }) => {
    let kept: HandlerContext | undefined
    const node = createNode({
      handlers: {
        slow: (context) => {
          kept = context
          return aborted(context.signal)
        },
      },
      options: { timeout: 10 },
    })
    await node.jobs.enqueue('slow', null)
    const running = node.jobs.runOnce()
    await node.clock.advance(10)
    await running
    kept!.extend('1h')
    assert.equal(node.clock.pending, 0)
  })

  test('a handler may insist that it has succeeded', async ({ assert }) => {
    const node = createNode({
      handlers: {
        late: ({ signal }) =>
          aborted(signal).catch(() => {
            throw new Succeeded('committed before')
          }),
      },
      options: { timeout: 10 },
    })
    const { id } = await node.jobs.enqueue('late', null)
    const running = node.jobs.runOnce()
    await node.clock.advance(10)
    await running
    assert.include(await node.tracker.get(id), { state: 'succeeded', result: 'committed before' })
  })
})

test.group('Timeout | a handler that ignores it', () => {
  test('is reported; its outcome is stored at once when nothing could begin by it', async ({
    assert,
  }) => {
    const node = createNode({
      handlers: { hung: forever },
      options: { timeout: 100 },
      config: { concurrency: 2 },
    })
    const { id } = await node.jobs.enqueue('hung', null)
    void node.jobs.runOnce()
    await node.clock.advance(100 + 999)
    assert.include(await node.tracker.get(id), { state: 'running' })
    await node.clock.advance(1)

    assert.include(await node.tracker.get(id), { state: 'timed_out' })
    assert.equal(node.counters.get('executions.stuck'), 1)
    assert.deepEqual(node.logger.of('warn'), [
      'Handler "hung" ignores its timeout; its slot stays taken until it ends',
    ])
    assert.deepEqual(node.jobs.capacity(), { total: 2, free: 1, running: 1 })
  })

  test('keeps its key and its lease until it ends', async ({ assert }) => {
    const end = gate()
    const node = createNode({
      handlers: { deaf: () => end.promise },
      options: { timeout: 100 },
    })
    const first = await node.jobs.enqueue('deaf', null, { concurrencyKey: 'stock' })
    const second = await node.jobs.enqueue('deaf', null, { concurrencyKey: 'stock' })
    const running = node.jobs.runOnce()
    await node.clock.advance(20_000)
    assert.include(await node.tracker.get(first.id), { state: 'running' })
    assert.include(await node.tracker.get(second.id), { state: 'queued' })

    end.open()
    await running
    assert.include(await node.tracker.get(first.id), { state: 'timed_out' })
    assert.include(await node.tracker.get(second.id), { state: 'succeeded' })
  })

  test('gives its key up after the length of a lease, so that it blocks nothing for ever', async ({
    assert,
  }) => {
    const end = gate()
    let runs = 0
    const node = createNode({
      handlers: { hung: () => (runs++ === 0 ? end.promise : undefined) },
      options: { timeout: 100 },
    })
    const first = await node.jobs.enqueue('hung', null, { concurrencyKey: 'stock' })
    const second = await node.jobs.enqueue('hung', null, { concurrencyKey: 'stock' })
    await node.jobs.start()
    await node.clock.advance(100 + 29_999)
    assert.include(await node.tracker.get(first.id), { state: 'running' })
    await node.clock.advance(1_001)

    assert.include(await node.tracker.get(first.id), { state: 'timed_out' })
    assert.include(await node.tracker.get(second.id), { state: 'succeeded' })
    assert.equal(node.jobs.capacity().running, 1)

    end.open()
    await node.clock.settle()
    assert.equal(node.jobs.capacity().running, 0)
    assert.include(node.logger.of('info'), 'A stuck handler has ended at last')
    await node.jobs.stop()
  })

  test('is not tried again beside itself before that', async ({ assert }) => {
    let runs = 0
    const node = createNode({
      handlers: {
        hung: () => {
          runs++
          return forever()
        },
      },
      options: { timeout: 100, retry: { retries: 1, delay: 0 } },
    })
    const { id } = await node.jobs.enqueue('hung', null)
    await node.jobs.start()
    await node.clock.advance(29_000)
    assert.equal(runs, 1)
    await node.clock.advance(3_000)
    assert.equal(runs, 2)
    // The second attempt was the last: its outcome does not wait
    await node.clock.advance(2_000)
    assert.include(await node.tracker.get(id), { state: 'timed_out', attempt: 2, failures: 2 })
    assert.equal(node.jobs.capacity().running, 2)

    const stopped = node.jobs.stop({ deadline: 0 })
    await node.clock.advance(2_000)
    await stopped
  })

  test('of an execution that was cancelled before ends as cancelled', async ({ assert }) => {
    const node = createNode({ handlers: { hung: forever }, options: { timeout: 100 } })
    const { id } = await node.jobs.enqueue('hung', null)
    void node.jobs.runOnce()
    await node.clock.settle()
    await node.jobs.cancel(id, { reason: 'by ana' })
    await node.clock.advance(1_100)
    assert.include(await node.tracker.get(id), { state: 'cancelled', reason: 'by ana' })
  })
})
