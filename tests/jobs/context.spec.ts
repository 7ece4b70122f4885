import { test } from '@japa/runner'
import { config, createNode } from './setup.ts'
import type { HandlerContext } from '../../src/types/handlers.ts'

test.group('Run | what a handler does to what it is given', () => {
  test('what the handler writes to its context reaches neither store nor retry', async ({
    assert,
  }) => {
    const payloads: unknown[] = []
    const node = createNode({
      config: { retry: { ...config.retry, retries: 1, delay: 0 } },
      handlers: {
        load: (context: HandlerContext<{ rows: number[] }>) => {
          payloads.push(structuredClone(context.payload))
          context.payload.rows.push(3)
          assert.throws(() => Object.assign(context.execution, { id: 'other' }), TypeError)
          assert.throws(() => Object.assign(context.execution.payload!, { rows: [] }), TypeError)
          assert.deepEqual(context.execution.payload, { rows: [1, 2] })
          if (context.attempt === 1) {
            throw new Error('once more')
          }
        },
      },
    })
    const { id } = await node.jobs.enqueue('load', { rows: [1, 2] })
    await node.jobs.runOnce()
    await node.jobs.runOnce()
    assert.deepEqual(payloads, [{ rows: [1, 2] }, { rows: [1, 2] }])
    assert.deepInclude(await node.tracker.get(id), {
      state: 'succeeded',
      attempt: 2,
      payload: { rows: [1, 2] },
    })
  })
})
