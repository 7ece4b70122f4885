import { test } from '@japa/runner'
import { ThreadIsolator } from '../../src/isolation/thread_isolator.ts'
import type { HandlerContext } from '../../src/types/handlers.ts'
import { createNode } from '../jobs/setup.ts'
import { bootWorld, written } from './world.ts'
import { assertCapped, assertWholeContext, assertWords } from './contract.ts'

test.group('Isolation | in a thread', (group) => {
  group.tap((t) => t.timeout(60_000))

  test('has its whole context, in an app of its own that does not start working', async ({
    assert,
    fs,
  }) => {
    const { almanac } = await bootWorld(fs)
    const result = await assertWholeContext(almanac, 'polite_thread', assert)
    assert.equal(result.pid, process.pid)
    assert.isAbove(result.thread as number, 0)
  })

  test('says how it ends as one that is not isolated', async ({ assert, fs }) => {
    const { almanac } = await bootWorld(fs)
    await assertWords(almanac, 'polite_thread', assert)
  })

  test('keeps its thread, and the app in it, for the next attempt', async ({ assert, fs }) => {
    const { almanac } = await bootWorld(fs)
    const threads = []
    for (const say of ['one', 'two']) {
      const { id } = await almanac.enqueue('polite_thread', { say })
      await almanac.runOnce()
      const { result } = await almanac.executions.get(id)
      threads.push((result as { thread: number }).thread)
    }
    assert.isAbove(threads[0], 0)
    assert.equal(threads[1], threads[0])
  })

  test('that was aborted before its thread is there does not begin', async ({ assert }) => {
    const { clock, logger } = createNode()
    const threads = new ThreadIsolator({ clock, logger, root: import.meta.url })
    const isolation = { in: 'thread', memory: null, grace: 1_000, module: import.meta.url } as const
    const signal = AbortSignal.abort('cancelled')
    // Nothing else of it is asked for
    const context = { signal } as HandlerContext
    const thrown = await threads.run('work', isolation, context).catch((error: unknown) => error)
    assert.equal(thrown, 'cancelled')
    await threads.close()
  })

  test('prints into the log of its own attempt, in order and capped', async ({ assert, fs }) => {
    const { almanac } = await bootWorld(fs)
    const printed = async (lines: number) => {
      const { id } = await almanac.enqueue('printing_thread', { lines })
      await almanac.runOnce()
      const { state, result } = await almanac.executions.get(id)
      assert.equal(state, 'succeeded')
      const logs = await almanac.executions.logs(id, { limit: 1_000 })
      return { result, logs: logs.map(({ level, message }) => `${level} ${message}`) }
    }
    const first = await printed(2)
    assert.deepEqual(first.logs, [
      ...['info begun', 'info line 1', 'info line 2', 'warn a warning', 'info from a timer'],
      ...['info é, in two parts', 'info without an end'],
    ])
    assert.equal(first.result, 'written')
    // What the first left behind prints while the second runs
    const second = await printed(1_000)
    assert.notInclude(second.logs.join(), 'left behind')
    assert.lengthOf(
      second.logs.filter((line) => line.startsWith('info line')),
      900
    )
    assert.match(second.logs.at(-1)!, /warn 10\d further lines of output were not kept/)
  })

  test('that burns its processor leaves the heartbeats here in time, and is ended within its grace', async ({
    assert,
    fs,
  }) => {
    const { almanac } = await bootWorld(fs, { lease: { ttl: '600ms', renew: '150ms' } })
    const mark = `${fs.basePath}/looping`
    const { id } = await almanac.enqueue('looping_thread', { mark })
    const running = almanac.runOnce()
    await written(mark)
    const renewals = async () => {
      const execution = await almanac.executions.get(id)
      return execution.renewals
    }
    const before = await renewals()
    while ((await renewals()) < before + 4) {
      // each renewal needs this event loop
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    const asked = performance.now()
    await almanac.cancel(id, { reason: 'by ana' })
    await running
    // The grace is 200 ms; the machine may be busy
    assert.isBelow(performance.now() - asked, 5_000)
    assert.containSubset(await almanac.executions.get(id), {
      ...{ state: 'cancelled', reason: 'by ana' },
      ...{ attempt: 1, rescues: 0 },
    })
  })

  test('that passes its memory cap fails its own attempt alone', async ({ assert, fs }) => {
    const { almanac } = await bootWorld(fs)
    await assertCapped(almanac, { greedy: 'greedy_thread', polite: 'polite_thread' }, assert)
  })

  test('that ends its thread has failed, with its exit code; the node goes on', async ({
    assert,
    fs,
  }) => {
    const { almanac } = await bootWorld(fs)
    const { id } = await almanac.enqueue('leaving_thread', null)
    await almanac.runOnce()
    const { state, error } = await almanac.executions.get(id)
    assert.equal(state, 'failed')
    assert.match(error!.message, /"leaving_thread" gave no answer: its thread ended: .*code: 7/)
    const polite = await almanac.enqueue('polite_thread', { say: 'hello' })
    await almanac.runOnce()
    assert.include(await almanac.executions.get(polite.id), { state: 'succeeded' })
  })
})
