import { test } from '@japa/runner'
import { hostile, unreadable } from '../executions/unreadable.ts'
import { createNode } from './setup.ts'

test.group('Run | errors that cannot be read', () => {
  test('a handler that throws one has failed, and the next one runs: {0}')
    .with([
      ['a getter', () => unreadable('message'), '(the message of the error could not be read)'],
      ['a proxy', hostile, '(what was thrown could not be read)'],
    ] as [string, () => unknown, string][])
    .run(async ({ assert }, [, make, message]) => {
      const node = createNode({
        handlers: {
          bad: () => {
            throw make()
          },
          good: () => 'done',
        },
      })
      const bad = await node.jobs.enqueue('bad', null)
      const good = await node.jobs.enqueue('good', null)
      await node.jobs.runOnce()
      const failed = await node.tracker.get(bad.id)
      assert.equal(failed.state, 'failed')
      assert.equal(failed.error?.message, message)
      assert.include(await node.tracker.get(good.id), { state: 'succeeded' })
    })

  test('a result whose toJSON throws one is left out', async ({ assert }) => {
    const toJSON = () => {
      throw hostile()
    }
    const node = createNode({ handlers: { work: () => ({ toJSON }) } })
    const { id } = await node.jobs.enqueue('work', null)
    await node.jobs.runOnce()
    assert.include(await node.tracker.get(id), { state: 'succeeded', result: null })
    const [entry] = await node.tracker.logs(id)
    assert.match(entry.message, /The result was not stored/)
  })

  test('one in the data of a log line is spelled out as far as it can be', async ({ assert }) => {
    const node = createNode({
      handlers: { work: ({ logger }) => logger.warn('odd', { error: unreadable('stack') }) },
    })
    const { id } = await node.jobs.enqueue('work', null)
    await node.jobs.runOnce()
    const [entry] = await node.tracker.logs(id)
    assert.deepEqual(entry.data, {
      error: {
        name: 'Error',
        message: 'boom',
        stack: '(the stack of the error could not be read)',
      },
    })
  })
})
