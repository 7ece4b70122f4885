import { test } from '@japa/runner'
import { Hold } from '../../src/jobs/hold.ts'
import { claimed, createStore } from './setup.ts'
import type { Lane } from '../../src/jobs/lane.ts'

test.group('Hold', () => {
  test('an end says by what the store counts its execution', async ({ assert }) => {
    const { clock, storage } = createStore()
    const [execution] = await claimed(storage, clock, [{ subject: 'order/1', eventId: 'e1' }])
    const lane = {} as Lane
    const hold = new Hold({ execution, lane, source: 'own', trustedUntil: Infinity, clock })
    hold.begin()
    assert.deepInclude(hold.settlement({ to: 'succeeded', result: 1 }), {
      id: execution.id,
      node: execution.node,
      attempt: 1,
      eventId: 'e1',
      handler: 'work',
      subject: 'order/1',
      startedAt: execution.startedAt,
      to: 'succeeded',
      result: 1,
    })
  })
})
