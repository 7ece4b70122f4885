import { test } from '@japa/runner'
import { at, hourly, HOUR, setup } from './support.ts'

test.group('Event manager | races', () => {
  test('an edit that a tick overtakes plans again', async ({ assert }) => {
    const { clock, storage, events, executions } = setup()
    const { id } = await events.create(hourly)
    await clock.advance(HOUR)
    const release = storage.hold('events.update')
    const edit = events.update(id, { payload: 'new' })
    await clock.settle()
    await storage.events.fire({
      now: clock.now(),
      firings: [
        {
          eventId: id,
          expectedNextRunAt: at('07:00:00'),
          nextRunAt: at('08:00:00'),
          executions: [],
          missed: [],
          extendsOpenMissed: false,
          leavesMissedOpen: false,
          lastSlot: at('07:00:00'),
        },
      ],
    })
    release()

    const event = await edit

    assert.equal(event.payload, 'new')
    assert.equal(event.nextRunAt, at('08:00:00'))
    assert.isEmpty(await executions(id), 'the slot is decided already')
  })

  test('edits at once both take effect', async ({ assert }) => {
    const { events } = setup()
    const { id } = await events.create(hourly)

    await Promise.all([events.update(id, { priority: 1 }), events.update(id, { queue: 'fast' })])

    const event = await events.get(id)
    assert.equal(event.priority, 1)
    assert.equal(event.queue, 'fast')
    assert.equal(event.version, 3)
  })

  test('a conflict that does not end is told', async ({ assert }) => {
    const { storage, events } = setup()
    const { id } = await events.create(hourly)
    const { E_EVENT_CONFLICT } = await import('../../src/errors.ts')
    const error = new E_EVENT_CONFLICT([id, '1', '2'])
    storage.fail('events.update', { times: Infinity, error })

    await assert.rejects(() => events.pause(id), /was changed meanwhile/)
    assert.equal(storage.calls('events.update'), 5)
  })

  test('a storage failure is passed on', async ({ assert }) => {
    const { storage, events } = setup()
    const { id } = await events.create(hourly)
    storage.fail('events.update')

    await assert.rejects(() => events.pause(id), /failed on demand/)
    assert.equal(storage.calls('events.update'), 1)
  })
})
