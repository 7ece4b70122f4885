import { test } from '@japa/runner'
import { createNode, createStore, gate } from './setup.ts'
import { E_INVALID_INPUT } from '../../src/errors.ts'
import { RemoteLock } from '../../src/isolation/remote_lock.ts'
import type { HandlerContext, HandlerLock } from '../../src/types/handlers.ts'

/** A node whose handler hands out its context, and ends when it is told to. */
async function holding(store = createStore(), nodeId = 'test.00000001') {
  const context = gate<HandlerContext>()
  const end = gate()
  const node = createNode({
    store,
    nodeId,
    handlers: {
      [nodeId]: (given: HandlerContext) => {
        context.open(given)
        return end.promise
      },
    },
  })
  const { id } = await node.jobs.enqueue(nodeId, null)
  const running = node.jobs.runOnce()
  return { node, id, store, context: await context.promise, end: end.open, running }
}

test.group('Locks', () => {
  test('one holds it at a time, over all nodes, until it is released', async ({ assert }) => {
    const first = await holding()
    const second = await holding(first.store, 'test.00000002')
    const mine = first.context.lock('stock')
    const theirs = second.context.lock('stock')
    assert.isTrue(await mine.tryAcquire())
    assert.isFalse(await theirs.tryAcquire())
    assert.isTrue(await second.context.lock('other').tryAcquire())
    await mine.release()
    assert.isTrue(await theirs.tryAcquire())
    first.end()
    second.end()
    await Promise.all([first.running, second.running])
  })

  test('it is renewed while it is held, and released with the execution', async ({ assert }) => {
    const first = await holding()
    const second = await holding(first.store, 'test.00000002')
    const theirs = second.context.lock('stock', '10s')
    assert.isTrue(await first.context.lock('stock', '1s').tryAcquire())
    await first.store.clock.advance(20_000)
    assert.isFalse(await theirs.tryAcquire())
    first.end()
    await first.running
    assert.isTrue(await theirs.tryAcquire())
    second.end()
    await second.running
    assert.equal(first.store.clock.pending, 0)
  })

  test('runs of one lock take turns, whatever becomes of them', async ({ assert }) => {
    const { context, end, running } = await holding()
    const lock = context.lock('stock')
    const done: string[] = []
    const [first, second] = [gate(), gate()]
    const one = lock.run(async () => {
      done.push('one begins')
      await first.promise
      done.push('one ends')
      throw new Error('in vain')
    })
    const two = lock.run(async () => {
      done.push('two begins')
      await second.promise
      assert.isFalse(await context.lock('stock').tryAcquire())
    })
    first.open()
    await assert.rejects(() => one, 'in vain')
    second.open()
    await two
    assert.deepEqual(done, ['one begins', 'one ends', 'two begins'])
    end()
    await running
  })

  test('acquire waits for it, and no longer than it was told to', async ({ assert }) => {
    const first = await holding()
    const second = await holding(first.store, 'test.00000002')
    const mine = first.context.lock('stock')
    await mine.acquire()
    const late = second.context.lock('stock').acquire({ wait: '3s' })
    const refused = assert.rejects(() => late, 'The lock "stock" was not free within 3000 ms')
    await first.store.clock.advance(3_100)
    await refused

    const work = second.context.lock('stock').run(() => 'done')
    await first.store.clock.advance(500)
    await mine.release()
    await first.store.clock.advance(1_000)
    assert.equal(await work, 'done')
    assert.isTrue(await mine.tryAcquire())
    first.end()
    second.end()
    await Promise.all([first.running, second.running])
  })

  test('one that could not be kept says so', async ({ assert }) => {
    const { context, store, end, running } = await holding()
    const lock: HandlerLock = context.lock('stock', '3s')
    await lock.acquire()
    store.storage.fail('leases.renew', { times: Infinity })
    await store.clock.advance(5_000)
    assert.equal(lock.signal.reason, 'lock lost')
    await assert.rejects(() => lock.extend(), 'The lock "stock" is not held')
    end()
    await running
  })

  test('a name or ttl that cannot be used is refused, all at once', async ({ assert }) => {
    const { context, end, running } = await holding()
    for (const [name, ttl] of [
      ['', '5s'],
      ['a', 'soon'],
      ['a', 1],
      [7, -1],
      ['x'.repeat(201), '1s'],
    ]) {
      assert.throws(() => context.lock(name as string, ttl), /The lock is not valid/)
    }
    assert.throws(() => context.lock('', 'soon'), /name .*; ttl/)
    end()
    await running
  })

  test('work that is no function is refused before anything is waited for: {0}')
    .with([
      [undefined, undefined, /"stock" is not valid: work \(undefined\): give a function/],
      ['x', { wait: 'soon' }, /work \(x\): give a function .*; wait \(soon\)/],
    ] as const)
    .run(async ({ assert }, [work, options, message]) => {
      const { context, store, end, running } = await holding()
      const remote = new RemoteLock(0, 'stock', '5s', () => assert.fail('it was asked for'))
      for (const lock of [context.lock('stock'), remote]) {
        const given = [work, options] as unknown as Parameters<HandlerLock['run']>
        const error = await lock.run(...given).catch((reason: unknown) => reason)
        assert.instanceOf(error, E_INVALID_INPUT)
        assert.match(String(error), message)
      }
      assert.equal(store.storage.calls('leases.acquire'), 0)
      end()
      await running
    })
})

test.group('Stuck | after a cancel', () => {
  test('a handler that ignores it is reported, and its outcome is its own', async ({ assert }) => {
    const { node, id, store, end, running } = await holding()
    await node.jobs.cancel(id, { reason: 'by ana' })
    await store.clock.advance(9_999)
    assert.equal(node.counters.get('executions.stuck'), 0)
    await store.clock.advance(1)
    assert.equal(node.counters.get('executions.stuck'), 1)
    assert.include(
      node.logger.of('warn'),
      'Handler "test.00000001" ignores its cancel; its slot stays taken until it ends'
    )
    await store.clock.advance(120_000)
    assert.include(await node.tracker.get(id), { state: 'running' })
    end()
    await running
    assert.include(await node.tracker.get(id), { state: 'cancelled', reason: 'by ana' })
  })
})
