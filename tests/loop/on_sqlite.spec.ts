import { test } from '@japa/runner'
import { EventManager } from '../../src/events/event_manager.ts'
import { ManualClock } from '../../src/testing/manual_clock.ts'
import { TriggerManager } from '../../src/triggers/trigger_manager.ts'
import { definition, handlers, hourly, HOUR, Lines, Notices, NOW } from '../events/support.ts'
import { createDatabase } from '../storage/support.ts'
import { addEvent, makeNode } from './loop_support.ts'
import { SECOND, START } from './support.ts'
import type { Storage } from '../../src/storage/contract.ts'

async function openStore() {
  const database = await createDatabase()
  return { database, clock: new ManualClock(NOW) }
}

function managerOn(storage: Storage, clock: ManualClock) {
  return new EventManager({
    storage,
    triggers: new TriggerManager(),
    notifier: new Notices(),
    clock,
    logger: new Lines(),
    config: { maxPayload: 1_000, maxMeta: 1_000, profiles: {} },
    handlers,
    wake: () => {},
  })
}

async function rowsOf(storage: Storage, eventId: string) {
  const rows = await storage.executions.list({ eventId, limit: 1_000 })
  return rows
    .sort((a, b) => a.slot! - b.slot!)
    .map(({ state, slot, slotLast, slotCount, reason }) => [
      state,
      (slot! - NOW) / HOUR,
      (slotLast! - NOW) / HOUR,
      slotCount,
      reason,
    ])
}

test.group('Loop and events on SQLite', (group) => {
  let store: Awaited<ReturnType<typeof openStore>>
  group.each.setup(async () => {
    store = await openStore()
    return () => store.database.cleanup()
  })

  test('an event from its creation to its end', async ({ assert }) => {
    const { database, clock } = store
    const storage = database.storage()
    const events = managerOn(storage, clock)
    const { loop } = makeNode({ storage, clock })
    const { id } = await events.create({ ...hourly, overlap: 'allow' }, 'anna')

    await clock.advance(HOUR)
    assert.lengthOf(await loop.tick(), 1)
    assert.isEmpty(await loop.tick())
    await clock.advance(3 * HOUR)
    assert.lengthOf(await loop.tick(), 1)
    await events.pause(id, 'ben')
    await clock.advance(2 * HOUR)
    assert.isEmpty(await loop.tick())
    await events.resume(id, 'ben')
    await clock.advance(2 * HOUR)
    await events.update(id, { misfire: 'skip', maxRuns: 4 })
    await clock.advance(HOUR)
    assert.isEmpty(await loop.tick(), 'half an hour is too late for skip')
    await clock.advance(HOUR / 2)
    assert.lengthOf(await loop.tick(), 1)

    assert.deepEqual(await rowsOf(storage, id), [
      ['queued', 0.5, 0.5, 1, null],
      ['missed', 1.5, 2.5, 2, 'misfire'],
      ['queued', 3.5, 3.5, 1, null],
      ['missed', 4.5, 5.5, 2, 'paused'],
      ['missed', 6.5, 6.5, 1, 'misfire'],
      ['queued', 7.5, 7.5, 1, null],
      ['missed', 8.5, 8.5, 1, 'misfire'],
      ['queued', 9.5, 9.5, 1, null],
    ])
    const event = await events.get(id)
    assert.containsSubset(event, { status: 'completed', runCount: 4, nextRunAt: null })
    const journal = await storage.journal.read({ after: 0, limit: 100 })
    assert.deepEqual(
      journal.filter(({ kind }) => !kind.startsWith('leader')).map(({ kind }) => kind),
      [
        'event.created',
        'slots.missed',
        'event.paused',
        'event.resumed',
        'slots.missed',
        'event.updated',
        'slots.missed',
        'slots.missed',
        'event.completed',
      ]
    )
  })

  test('a long past is one missed range and one run', async ({ assert }) => {
    const { database, clock } = store
    const storage = database.storage()
    const { loop } = makeNode({ storage, clock })
    await addEvent(storage, clock, { nextRunAt: START })
    const behind = (NOW - START) / SECOND
    let ids: string[] = []
    for (let ticks = 0; ids.length === 0 && ticks < 100; ticks++) {
      ids = await loop.tick()
    }

    assert.lengthOf(ids, 1)
    const rows = await storage.executions.list({ states: ['missed'] })
    assert.lengthOf(rows, 1)
    assert.containsSubset(rows[0], { slot: START, slotLast: NOW - SECOND, slotCount: behind })
  })

  test('a source is synced, changed and left', async ({ assert }) => {
    const { database, clock } = store
    const storage = database.storage()
    const events = managerOn(storage, clock)
    const sync = (...definitions: ReturnType<typeof definition>[]) =>
      events.syncSource('legacy:dw', definitions, { missing: 'pause' })

    await sync(definition('a'), definition('b'), definition('c'))
    await clock.advance(2 * HOUR)
    const changed = await sync(
      definition('a'),
      definition('b', { hash: 'b-2', priority: 1 }),
      definition('c', { hash: 'c-2', priority: 99 })
    )
    const left = await sync(definition('a'))
    const back = await sync(definition('a'), definition('b', { hash: 'b-2', priority: 1 }))

    assert.lengthOf(changed.changed, 1)
    assert.equal(changed.unchanged, 2)
    assert.lengthOf(changed.problems, 1)
    assert.deepEqual(
      left.removed.map(({ name, status }) => `${name} ${status}`),
      ['b paused', 'c paused']
    )
    assert.deepEqual(
      back.changed.map(({ after }) => `${after.name} ${after.status}`),
      ['b active']
    )
    const b = await events.findByName('b', 'legacy:dw')
    assert.deepEqual(await rowsOf(storage, b!.id), [
      ['missed', 0.5, 0.5, 1, 'misfire'],
      ['queued', 1.5, 1.5, 1, null],
    ])
    const again = await sync(definition('a'), definition('b', { hash: 'b-2', priority: 1 }))
    assert.equal(again.unchanged, 2)
  })

  test('two connections that tick at once fire each slot once', async ({ assert }) => {
    const { database, clock } = store
    const nodes = ['a.1', 'b.1'].map((nodeId) =>
      makeNode({ storage: database.storage({ lucid: database.open() }), clock, nodeId })
    )
    const storage = database.storage()
    for (let n = 0; n < 30; n++) {
      const trigger = { kind: 'interval', every: SECOND } as const
      await addEvent(storage, clock, { id: `event-${n}`, trigger, nextRunAt: NOW })
    }
    const ids = []
    for (let round = 0; round < 5; round++) {
      const fired = await Promise.all(nodes.map(({ loop }) => loop.tick()))
      ids.push(...fired.flat())
      await clock.advance(SECOND)
    }

    const rows = await storage.executions.list({ limit: 1_000 })
    assert.lengthOf(rows, 150)
    assert.lengthOf(new Set(rows.map(({ slotKey }) => slotKey)), 150)
    assert.sameMembers(
      ids,
      rows.map(({ id }) => id)
    )
  })
})
