import { test } from '@japa/runner'
import AlmanacDead from '../../commands/almanac_dead.ts'
import AlmanacRetry from '../../commands/almanac_retry.ts'
import { setup } from './ace.ts'

test.group('almanac:dead and almanac:retry', () => {
  test('list dead letters, and run them again', async ({ assert, fs }) => {
    const { run, almanac } = await setup(fs)
    const { id } = await almanac.enqueue('fail', 1, { retries: 0, subject: 'order 7' })
    await almanac.runOnce()
    const table = await run(AlmanacDead)
    for (const part of [id, 'fail', 'failed', 'it broke']) {
      assert.include(table.text, part)
    }
    const listed = await run(AlmanacDead, ['--json', '--subject=order 7'])
    assert.containSubset(listed.json(), [{ id }])

    const again = await run(AlmanacRetry, [id])
    assert.match(again.text, new RegExp(`${id} runs again as`))
    const twice = await run(AlmanacRetry, ['--json', id])
    assert.containSubset(twice.json(), [{ from: id, inserted: false }])
    const none = await run(AlmanacRetry, ['--all'])
    assert.equal(none.exitCode, 0)
    assert.include(none.text, 'There is nothing to run again')
  })

  test('refuse what cannot be meant', async ({ assert, fs }) => {
    const { run } = await setup(fs)
    const all = await run(AlmanacRetry)
    assert.equal(all.exitCode, 1)
    assert.include(all.text, 'give ids, a filter, or --all')
    const unknown = await run(AlmanacRetry, ['nobody'])
    assert.equal(unknown.exitCode, 1)
    const limit = await run(AlmanacDead, ['--limit=0'])
    assert.equal(limit.exitCode, 1)
  })
})
