import { test } from '@japa/runner'
import { at, HOUR, hourly, setup } from './support.ts'

test.group('Event manager | skip and complete', () => {
  test('the next slot becomes a missed one that says who skipped it', async ({ assert }) => {
    const app = setup()
    const { events } = app
    const { id } = await events.create(hourly)

    const after = await events.skipNext(id, 'anna')

    assert.equal(after.nextRunAt, at('08:00:00'))
    assert.equal(after.skippedSlot, at('07:00:00'))
    assert.equal(after.status, 'active')
    assert.isNull(after.lastSlot)
    const [row, ...others] = await app.executions(id)
    assert.isEmpty(others)
    assert.deepEqual(
      [row.state, row.slot, row.slotCount, row.reason],
      ['missed', at('07:00:00'), 1, 'skipped by anna']
    )
    assert.deepEqual(await app.kinds(), ['event.created', 'event.skipped', 'slots.missed'])
    assert.deepEqual(app.notices.names().slice(1), [
      'event:skipped',
      'slot:missed',
      'execution:missed',
    ])
  })

  test('said again it skips one more', async ({ assert }) => {
    const app = setup()
    const { id } = await app.events.create(hourly)
    await app.events.skipNext(id)
    const after = await app.events.skipNext(id)
    assert.equal(after.nextRunAt, at('09:00:00'))
    const rows = await app.executions(id)
    assert.deepEqual(
      rows.map(({ slot }) => slot),
      [at('07:00:00'), at('08:00:00')]
    )
  })

  test('a skipped slot stays so through edits, a pause and a change by plain SQL', async ({
    assert,
  }) => {
    const app = setup()
    const { events, memory } = app
    const { id } = await events.create(hourly)
    await events.skipNext(id)
    await events.skipNext(id)
    const edited = await events.update(id, { payload: { n: 1 } })
    assert.equal(edited.nextRunAt, at('09:00:00'))
    await events.pause(id)
    const resumed = await events.resume(id)
    assert.equal(resumed.nextRunAt, at('09:00:00'))
    const trigger = { ...hourly.trigger, expression: '0 8,9 * * *' }
    const other = await events.update(id, { trigger })
    assert.equal(other.nextRunAt, at('09:00:00'))
    memory.tamper(id, { priority: 3 })
    await events.checkRows()
    const noticed = await events.get(id)
    assert.deepEqual([noticed.priority, noticed.nextRunAt], [3, at('09:00:00')])
  })

  test('slots that are due already are decided first', async ({ assert }) => {
    const app = setup()
    const { id } = await app.events.create(hourly)
    await app.clock.advance(HOUR)
    const after = await app.events.skipNext(id, 'anna')
    assert.deepEqual([after.nextRunAt, after.runCount], [at('09:00:00'), 1])
    const rows = await app.executions(id)
    assert.deepEqual(
      rows.map(({ slot, state }) => [slot, state]),
      [
        [at('07:00:00'), 'queued'],
        [at('08:00:00'), 'missed'],
      ]
    )
  })

  test('an event whose last slot is skipped is completed', async ({ assert }) => {
    const app = setup()
    const trigger = { kind: 'once', at: new Date(at('07:00:00')) } as const
    const { id } = await app.events.create({ ...hourly, trigger })
    const after = await app.events.skipNext(id, 'anna')
    assert.deepEqual([after.status, after.nextRunAt], ['completed', null])
    assert.equal(after.completedAt, app.clock.now())
    assert.include(await app.kinds(), 'event.completed')
    await assert.rejects(() => app.events.skipNext(id), /is completed and cannot be skipped/)
  })

  test('only an active event with a slot can skip one', async ({ assert }) => {
    const app = setup()
    const { id } = await app.events.create({ ...hourly, enabled: false })
    await assert.rejects(() => app.events.skipNext(id), /is paused and cannot be skipped/)
    await assert.rejects(() => app.events.skipNext('nobody'), 'There is no event "nobody"')
    const trigger = { kind: 'once', at: new Date(at('06:31:00')) } as const
    const once = await app.events.create({ ...hourly, name: 'once', trigger })
    await app.clock.advance(HOUR)
    await assert.rejects(() => app.events.skipNext(once.id), /has no next slot to skip/)
    const entry = await app.lastEntry()
    assert.equal(entry.kind, 'event.created')
  })

  test('complete ends an event by hand, once, and an update gives it slots again', async ({
    assert,
  }) => {
    const app = setup()
    const { events } = app
    const { id } = await events.create(hourly)
    await app.clock.advance(HOUR)
    const done = await events.complete(id, 'anna')
    assert.deepEqual(
      [done.status, done.nextRunAt, done.completedAt],
      ['completed', null, app.clock.now()]
    )
    const rows = await app.executions(id)
    assert.deepEqual(
      rows.map(({ slot, state }) => [slot, state]),
      [[at('07:00:00'), 'queued']]
    )
    assert.deepEqual(await app.kinds(), ['event.created', 'event.completed'])
    assert.lengthOf(app.notices.of('event:completed'), 1)
    const again = await events.complete(id)
    assert.equal(again.version, done.version)
    const back = await events.update(id, { trigger: { kind: 'interval', every: HOUR } })
    assert.deepEqual([back.status, back.completedAt], ['active', null])
    await events.cancel(id)
    await assert.rejects(() => events.complete(id), /is cancelled and cannot be completed/)
  })

  test('each change of state has its instant', async ({ assert }) => {
    const { events, clock } = setup()
    const { id } = await events.create(hourly)
    const created = clock.now()
    await clock.advance(1)
    await events.pause(id)
    await clock.advance(1)
    const resumed = await events.resume(id)
    assert.deepEqual([resumed.createdAt, resumed.resumedAt], [created, created + 2])
    await clock.advance(1)
    const cancelled = await events.cancel(id)
    assert.equal(cancelled.cancelledAt, created + 3)
    assert.equal(cancelled.resumedAt, created + 2)
  })
})
