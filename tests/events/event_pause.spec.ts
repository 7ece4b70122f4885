import { test } from '@japa/runner'
import { at, hourly, HOUR, MINUTE, NOW, setup } from './support.ts'

test.group('Event manager | pause, resume, cancel', () => {
  test('the slots of a pause are one missed range, and it goes on from now', async ({ assert }) => {
    const { clock, events, executions, journal, notices } = setup()
    const { id } = await events.create(hourly)
    const paused = await events.pause(id, 'anna')
    assert.equal(paused.status, 'paused')
    assert.equal(paused.pausedAt, NOW)
    notices.clear()
    await clock.advance(5 * HOUR)

    const event = await events.resume(id, 'ben')

    assert.equal(event.status, 'active')
    assert.isNull(event.pausedAt)
    assert.equal(event.nextRunAt, at('12:00:00'))
    assert.equal(event.lastSlot, at('11:00:00'))
    const [row, ...others] = await executions(id)
    assert.isEmpty(others)
    assert.equal(row.state, 'missed')
    assert.equal(row.reason, 'paused')
    assert.equal(row.slot, at('07:00:00'))
    assert.equal(row.slotLast, at('11:00:00'))
    assert.equal(row.slotCount, 5)
    const rows = await journal()
    assert.deepEqual(
      rows.map(({ kind, actor }) => `${kind} ${actor}`),
      ['event.created system', 'event.paused anna', 'event.resumed ben', 'slots.missed ben']
    )
    assert.containsSubset(rows[2], {
      before: { status: 'paused', nextRunAt: '2026-03-01T07:00:00.000Z' },
      after: { status: 'active', nextRunAt: '2026-03-01T12:00:00.000Z' },
    })
    assert.deepEqual(rows[3].after, {
      executionId: row.id,
      first: '2026-03-01T07:00:00.000Z',
      last: '2026-03-01T11:00:00.000Z',
      count: 5,
      reason: 'paused',
      exact: true,
    })
    assert.deepEqual(notices.names(), ['event:resumed', 'slot:missed', 'execution:missed'])
  })

  test('a pause between two slots leaves nothing missed', async ({ assert }) => {
    const { clock, events, executions } = setup()
    const { id } = await events.create(hourly)
    await events.pause(id)
    await clock.advance(10 * MINUTE)
    const event = await events.resume(id)

    assert.equal(event.nextRunAt, at('07:00:00'))
    assert.isEmpty(await executions(id))
  })

  test('slots due and not yet fired when the pause begins belong to it', async ({ assert }) => {
    const { clock, events, executions } = setup()
    const { id } = await events.create(hourly)
    await clock.advance(HOUR)
    await events.pause(id)
    await clock.advance(HOUR)
    await events.resume(id)

    const [row, ...others] = await executions(id)
    assert.isEmpty(others)
    assert.equal(row.slot, at('07:00:00'))
    assert.equal(row.slotLast, at('08:00:00'))
  })

  test('onResume misfire: the misfire policy decides about the pause', async ({ assert }) => {
    const { clock, events, executions, notices } = setup()
    const { id } = await events.create({ ...hourly, onResume: 'misfire' })
    await events.pause(id)
    await clock.advance(3 * HOUR)
    notices.clear()

    const event = await events.resume(id)

    assert.equal(event.runCount, 1)
    const rows = await executions(id)
    assert.deepEqual(
      rows.map(({ state, slot, slotCount, reason }) => [state, slot, slotCount, reason]),
      [
        ['missed', at('07:00:00'), 2, 'misfire'],
        ['queued', at('09:00:00'), 1, null],
      ]
    )
    assert.includeMembers(notices.names(), ['slot:fired', 'execution:queued', 'slot:missed'])
  })

  test('a year of seconds is one range whose ends are exact', async ({ assert }) => {
    const { clock, events, executions, lastEntry } = setup()
    const { id } = await events.create({
      ...hourly,
      trigger: { kind: 'interval', every: '1s' },
      enabled: false,
    })
    const year = 365 * 24 * HOUR
    await clock.advance(year)

    await events.resume(id)

    const [row] = await executions(id)
    assert.equal(row.slot, NOW + 1_000)
    assert.equal(row.slotLast, NOW + year)
    assert.equal(row.slotCount, 1_000)
    assert.containsSubset(await lastEntry(), { after: { count: 1_000, exact: false } })
  })

  test('an event whose end passed during the pause is completed', async ({ assert }) => {
    const { clock, events, kinds, notices } = setup()
    const trigger = { ...hourly.trigger, endsAt: at('08:30:00') }
    const { id } = await events.create({ ...hourly, trigger })
    await events.pause(id)
    await clock.advance(6 * HOUR)

    const event = await events.resume(id)

    assert.equal(event.status, 'completed')
    assert.equal(event.completedAt, clock.now())
    assert.isNull(event.nextRunAt)
    assert.sameMembers(await kinds(), [
      'event.created',
      'event.paused',
      'event.resumed',
      'slots.missed',
      'event.completed',
    ])
    assert.lengthOf(notices.of('event:completed'), 1)
  })

  test('said twice, nothing changes', async ({ assert }) => {
    const { events, kinds, notices, woken } = setup()
    const { id } = await events.create(hourly)
    const same = async (action: 'pause' | 'resume' | 'cancel') => {
      const first = await events[action](id)
      const before = { kinds: await kinds(), notices: notices.all.length, woken: woken.count }
      assert.deepEqual(await events[action](id), first)
      const after = { kinds: await kinds(), notices: notices.all.length, woken: woken.count }
      assert.deepEqual(after, before)
    }

    await events.resume(id)
    await same('pause')
    await same('resume')
    await same('cancel')
    assert.deepEqual(await kinds(), [
      'event.created',
      'event.paused',
      'event.resumed',
      'event.cancelled',
    ])
  })

  test('cancel ends it for good', async ({ assert }) => {
    const { events, notices } = setup()
    const { id } = await events.create(hourly)
    await events.pause(id)

    const event = await events.cancel(id, 'anna')

    assert.equal(event.status, 'cancelled')
    assert.equal(event.cancelledAt, NOW)
    assert.isNull(event.nextRunAt)
    assert.equal(notices.of('event:cancelled')[0].actor, 'anna')
    for (const action of ['pause', 'resume', 'trigger'] as const) {
      await assert.rejects(() => events[action](id), /is cancelled and cannot be/)
    }
    await assert.rejects(() => events.update(id, { priority: 1 }), /cannot be updated/)
  })

  test('a pause by hand takes over a pause by the source', async ({ assert }) => {
    const { events } = setup()
    const definition = { ...hourly, key: 'k', hash: '1', enabled: false }
    await events.syncSource('code', [definition], { missing: 'delete' })
    const found = await events.findByName('load sales', 'code')
    assert.equal(found?.statusBy, 'source')

    const event = await events.pause(found!.id)

    assert.equal(event.statusBy, 'user')
    assert.equal(event.pausedAt, found!.pausedAt)
  })
})
