import { test } from '@japa/runner'
import { isAlive } from '../helpers/processes.ts'
import { bootWorld, written } from './world.ts'

test.group('Isolation | in a process', (group) => {
  group.tap((t) => t.timeout(60_000))

  test('has its whole context, in an app of its own that does not start working', async ({
    assert,
    fs,
  }) => {
    process.env.ISOLATED_ROLE = 'console'
    const { almanac } = await bootWorld(fs)
    const { id } = await almanac.enqueue('polite', { say: 'hello' })
    const running = almanac.runOnce()
    const done = await almanac.waitFor(id)
    await running
    delete process.env.ISOLATED_ROLE

    const result = done!.result as Record<string, unknown>
    assert.containSubset(done, { state: 'succeeded', checkpoint: { page: 2 } })
    assert.containSubset(result, { attempt: 1, fencingToken: 1, before: null, after: { page: 2 } })
    assert.containSubset(result, { busy: false, state: 'ready' })
    assert.notEqual(result.pid, process.pid)
    assert.containSubset(done!.progress, { done: 1, total: 4, message: 'loading' })
    assert.include(await almanac.executions.get(result.id as string), { handler: 'noted' })
    const logs = await almanac.executions.logs(id)
    assert.sameMembers(
      logs.map(({ message }) => message),
      ['begun', 'printed']
    )
    const begun = logs.find(({ message }) => message === 'begun')
    assert.containSubset(begun!.data, { at: { name: 'Error', message: 'spelled out' } })
    assert.isFalse(await isAlive(result.pid as number))
  })

  test('says how it ends as one that is not isolated', async ({ assert, fs }) => {
    const { almanac } = await bootWorld(fs)
    const [snoozed, failed, thrown] = await Promise.all(
      ['snooze', 'fail', 'throw'].map((say) => almanac.enqueue('polite', { say }))
    )
    await almanac.runOnce()
    assert.include(await almanac.executions.get(snoozed.id), { state: 'queued', failures: 0 })
    assert.containSubset(await almanac.executions.get(failed.id), {
      state: 'failed',
      result: { row: 7 },
      error: { message: 'no such row', cause: { name: 'RangeError', message: '7' } },
    })
    const { error } = await almanac.executions.get(thrown.id)
    assert.containSubset(error, {
      ...{ name: 'TypeError', message: 'no route', code: 'E_NET' },
      cause: { message: 'dns' },
    })
    assert.match(error!.stack!, /polite\.ts/)
  })

  test('that ignores SIGTERM is killed within its grace, and nothing is left', async ({
    assert,
    fs,
  }) => {
    const { almanac } = await bootWorld(fs)
    const mark = `${fs.basePath}/stubborn`
    const { id } = await almanac.enqueue('stubborn', { mark })
    const running = almanac.runOnce()
    const pid = Number(await written(mark))
    assert.isTrue(await isAlive(pid))
    const asked = performance.now()
    await almanac.cancel(id, { reason: 'by ana' })
    await running
    // The grace is 300 ms; the machine may be busy
    assert.isBelow(performance.now() - asked, 5_000)
    assert.equal(await written(`${mark}.term`), 'cancelled')
    assert.isFalse(await isAlive(pid))
    assert.include(await almanac.executions.get(id), { state: 'cancelled', reason: 'by ana' })
  })

  test('that loops for ever leaves the event loop here free, and can be ended', async ({
    assert,
    fs,
  }) => {
    const { almanac } = await bootWorld(fs)
    const mark = `${fs.basePath}/looping`
    const { id } = await almanac.enqueue('looping', { mark })
    const running = almanac.runOnce()
    const pid = Number(await written(mark))
    for (let turn = 0; turn < 100; turn++) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.isTrue(await isAlive(pid))
    await almanac.cancel(id)
    await running
    assert.isFalse(await isAlive(pid))
    assert.include(await almanac.executions.get(id), { state: 'cancelled' })
  })

  test('that passes its memory cap fails its own attempt alone', async ({ assert, fs }) => {
    const { almanac } = await bootWorld(fs)
    const greedy = await almanac.enqueue('greedy', null)
    const polite = await almanac.enqueue('polite', { say: 'hello' })
    await almanac.runOnce()
    const { state, error } = await almanac.executions.get(greedy.id)
    assert.equal(state, 'failed')
    assert.equal(error!.code, 'E_HANDLER_EXITED')
    assert.match(error!.message, /needed more memory than its 96 MiB/)
    assert.include(await almanac.executions.get(polite.id), { state: 'succeeded' })
  })

  test('that ends without an answer has failed, with its exit code', async ({ assert, fs }) => {
    const { almanac } = await bootWorld(fs)
    const { id } = await almanac.enqueue('leaving', null)
    await almanac.runOnce()
    const { state, error } = await almanac.executions.get(id)
    assert.equal(state, 'failed')
    assert.equal(
      error!.message,
      'Isolated handler "leaving" gave no answer: it ended with code 7: cannot go on'
    )
  })
})
