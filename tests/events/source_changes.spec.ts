import { test } from '@japa/runner'
import { at, definition, eventOf, hourly, HOUR, NOW, setup, SOURCE, sync } from './support.ts'
import type { SourceInput } from '../../src/types/events.ts'

test.group('Source sync | status', () => {
  test('enabled false pauses by the source, and enabling is one missed range', async ({
    assert,
  }) => {
    const app = setup()
    await sync(app, definition('a'))
    app.notices.clear()
    await sync(app, definition('a', { hash: 'a-2', enabled: false }))
    const paused = await eventOf(app, 'a')
    assert.containsSubset(paused, { status: 'paused', statusBy: 'source', pausedAt: NOW })
    await app.clock.advance(3 * HOUR)

    await sync(app, definition('a', { hash: 'a-3' }))

    const event = await eventOf(app, 'a')
    assert.containsSubset(event, { status: 'active', statusBy: 'source', pausedAt: null })
    assert.equal(event!.nextRunAt, at('10:00:00'))
    const [row, ...others] = await app.executions(event!.id)
    assert.isEmpty(others)
    assert.containsSubset(row, { state: 'missed', reason: 'paused', slotCount: 3 })
    assert.deepEqual(app.notices.names(), [
      'event:paused',
      'source:synced',
      'event:resumed',
      'slot:missed',
      'execution:missed',
      'source:synced',
    ])
  })

  test('what is due when the source disables it is not run', async ({ assert }) => {
    const app = setup()
    await sync(app, definition('a'))
    await app.clock.advance(2 * HOUR)

    await sync(app, definition('a', { hash: 'a-2', enabled: false }))

    const event = await eventOf(app, 'a')
    const rows = await app.executions(event!.id)
    assert.deepEqual(
      rows.map(({ state, reason, slotCount }) => [state, reason, slotCount]),
      [['missed', 'paused', 2]]
    )
  })

  test('a pause by hand survives every change at the source', async ({ assert }) => {
    const app = setup()
    await sync(app, definition('a'))
    const { id } = (await eventOf(app, 'a'))!
    await app.events.pause(id, 'anna')

    await sync(app, definition('a', { hash: 'a-2', priority: 1 }))
    await sync(app, definition('a', { hash: 'a-3', enabled: false }))
    await sync(app, definition('a', { hash: 'a-4' }))

    assert.containsSubset(await app.events.get(id), {
      status: 'paused',
      statusBy: 'user',
      pausedAt: NOW,
      sourceHash: 'a-4',
    })
    assert.notInclude(app.notices.names(), 'event:resumed')
    await app.events.resume(id)
    assert.containsSubset(await app.events.get(id), { status: 'active' })
  })

  test('what was cancelled by hand stays cancelled', async ({ assert }) => {
    const app = setup()
    await sync(app, definition('a'))
    const { id } = (await eventOf(app, 'a'))!
    await app.events.cancel(id)

    await sync(app, definition('a', { hash: 'a-2', priority: 1 }))

    assert.containsSubset(await app.events.get(id), {
      status: 'cancelled',
      priority: 1,
      nextRunAt: null,
    })
  })

  test('missing pause: it is paused once and comes back with its definition', async ({
    assert,
  }) => {
    const app = setup()
    const pausing = (...definitions: SourceInput[]) =>
      app.events.syncSource(SOURCE, definitions, { missing: 'pause' })
    await pausing(definition('a'))
    const gone = await pausing()
    assert.lengthOf(gone.removed, 1)
    assert.containsSubset(await eventOf(app, 'a'), { status: 'paused', statusBy: 'source' })
    const goneStill = await pausing()
    assert.isEmpty(goneStill.removed)
    await app.clock.advance(HOUR)

    const back = await pausing(definition('a'))

    assert.lengthOf(back.changed, 1)
    assert.containsSubset(await eventOf(app, 'a'), {
      status: 'active',
      nextRunAt: at('08:00:00'),
    })
    const again = await pausing(definition('a'))
    assert.equal(again.unchanged, 1)
    const kinds = await app.kinds()
    assert.lengthOf(
      kinds.filter((kind) => kind === 'event.paused'),
      1
    )
    assert.include(kinds, 'event.resumed')
  })

  test('a definition whose end has passed is completed, and opens again with a later end', async ({
    assert,
  }) => {
    const app = setup()
    const trigger = { ...hourly.trigger, endsAt: '2026-01-01T00:00:00Z' }
    await sync(app, definition('a', { trigger }))
    assert.containsSubset(await eventOf(app, 'a'), { status: 'completed', nextRunAt: null })

    await sync(app, definition('a', { hash: 'a-2' }))

    assert.containsSubset(await eventOf(app, 'a'), {
      status: 'active',
      completedAt: null,
      nextRunAt: at('07:00:00'),
    })
  })
})

