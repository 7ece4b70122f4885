import { test } from '@japa/runner'
import { at, hourly, setup } from './support.ts'

test.group('Event manager | trigger', () => {
  test('queues a run beside the slots', async ({ assert }) => {
    const { events, lastEntry, notices, woken } = setup()
    const { id } = await events.create({ ...hourly, payload: { a: 1 }, timeout: '5s', retries: 2 })
    notices.clear()

    const execution = await events.trigger(id, { by: 'anna' })

    assert.containsSubset(execution, {
      eventId: id,
      state: 'queued',
      origin: 'manual',
      slot: null,
      slotKey: null,
      payload: { a: 1 },
      concurrencyKey: `event:${id}`,
      queue: 'default',
      priority: 5,
      timeout: 5_000,
      retries: 2,
    })
    const row = await lastEntry()
    assert.containsSubset(row, {
      kind: 'event.triggered',
      actor: 'anna',
      subject: id,
      after: { executionId: execution.id, payload: { a: 1 } },
    })
    assert.deepEqual(notices.names(), ['execution:queued'])
    assert.equal(notices.of('execution:queued')[0].executionId, execution.id)
    assert.equal(woken.count, 2)
    const event = await events.get(id)
    assert.equal(event.nextRunAt, at('07:00:00'))
    assert.equal(event.runCount, 0)
  })

  test('takes another payload, null included', async ({ assert }) => {
    const { events } = setup()
    const { id } = await events.create({ ...hourly, payload: 'own' })

    const runs = [
      await events.trigger(id, { payload: 'other' }),
      await events.trigger(id, { payload: null }),
      await events.trigger(id),
    ]
    assert.deepEqual(
      runs.map(({ payload }) => payload),
      ['other', null, 'own']
    )
  })

  test('refuses a payload that is too large, and an unknown event', async ({ assert }) => {
    const { events } = setup()
    const { id } = await events.create(hourly)

    await assert.rejects(() => events.trigger(id, { payload: 'x'.repeat(1_000) }), /payload/)
    const misspelt = { payloud: 1 } as never
    await assert.rejects(() => events.trigger(id, misspelt), /payloud.*unknown/s)
    await assert.rejects(() => events.trigger('none'), /There is no event/)
  })

  test('a paused event can be run by hand', async ({ assert }) => {
    const { events } = setup()
    const { id } = await events.create({ ...hourly, enabled: false })

    assert.containsSubset(await events.trigger(id), { state: 'queued' })
  })

  test('takes queue and priority of the handler, and the key of the event', async ({ assert }) => {
    const { events } = setup()
    const { id } = await events.create({
      ...hourly,
      handler: 'report',
      overlap: 'allow',
    })
    const { queue, priority, concurrencyKey } = await events.trigger(id)

    assert.equal(queue, 'reports')
    assert.equal(priority, 2)
    assert.isNull(concurrencyKey)
  })
})
