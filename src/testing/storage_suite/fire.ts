import assert from 'node:assert/strict'
import { cases, field, MINUTE, SECOND, START } from './context.ts'

export const fireCases = cases({
  'a firing inserts the execution and moves the event': async (context) => {
    const event = await context.insertEvent()
    context.pass(SECOND)
    const firing = context.firing(event)
    const result = await context.storage.events.fire({ now: context.now, firings: [firing] })
    assert.deepEqual(
      [result.fired.length, result.missed, result.stale, result.completed],
      [1, [], [], []]
    )
    const execution = await context.find(firing.executions[0].id)
    assert.deepEqual(execution, result.fired[0])
    assert.deepEqual(
      [execution.state, execution.slot, execution.slotLast, execution.slotCount],
      ['queued', START, START, 1]
    )
    assert.deepEqual([execution.createdAt, execution.availableAt], [context.now, context.now])
    const after = await context.findEvent(event.id)
    assert.deepEqual(after, {
      ...event,
      nextRunAt: START + MINUTE,
      lastSlot: START,
      runCount: 1,
    })
  },

  'several slots of one event fire in one go': async (context) => {
    const event = await context.insertEvent()
    const slots = [START, START + MINUTE, START + 2 * MINUTE]
    const firing = context.firing(event, {
      executions: slots.map((slot) => context.slotExecution(event, slot)),
      nextRunAt: START + 3 * MINUTE,
      lastSlot: slots[2],
    })
    const { fired } = await context.storage.events.fire({ now: context.now, firings: [firing] })
    assert.deepEqual(
      fired.map(({ slot }) => slot),
      slots
    )
    assert.equal(await field(context.findEvent(event.id), 'runCount'), 3)
  },

  'an event that moved meanwhile is stale, and the others fire': async (context) => {
    const moved = await context.insertEvent()
    const other = await context.insertEvent()
    const { events } = context.storage
    await events.fire({ now: context.now, firings: [context.firing(moved)] })
    const firings = [context.firing(moved), context.firing(other)]
    const result = await events.fire({ now: context.now, firings })
    assert.deepEqual(result.stale, [moved.id])
    assert.deepEqual(
      result.fired.map(({ eventId }) => eventId),
      [other.id]
    )
  },

  'an event that is paused, deleted or unknown is stale': async (context) => {
    const event = await context.insertEvent()
    const { events } = context.storage
    const firing = context.firing(event)
    await events.update({
      now: context.now,
      id: event.id,
      expectedVersion: 1,
      patch: { status: 'paused' },
    })
    const fire = () => events.fire({ now: context.now, firings: [firing] })
    assert.deepEqual(await field(fire(), 'stale'), [event.id])
    await events.delete({ now: context.now, id: event.id })
    assert.deepEqual(await field(fire(), 'stale'), [event.id])
    assert.deepEqual(await context.storage.executions.list({}), [])
  },

  'of two firings at once one hits': async (context) => {
    const event = await context.insertEvent()
    const stores = [context.storage, await context.another()]
    const firings = stores.map(() => context.firing(event))
    const results = await Promise.all(
      stores.map(({ events }, index) =>
        events.fire({ now: context.now, firings: [firings[index]] })
      )
    )
    assert.equal(results.flatMap(({ fired }) => fired).length, 1)
    assert.deepEqual(
      results.flatMap(({ stale }) => stale),
      [event.id]
    )
    assert.equal(await field(context.storage.executions.list({}), 'length'), 1)
    assert.equal(await field(context.findEvent(event.id), 'runCount'), 1)
  },

  'a slot that exists already counts as fired, moves the event and undoes nothing': async (
    context
  ) => {
    const first = await context.insertEvent()
    const second = await context.insertEvent()
    await context.enqueue(context.slotExecution(first, START))
    const result = await context.storage.events.fire({
      now: context.now,
      firings: [context.firing(first), context.firing(second)],
    })
    assert.deepEqual(result.stale, [])
    assert.deepEqual(
      result.fired.map(({ eventId }) => eventId),
      [second.id]
    )
    const after = await context.findEvent(first.id)
    assert.deepEqual([after.nextRunAt, after.runCount], [START + MINUTE, 0])
    assert.equal(await field(context.storage.executions.list({}), 'length'), 2)
  },

  'an ended slot is not fired again either': async (context) => {
    const event = await context.insertEvent()
    await context.ended(context.slotExecution(event, START))
    const firings = [context.firing(event)]
    const { fired } = await context.storage.events.fire({ now: context.now, firings })
    assert.deepEqual(fired, [])
  },

  'the last slot completes the event': async (context) => {
    const event = await context.insertEvent()
    const firings = [context.firing(event, { nextRunAt: null })]
    const result = await context.storage.events.fire({ now: context.now, firings })
    assert.deepEqual(result.completed, [event.id])
    const after = await context.findEvent(event.id)
    assert.deepEqual(
      [after.status, after.completedAt, after.nextRunAt, after.version],
      ['completed', START, null, 1]
    )
  },

  'journal entries are written with the firing, and not for stale events': async (context) => {
    const event = await context.insertEvent()
    const stale = await context.insertEvent({ status: 'paused' })
    await context.storage.events.fire({
      now: context.now,
      firings: [context.firing(event), context.firing(stale)],
      journal: [
        context.entry({ kind: 'slots.missed', subject: stale.id }),
        context.entry({ kind: 'slots.missed', subject: event.id, after: { count: 3 } }),
      ],
    })
    const rows = await context.storage.journal.read({ after: 0, limit: 10 })
    assert.deepEqual(
      rows.map(({ id, subject, after, at }) => [id, subject, after, at]),
      [[1, event.id, { count: 3 }, START]]
    )
  },

  'what cannot be stored undoes the whole batch': async (context) => {
    const good = await context.insertEvent()
    const bad = await context.insertEvent()
    const payload = { n: 1n } as unknown as null
    const executions = [{ ...context.slotExecution(bad, START), payload }]
    const firings = [context.firing(good), context.firing(bad, { executions })]
    await assert.rejects(context.storage.events.fire({ now: context.now, firings }), {
      code: 'E_PAYLOAD_NOT_JSON',
    })
    assert.deepEqual(await context.storage.executions.list({}), [])
    assert.equal(await field(context.findEvent(good.id), 'nextRunAt'), START)
  },

  'a firing of nothing changes nothing': async (context) => {
    const result = await context.storage.events.fire({ now: context.now, firings: [] })
    assert.deepEqual(result, { fired: [], missed: [], stale: [], completed: [] })
  },
})
