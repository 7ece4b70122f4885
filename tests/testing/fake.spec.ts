import { test } from '@japa/runner'
import { Handler } from '../../src/handler.ts'
import { createTestAlmanac, type TestAlmanac } from '../../src/testing/main.ts'

class SendReceipt extends Handler<{ orderId: number }> {
  async handle() {}
}
class CloseDay extends Handler<{ day: string }> {
  async handle() {
    throw new Error('a fake runs nothing')
  }
}

async function setup(): Promise<TestAlmanac> {
  return createTestAlmanac({ handlers: [SendReceipt, CloseDay] })
}

test.group('Fake', () => {
  test('records what is enqueued, stores and runs nothing', async ({ assert }) => {
    await using t = await setup()
    using fake = t.almanac.fake()
    const queued = await t.almanac.enqueue(SendReceipt, { orderId: 1 }, { queue: 'mail' })
    assert.isTrue(queued.inserted)
    await t.almanac.enqueue('close_day', { day: '2026-01-05' })
    await t.tick()

    assert.deepEqual(
      fake.enqueued.map(({ handler, payload, options }) => ({ handler, payload, options })),
      [
        { handler: 'send_receipt', payload: { orderId: 1 }, options: { queue: 'mail' } },
        { handler: 'close_day', payload: { day: '2026-01-05' }, options: {} },
      ]
    )
    assert.deepEqual(await t.almanac.history(), [])
  })

  test('asserts by class or name, with a payload or a predicate', async ({ assert }) => {
    await using t = await setup()
    using fake = t.almanac.fake()
    await t.almanac.enqueue(SendReceipt, { orderId: 1 })

    fake.assertEnqueued(SendReceipt)
    fake.assertEnqueued('send_receipt')
    fake.assertEnqueued(SendReceipt, { orderId: 1 })
    fake.assertEnqueued(SendReceipt, ({ orderId }) => orderId === 1)
    fake.assertEnqueued(SendReceipt, (_payload, call) => call.options.queue === undefined)
    fake.assertNotEnqueued(CloseDay)
    fake.assertNotEnqueued(SendReceipt, { orderId: 2 })
    fake.assertEnqueuedCount(SendReceipt, 1)
    fake.assertNothingTriggered()

    assert.throws(() => fake.assertEnqueued(CloseDay), /Expected "close_day" to be enqueued; rec/)
    assert.throws(
      () => fake.assertEnqueued(SendReceipt, { orderId: 2 }),
      /"send_receipt" with \{ orderId: 2 \} to be enqueued; recorded:\n {2}enqueued send_receipt/
    )
    assert.throws(
      () => fake.assertEnqueued(SendReceipt, () => false),
      /with a payload that the function accepts/
    )
    assert.throws(() => fake.assertNotEnqueued(SendReceipt), /not to be enqueued/)
    assert.throws(() => fake.assertEnqueuedCount(SendReceipt, 2), /2 times, not 1/)
    assert.throws(() => fake.assertNothingEnqueued(), /Expected nothing to be enqueued/)
    fake.clear()
    fake.assertNothingEnqueued()
    assert.throws(() => fake.assertEnqueued(SendReceipt), /nothing was recorded/)
  })

  test('records triggers, those of almanac.events as well', async ({ assert }) => {
    await using t = await setup()
    const event = await t.almanac.events.create({
      name: 'close',
      handler: CloseDay,
      payload: { day: '2026-01-05' },
      trigger: { kind: 'interval', every: '1h' },
    })
    using fake = t.almanac.fake()
    const execution = await t.almanac.trigger(event.id, { payload: { day: '2026-01-04' } })
    await t.almanac.events.trigger(event.id)

    assert.equal(execution.state, 'queued')
    assert.equal(execution.eventId, event.id)
    fake.assertTriggered(event.id)
    assert.deepEqual(
      fake.triggered.map(({ payload }) => payload),
      [{ day: '2026-01-04' }, undefined]
    )
    assert.throws(() => fake.assertTriggered('other'), /event "other" to be triggered/)
    assert.throws(() => fake.assertNothingTriggered(), /nothing to be triggered/)
    assert.deepEqual(await t.almanac.history(), [])
    // The rest of the events is real
    assert.deepEqual(await t.almanac.events.get(event.id), event)
  })

  test('the real queue is back after dispose; fakes nest', async ({ assert }) => {
    await using t = await setup()
    {
      using outer = t.almanac.fake()
      {
        using inner = t.almanac.fake()
        await t.almanac.enqueue(SendReceipt, { orderId: 1 })
        inner.assertEnqueued(SendReceipt)
      }
      outer.assertNothingEnqueued()
      await t.almanac.enqueue(SendReceipt, { orderId: 2 })
      outer.assertEnqueued(SendReceipt)
    }
    await t.almanac.enqueue(SendReceipt, { orderId: 3 })
    const [execution] = await t.almanac.history()
    assert.deepEqual(execution.payload, { orderId: 3 })
  })
})
