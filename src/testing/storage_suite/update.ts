import assert from 'node:assert/strict'
import { E_EVENT_CONFLICT, E_EVENT_EXISTS, E_EVENT_NOT_FOUND } from '../../errors.ts'
import { slotKey } from '../../keys.ts'
import { cases, field, MINUTE, START } from './context.ts'

export const updateCases = cases({
  'a change raises the version and keeps the rest': async (context) => {
    const event = await context.insertEvent()
    context.pass(MINUTE)
    const patch = { name: 'renamed', payload: [1, 2], priority: 1, nextRunAt: null }
    const params = { now: context.now, id: event.id, expectedVersion: 1, patch }
    const changed = await context.storage.events.update(params)
    const { rowHash } = changed
    assert.notEqual(rowHash, event.rowHash)
    assert.deepEqual(changed, {
      ...{ ...event, ...patch, rowHash },
      version: 2,
      updatedAt: START + MINUTE,
    })
    assert.deepEqual(await context.findEvent(event.id), changed)
    const found = await context.storage.events.findBy({ source: 'api', name: 'renamed' })
    assert.equal(found?.id, event.id)
  },

  'a change of another version is refused and changes nothing': async (context) => {
    const event = await context.insertEvent()
    const { events } = context.storage
    const params = { now: context.now, id: event.id, expectedVersion: 1, patch: { priority: 1 } }
    await events.update(params)
    const executions = [context.slotExecution(event, START)]
    await assert.rejects(
      events.update({ ...params, patch: { priority: 9 }, executions, journal: [context.entry()] }),
      E_EVENT_CONFLICT
    )
    assert.equal(await field(context.findEvent(event.id), 'priority'), 1)
    assert.deepEqual(await context.storage.executions.list({}), [])
    assert.equal(await context.storage.journal.lastId(), 0)
  },

  'of two changes of one version one wins': async (context) => {
    const event = await context.insertEvent()
    const stores = [context.storage, await context.another()]
    const outcomes = await Promise.allSettled(
      stores.map(({ events }, index) =>
        events.update({
          now: context.now,
          id: event.id,
          expectedVersion: 1,
          patch: { priority: index + 1 },
        })
      )
    )
    assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
    assert.equal(await field(context.findEvent(event.id), 'version'), 2)
  },

  'a change planned before a tick moved the event is refused': async (context) => {
    const event = await context.insertEvent()
    const { events } = context.storage
    await events.fire({ now: context.now, firings: [context.firing(event)] })
    const params = { now: context.now, id: event.id, expectedVersion: 1, patch: { priority: 1 } }
    await assert.rejects(events.update({ ...params, expectedNextRunAt: START }), E_EVENT_CONFLICT)
    await assert.rejects(events.update({ ...params, expectedNextRunAt: null }), E_EVENT_CONFLICT)
    const changed = await events.update({ ...params, expectedNextRunAt: START + MINUTE })
    assert.equal(changed.priority, 1)
  },

  'an unknown event and a taken name are refused': async (context) => {
    await context.insertEvent({ name: 'first' })
    const second = await context.insertEvent({ name: 'second' })
    const params = { now: context.now, expectedVersion: 1, patch: { name: 'first' } }
    const { events } = context.storage
    await assert.rejects(events.update({ ...params, id: 'nobody' }), E_EVENT_NOT_FOUND)
    await assert.rejects(events.update({ ...params, id: second.id }), E_EVENT_EXISTS)
    assert.equal(await field(context.findEvent(second.id), 'name'), 'second')
  },

  'slots that were due before an edit are stored with it': async (context) => {
    const event = await context.insertEvent({ handler: 'old', queue: 'q1', priority: 3 })
    const changed = await context.storage.events.update({
      now: context.now,
      id: event.id,
      expectedVersion: 1,
      patch: { handler: 'new', nextRunAt: START + 10 * MINUTE },
      executions: [context.slotExecution(event, START)],
      missed: [
        { id: 'range', first: START - 2 * MINUTE, last: START - MINUTE, count: 2, reason: 'late' },
      ],
      journal: [context.entry(), context.entry({ kind: 'slots.missed' })],
    })
    assert.equal(changed.runCount, 1)
    const fired = await context.storage.executions.list({ states: ['queued'] })
    assert.deepEqual(
      fired.map(({ slot }) => slot),
      [START]
    )
    const range = await context.find('range')
    assert.deepEqual(
      [range.state, range.handler, range.queue, range.priority, range.slotCount, range.reason],
      ['missed', 'old', 'q1', 3, 2, 'late']
    )
    assert.equal(await context.storage.journal.lastId(), 2)
  },

  'a slot that was fired already is not stored again by an edit': async (context) => {
    const event = await context.insertEvent()
    await context.enqueue(context.slotExecution(event, START))
    const changed = await context.storage.events.update({
      now: context.now,
      id: event.id,
      expectedVersion: 1,
      patch: { nextRunAt: START + MINUTE },
      executions: [context.slotExecution(event, START)],
      missed: [{ id: 'one', first: START, last: START, count: 1, reason: 'late' }],
    })
    assert.equal(changed.runCount, 0)
    assert.equal(await field(context.storage.executions.list({}), 'length'), 1)
  },

  'computing the next slot anew closes the open missed range': async (context) => {
    const event = await context.insertEvent()
    const range = { id: 'range', first: START, last: START, count: 1, reason: 'late' }
    const firing = context.firing(event, {
      executions: [],
      missed: [range],
      leavesMissedOpen: true,
    })
    const { events } = context.storage
    await events.fire({ now: context.now, firings: [firing] })
    const update = (expectedVersion: number, patch: { priority: number; nextRunAt?: number }) =>
      events.update({ now: context.now, id: event.id, expectedVersion, patch })
    assert.equal(await field(update(1, { priority: 2 }), 'openMissedId'), 'range')
    const moved = await update(2, { priority: 3, nextRunAt: START + MINUTE })
    assert.deepEqual([moved.openMissedId, moved.openMissedReason], [null, null])
  },

  'the key of a slot is the event and the instant': async (context) => {
    const event = await context.insertEvent()
    const range = { id: 'range', first: START, last: START + MINUTE, count: 2, reason: 'paused' }
    await context.storage.events.update({
      now: context.now,
      id: event.id,
      expectedVersion: 1,
      patch: { nextRunAt: START + MINUTE },
      missed: [range],
    })
    assert.equal(await field(context.find('range'), 'slotKey'), slotKey(event.id, START))
  },
})
