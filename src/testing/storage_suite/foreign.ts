import assert from 'node:assert/strict'
import { E_EVENT_CONFLICT } from '../../errors.ts'
import { cases, field, MINUTE, START, type SuiteContext } from './context.ts'

/** The rows of the whole walk, page by page. */
async function foreignRows({ storage }: SuiteContext, limit = 100) {
  const rows = []
  let after: string | null = null
  do {
    const page: Awaited<ReturnType<typeof storage.events.listForeign>> =
      await storage.events.listForeign({ after, limit })
    rows.push(...page.rows)
    after = page.next
  } while (after !== null)
  return rows
}

export const foreignCases = cases({
  'nothing that the store itself wrote is foreign': async (context) => {
    const { events, executions } = context.storage
    const [fired, ended, edited, , removed] = [
      await context.insertEvent(),
      await context.insertEvent(),
      await context.insertEvent({ meta: { a: 1 }, tags: ['x'], subject: 's', profile: 'p' }),
      await context.insertEvent({ payload: null, name: 'ünïcode 🗓' }),
      await context.insertEvent(),
    ]
    await events.fire({
      now: context.now,
      firings: [context.firing(fired), context.firing(ended, { nextRunAt: null })],
    })
    const patch = { trigger: { kind: 'interval' as const, every: 7 }, tags: ['y', 'z'], meta: null }
    await events.update({ now: context.now, id: edited.id, expectedVersion: 1, patch })
    await events.delete({ now: context.now, id: removed.id })
    const definitions = [context.definition('K')]
    const sync = { now: context.now, source: 'code', missing: 'pause' as const }
    await events.syncSource({ ...sync, definitions })
    await events.syncSource({ ...sync, definitions: [] })
    const [first] = await executions.list({ eventId: fired.id })
    await context.claim()
    await context.settle(await context.find(first.id))
    assert.deepEqual(await foreignRows(context), [])
  },

  'a row that plain SQL changed is found, whatever page it lies on': async (context) => {
    const events = []
    for (let count = 0; count < 5; count++) {
      events.push(await context.insertEvent())
    }
    await context.tamper(events[1].id, { priority: 9 })
    await context.tamper(events[4].id, { status: 'paused' })
    for (const limit of [1, 2, 5, 100]) {
      const rows = await foreignRows(context, limit)
      const found = rows.map(({ event }) => [event.id, event.priority, event.status])
      assert.deepEqual(found, [
        [events[1].id, 9, 'active'],
        [events[4].id, null, 'paused'],
      ])
    }
  },

  'a change of the next slot alone is no change of the definition': async (context) => {
    const event = await context.insertEvent()
    await context.tamper(event.id, { nextRunAt: START + MINUTE })
    assert.deepEqual(await foreignRows(context), [])
  },

  'a due event says that its row is foreign': async (context) => {
    const event = await context.insertEvent()
    const due = async () => {
      const { events } = await context.storage.events.listDue({ now: context.now, limit: 1 })
      return events[0].foreign
    }
    assert.equal(await due(), null)
    await context.tamper(event.id, { priority: 2 })
    const [{ found }] = await foreignRows(context)
    assert.equal(await due(), found)
  },

  'a foreign row is taken over with the hash that it was found with': async (context) => {
    const event = await context.insertEvent()
    await context.tamper(event.id, { priority: 2 })
    const [{ found }] = await foreignRows(context)
    const { events } = context.storage
    const params = { now: context.now, id: event.id, expectedVersion: 1 }
    const after = await events.update({ ...params, accept: found, patch: { nextRunAt: START + 5 } })
    assert.deepEqual([after.priority, after.nextRunAt, after.version], [2, START + 5, 2])
    assert.deepEqual(await foreignRows(context), [])
  },

  'a row that was changed once more is not taken over': async (context) => {
    const event = await context.insertEvent()
    await context.tamper(event.id, { priority: 2 })
    const [{ found }] = await foreignRows(context)
    await context.tamper(event.id, { priority: 3 })
    const params = { now: context.now, id: event.id, expectedVersion: 1, accept: found }
    await assert.rejects(
      context.storage.events.update({ ...params, patch: { priority: 2 } }),
      E_EVENT_CONFLICT
    )
    assert.equal(await field(context.findEvent(event.id), 'priority'), 3)
  },

  'another change of the event does not hide what plain SQL did': async (context) => {
    const event = await context.insertEvent({ name: 'a' })
    await context.tamper(event.id, { priority: 99 })
    const params = { now: context.now, id: event.id, expectedVersion: 1, patch: { name: 'b' } }
    await context.storage.events.update(params)
    const firing = context.firing(event, { nextRunAt: null })
    await context.storage.events.fire({ now: context.now, firings: [firing] })
    const rows = await foreignRows(context)
    assert.deepEqual(
      rows.map(({ event: { name, priority, status } }) => [name, priority, status]),
      [['b', 99, 'completed']]
    )
  },

  'an event with a problem is not due, and comes back without it': async (context) => {
    const event = await context.insertEvent()
    const { events } = context.storage
    const change = (expectedVersion: number, problem: string | null) =>
      events.update({ now: context.now, id: event.id, expectedVersion, patch: { problem } })
    await change(1, 'priority 99')
    const due = async () => field(events.listDue({ now: context.now, limit: 9 }), 'events')
    assert.deepEqual(await due(), [])
    assert.equal(await events.nextDueAt(), null)
    assert.deepEqual(await events.peek({ now: context.now }), { now: START, next: null })
    assert.deepEqual(await foreignRows(context), [])
    await change(2, null)
    const again = await due()
    assert.equal(again?.length, 1)
  },

  'a row without a hash is adopted, unless it changed since it was seen': async (context) => {
    const [first, second] = [await context.insertEvent(), await context.insertEvent()]
    await context.tamper(first.id, { rowHash: null })
    await context.tamper(second.id, { rowHash: null })
    const rows = await foreignRows(context)
    await context.tamper(second.id, { priority: 4 })
    const seen = rows.map(({ event, found }) => ({ id: event.id, found }))
    assert.equal(await context.storage.events.adopt(seen), 1)
    assert.deepEqual(await context.findEvent(first.id), first)
    const left = await foreignRows(context)
    assert.deepEqual(
      left.map(({ event }) => event.id),
      [second.id]
    )
    assert.equal(await context.storage.events.adopt([]), 0)
  },

  'a look ahead gives the clock and the earliest slot': async (context) => {
    const { events } = context.storage
    assert.deepEqual(await events.peek({ now: START }), { now: START, next: null })
    await context.insertEvent({ nextRunAt: START + 2 * MINUTE })
    await context.insertEvent({ nextRunAt: START + MINUTE })
    await context.insertEvent({ nextRunAt: START, status: 'paused' })
    await context.insertEvent({ nextRunAt: null })
    assert.deepEqual(await events.peek({ now: START }), { now: START, next: START + MINUTE })
    const { now } = await events.peek({ now: null })
    assert.ok(Math.abs(now - (await context.storage.now())) < MINUTE)
  },
})