test.group('Source sync | edits', () => {
  test('slots due under the old definition go through its misfire policy', async ({ assert }) => {
    const app = setup()
    await sync(app, definition('a', { payload: 'old' }))
    await app.clock.advance(3 * HOUR)

    await sync(
      app,
      definition('a', {
        hash: 'a-2',
        payload: 'new',
        trigger: { kind: 'interval', every: '1d' },
      })
    )

    const event = await eventOf(app, 'a')
    assert.equal(event!.nextRunAt, Date.parse('2026-03-02T00:00:00Z'))
    assert.equal(event!.runCount, 1)
    const rows = await app.executions(event!.id)
    assert.deepEqual(
      rows.map(({ state, slot, slotCount, payload }) => [state, slot, slotCount, payload]),
      [
        ['missed', at('07:00:00'), 2, 'old'],
        ['queued', at('09:00:00'), 1, 'old'],
      ]
    )
    assert.includeMembers(app.notices.names(), ['slot:fired', 'slot:missed', 'execution:queued'])
  })

  test('a tick that comes between reading and writing is planned around', async ({ assert }) => {
    const app = setup()
    await sync(app, definition('a'))
    const { id } = (await eventOf(app, 'a'))!
    await app.clock.advance(HOUR)
    const release = app.storage.hold('events.syncSource')
    const syncing = sync(app, definition('a', { hash: 'a-2', payload: 'new' }))
    await app.clock.settle()
    await app.storage.events.fire({
      now: app.clock.now(),
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

    const result = await syncing

    assert.lengthOf(result.changed, 1)
    assert.isEmpty(await app.executions(id))
    assert.containsSubset(await app.events.get(id), { payload: 'new', nextRunAt: at('08:00:00') })
  })

  test('two nodes that sync at once make one set', async ({ assert }) => {
    const app = setup()
    const results = await Promise.all([
      sync(app, definition('a'), definition('b')),
      sync(app, definition('a'), definition('b')),
    ])

    assert.equal(results[0].added.length + results[1].added.length, 2)
    assert.equal(results[0].unchanged + results[1].unchanged, 2)
    const events = await app.events.list({ source: SOURCE })
    assert.lengthOf(events, 2)
    const kinds = await app.kinds()
    assert.lengthOf(
      kinds.filter((kind) => kind === 'event.created'),
      2
    )
  })

  test('an event that another node added meanwhile is changed, not doubled', async ({ assert }) => {
    const app = setup()
    const release = app.storage.hold('events.syncSource')
    const syncing = [
      sync(app, definition('a', { hash: 'old' })),
      sync(app, definition('a', { hash: 'new', priority: 1 })),
    ]
    await app.clock.settle()
    release()

    const [first, second] = await Promise.all(syncing)

    assert.lengthOf(first.added, 1)
    assert.lengthOf(second.changed, 1)
    assert.equal(app.storage.calls('events.syncSource'), 3)
    assert.containsSubset(await eventOf(app, 'a'), { sourceHash: 'new', priority: 1, version: 2 })
  })
})
