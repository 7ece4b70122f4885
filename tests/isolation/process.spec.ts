import { test } from '@japa/runner'
import { isAlive } from '../helpers/processes.ts'
import { assertCapped, assertWholeContext, assertWords } from './contract.ts'
import { bootWorld, written } from './world.ts'

test.group('Isolation | in a process', (group) => {
  group.tap((t) => t.timeout(60_000))

  test('has its whole context, in an app of its own that does not start working', async ({
    assert,
    fs,
  }) => {
    process.env.ISOLATED_ROLE = 'console'
    const { almanac } = await bootWorld(fs)
    const result = await assertWholeContext(almanac, 'polite', assert)
    delete process.env.ISOLATED_ROLE
    assert.notEqual(result.pid, process.pid)
    assert.isFalse(await isAlive(result.pid as number))
  })

  test('says how it ends as one that is not isolated', async ({ assert, fs }) => {
    const { almanac } = await bootWorld(fs)
    await assertWords(almanac, 'polite', assert)
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
    await assertCapped(almanac, { greedy: 'greedy', polite: 'polite' }, assert)
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
