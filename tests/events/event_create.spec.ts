import { test } from '@japa/runner'
import { at, hourly, setup } from './support.ts'

test.group('Event manager | create', () => {
  test('stores the event with its next slot and journals who did it', async ({ assert }) => {
    const { events, journal, notices, woken } = setup()

    const event = await events.create({ ...hourly, payload: { table: 'sales' } }, 'anna')

    assert.equal(event.status, 'active')
    assert.equal(event.statusBy, 'user')
    assert.equal(event.source, 'api')
    assert.equal(event.nextRunAt, at('07:00:00'))
    assert.equal(event.version, 1)
    assert.deepEqual(await events.get(event.id), event)
    const [row] = await journal()
    assert.equal(row.kind, 'event.created')
    assert.equal(row.actor, 'anna')
    assert.equal(row.subject, event.id)
    assert.containsSubset(row.after, {
      name: 'load sales',
      payload: { table: 'sales' },
      status: 'active',
      nextRunAt: '2026-03-01T07:00:00.000Z',
    })
    assert.deepEqual(notices.of('event:created'), [
      {
        eventId: event.id,
        name: 'load sales',
        source: 'api',
        at: '2026-03-01T06:30:00.000Z',
        actor: 'anna',
      },
    ])
    assert.equal(woken.count, 1)
  })

  test('created paused it has a next slot and does not fire', async ({ assert }) => {
    const { storage, events } = setup(at('07:30:00'))

    const event = await events.create({ ...hourly, enabled: false })

    assert.equal(event.status, 'paused')
    assert.equal(event.pausedAt, at('07:30:00'))
    const due = await storage.events.listDue({ now: at('23:00:00'), limit: 10 })
    assert.isEmpty(due.events)
  })

  test('a name is taken once', async ({ assert }) => {
    const { events, kinds } = setup()
    await events.create(hourly)

    await assert.rejects(() => events.create(hourly), /An event "load sales" exists already/)
    assert.deepEqual(await kinds(), ['event.created'])
  })

  test('bad input is refused and nothing is saved', async ({ assert }) => {
    const { events, journal, notices, woken } = setup()

    await assert.rejects(
      () => events.create({ ...hourly, handler: 'nobody', priority: 0 }),
      /handler \(nobody\).*priority \(0\)/
    )
    assert.isEmpty(await events.list())
    assert.isEmpty(await journal())
    assert.isEmpty(notices.all)
    assert.equal(woken.count, 0)
  })

  test('an actor that is no name is refused', async ({ assert }) => {
    const { events } = setup()

    await assert.rejects(() => events.create(hourly, ''), /by \(\): name who does it/)
    assert.isEmpty(await events.list())
  })

  test('a trigger that has ended is refused', async ({ assert }) => {
    const { events } = setup()
    const trigger = { ...hourly.trigger, endsAt: '2026-01-01T00:00:00Z' }

    await assert.rejects(
      () => events.create({ ...hourly, trigger }),
      /trigger .*has no slot after 2026-03-01T06:30:00.000Z/
    )
  })

  test('a once in the past keeps its slot for the misfire policy', async ({ assert }) => {
    const { events } = setup()

    const event = await events.create({ ...hourly, trigger: { kind: 'once', at: at('01:00:00') } })

    assert.equal(event.status, 'active')
    assert.equal(event.nextRunAt, at('01:00:00'))
  })

  test('after a rename the old name is free', async ({ assert }) => {
    const { events } = setup()
    const first = await events.create(hourly)
    await events.update(first.id, { name: 'renamed' })

    const second = await events.create(hourly)

    assert.notEqual(second.id, first.id)
    assert.deepEqual(await events.findByName('renamed'), await events.get(first.id))
    assert.deepEqual(await events.findByName('load sales'), second)
    assert.isNull(await events.findByName('load sales', 'code'))
  })
})

test.group('Event manager | read and delete', () => {
  test('get refuses an unknown id, find returns null', async ({ assert }) => {
    const { events } = setup()

    await assert.rejects(() => events.get('none'), 'There is no event "none"')
    assert.isNull(await events.find('none'))
  })

  test('lists by name', async ({ assert }) => {
    const { events } = setup()
    for (const name of ['b', 'a', 'c']) {
      await events.create({ ...hourly, name })
    }

    const list = await events.list({ limit: 2 })

    assert.deepEqual(
      list.map(({ name }) => name),
      ['a', 'b']
    )
  })

  test('delete tells what was there', async ({ assert }) => {
    const { events, lastEntry, notices } = setup()
    const event = await events.create(hourly)

    assert.deepEqual(await events.delete(event.id, 'anna'), event)

    assert.isNull(await events.find(event.id))
    const row = await lastEntry()
    assert.equal(row.kind, 'event.deleted')
    assert.equal(row.actor, 'anna')
    assert.containsSubset(row.before, { name: 'load sales' })
    assert.lengthOf(notices.of('event:deleted'), 1)
    await assert.rejects(() => events.delete(event.id), /There is no event/)
  })

  test('of two deletes at once the second is refused', async ({ assert }) => {
    const { events } = setup()
    const event = await events.create(hourly)

    const results = await Promise.allSettled([events.delete(event.id), events.delete(event.id)])

    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  })
})
