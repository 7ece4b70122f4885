import { test } from '@japa/runner'
import { at, hourly, HOUR, MINUTE, NOW, setup } from './support.ts'

test.group('Event manager | update', () => {
  test('recomputes from now and journals what changed', async ({ assert }) => {
    const { events, lastEntry, notices, woken } = setup()
    const { id } = await events.create({ ...hourly, queue: 'fast', priority: 3 })
    const trigger = { ...hourly.trigger, expression: '45 * * * *' }

    const event = await events.update(id, { trigger, queue: null }, { by: 'anna' })

    assert.equal(event.nextRunAt, at('06:45:00'))
    assert.isNull(event.queue)
    assert.equal(event.priority, 3)
    assert.equal(event.version, 2)
    const row = await lastEntry()
    assert.equal(row.kind, 'event.updated')
    assert.equal(row.actor, 'anna')
    assert.deepEqual(row.before, {
      queue: 'fast',
      trigger: hourly.trigger,
      nextRunAt: '2026-03-01T07:00:00.000Z',
    })
    assert.deepEqual(row.after, {
      queue: null,
      trigger,
      nextRunAt: '2026-03-01T06:45:00.000Z',
    })
    assert.lengthOf(notices.of('event:updated'), 1)
    assert.equal(woken.count, 2)
  })

  test('slots due under the old definition first go through its misfire policy', async ({
    assert,
  }) => {
    const { clock, events, executions, kinds, notices } = setup()
    const { id } = await events.create({ ...hourly, payload: 'old' })
    await clock.advance(3 * HOUR)

    const event = await events.update(id, {
      payload: 'new',
      misfire: 'skip',
      trigger: { kind: 'interval', every: '1d' },
    })

    assert.equal(event.nextRunAt, Date.parse('2026-03-02T00:00:00Z'))
    assert.equal(event.lastSlot, at('09:00:00'))
    assert.equal(event.runCount, 1)
    const rows = await executions(id)
    assert.deepEqual(
      rows.map(({ state, slot, slotLast, payload }) => [state, slot, slotLast, payload]),
      [
        ['missed', at('07:00:00'), at('08:00:00'), 'old'],
        ['queued', at('09:00:00'), at('09:00:00'), 'old'],
      ]
    )
    assert.deepEqual(await kinds(), ['event.created', 'event.updated', 'slots.missed'])
    assert.deepEqual(notices.names().slice(1), [
      'event:updated',
      'slot:fired',
      'execution:queued',
      'slot:missed',
      'execution:missed',
    ])
    assert.equal(notices.of('slot:fired')[0].lateness, 30 * MINUTE)
  })

  test('overlap holds for those slots too', async ({ assert }) => {
    const { clock, events, executions } = setup()
    const { id } = await events.create(hourly)
    await events.trigger(id)
    await clock.advance(HOUR)

    await events.update(id, { priority: 1 })

    const rows = await executions(id)
    const missed = rows.filter(({ state }) => state === 'missed')
    assert.lengthOf(missed, 1)
    assert.equal(missed[0].reason, 'overlap')
  })

  test('a paused event stays paused; its slots so far are the pause', async ({ assert }) => {
    const { clock, events, executions } = setup()
    const { id } = await events.create(hourly)
    await events.pause(id)
    await clock.advance(2 * HOUR)

    const event = await events.update(id, { priority: 1 })

    assert.equal(event.status, 'paused')
    assert.equal(event.pausedAt, NOW)
    assert.equal(event.nextRunAt, at('09:00:00'))
    const [row] = await executions(id)
    assert.equal(row.reason, 'paused')
    assert.equal(row.slotCount, 2)
  })

  test('a changed once takes its new instant, also one in the past', async ({ assert }) => {
    const { events } = setup()
    const { id } = await events.create({ ...hourly, trigger: { kind: 'once', at: at('09:00:00') } })

    const moved = await events.update(id, { trigger: { kind: 'once', at: at('05:00:00') } })
    assert.equal(moved.nextRunAt, at('05:00:00'))
  })

  test('an unchanged once that ran does not run again', async ({ assert }) => {
    const { clock, events, executions } = setup()
    const { id } = await events.create({ ...hourly, trigger: { kind: 'once', at: at('07:00:00') } })
    await clock.advance(HOUR)
    const done = await events.update(id, { priority: 1 })
    assert.equal(done.status, 'completed')
    assert.lengthOf(await executions(id), 1)

    const again = await events.update(id, { priority: 2 })

    assert.equal(again.status, 'completed')
    assert.equal(again.completedAt, done.completedAt)
    assert.isNull(again.nextRunAt)
    assert.lengthOf(await executions(id), 1)
  })

  test('a completed event is opened by a trigger that has slots', async ({ assert }) => {
    const { clock, events } = setup()
    const { id } = await events.create({ ...hourly, trigger: { kind: 'once', at: at('07:00:00') } })
    await clock.advance(HOUR)
    await events.update(id, { priority: 1 })

    const event = await events.update(id, { trigger: hourly.trigger })

    assert.equal(event.status, 'active')
    assert.isNull(event.completedAt)
    assert.equal(event.nextRunAt, at('08:00:00'))
  })

  test('maxRuns below the runs so far completes it', async ({ assert }) => {
    const { clock, events } = setup()
    const { id } = await events.create(hourly)
    await clock.advance(HOUR)
    await events.update(id, { priority: 1 })

    const event = await events.update(id, { maxRuns: 1 })

    assert.equal(event.runCount, 1)
    assert.equal(event.status, 'completed')
  })

  test('a due slot that is the last run completes it', async ({ assert }) => {
    const { clock, events, notices, executions } = setup()
    const { id } = await events.create({ ...hourly, maxRuns: 1 })
    await clock.advance(HOUR)

    const event = await events.update(id, { priority: 1 })

    assert.equal(event.status, 'completed')
    assert.equal(event.runCount, 1)
    assert.lengthOf(await executions(id), 1)
    assert.lengthOf(notices.of('event:completed'), 1)
  })

  test('a trigger without a slot left is refused', async ({ assert }) => {
    const { events } = setup()
    const { id } = await events.create(hourly)
    const trigger = { ...hourly.trigger, endsAt: at('01:00:00') }

    await assert.rejects(() => events.update(id, { trigger }), /has no slot after/)
    assert.containsSubset(await events.get(id), { version: 1 })
  })

  test('refuses bad fields, an unknown event and another version', async ({ assert }) => {
    const { events } = setup()
    const { id } = await events.create(hourly)

    await assert.rejects(() => events.update(id, { priority: 0 }), /priority \(0\)/)
    await assert.rejects(() => events.update('none', {}), /There is no event "none"/)
    await assert.rejects(
      () => events.update(id, { priority: 1 }, { expectedVersion: 7 }),
      /version 7 expected, 1 found/
    )
    await events.update(id, { priority: 1 }, { expectedVersion: 1 })
  })

  test('a broken old trigger can be repaired; its one known slot is decided', async ({
    assert,
  }) => {
    const { clock, storage, events, executions, logger } = setup()
    const { id } = await events.create(hourly)
    await storage.events.update({
      now: clock.now(),
      id,
      expectedVersion: 1,
      patch: { trigger: { kind: 'cron', expression: 'broken', timezone: 'UTC' } },
    })
    await clock.advance(3 * HOUR)

    const event = await events.update(id, { trigger: hourly.trigger })

    assert.equal(event.nextRunAt, at('10:00:00'))
    const rows = await executions(id)
    assert.deepEqual(
      rows.map(({ slot }) => slot),
      [at('07:00:00')]
    )
    assert.lengthOf(logger.of('warn'), 1)
  })
})
