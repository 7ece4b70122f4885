import assert from 'node:assert/strict'
import { E_EVENT_EXISTS } from '../../errors.ts'
import { cases, field, mapped, MINUTE, SECOND, START } from './context.ts'

export const eventCases = cases({
  'an event comes back as it was stored, with counters at nothing': async (context) => {
    const event = context.event({
      payload: { list: [1, 'two', null, true], nested: { umlaut: 'ä€😀' } },
      trigger: { kind: 'cron', expression: '0 6 * * 1', timezone: 'Europe/Vienna' },
      misfire: { policy: 'all', grace: 5000, cap: 3 },
      queue: 'nightly',
      priority: 2,
      overlap: 'skip',
      onResume: 'misfire',
      concurrencyKey: 'warehouse',
      timeout: 90_000,
      retries: 4,
      maxRuns: 12,
      profile: 'north',
      meta: { owner: 'anna', since: [2026] },
      subject: 'customer 7 ä',
      tags: ['finance', 'nightly'],
    })
    const stored = await context.storage.events.insert({ now: context.now, event })
    assert.deepEqual(stored, {
      ...event,
      lastSlot: null,
      skippedSlot: null,
      openMissedId: null,
      openMissedReason: null,
      lastRunAt: null,
      lastOutcome: null,
      runCount: 0,
      failureCount: 0,
      consecutiveFailures: 0,
      createdAt: START,
      updatedAt: START,
      resumedAt: null,
      completedAt: null,
      cancelledAt: null,
      version: 1,
      rowHash: stored.rowHash,
      problem: null,
    })
    assert.deepEqual(await context.storage.events.find(event.id), stored)
  },

  'a name is taken once per source': async (context) => {
    await context.insertEvent({ name: 'load', source: 'api' })
    await context.insertEvent({ name: 'load', source: 'code' })
    await assert.rejects(context.insertEvent({ name: 'load', source: 'api' }), E_EVENT_EXISTS)
    assert.equal(await field(context.storage.events.list({}), 'length'), 2)
  },

  'a source key is taken once per source': async (context) => {
    await context.insertEvent({ sourceKey: 'K', source: 'api' })
    await context.insertEvent({ sourceKey: 'K', source: 'code' })
    await assert.rejects(context.insertEvent({ sourceKey: 'K', source: 'api' }), E_EVENT_EXISTS)
  },

  'a source and a name do not run into each other': async (context) => {
    await context.insertEvent({ source: 'a', name: 'bc', sourceKey: 'bc' })
    await context.insertEvent({ source: 'ab', name: 'c', sourceKey: 'c' })
    assert.equal(await field(context.storage.events.list({}), 'length'), 2)
  },

  'what cannot be stored as JSON is refused, and nothing is stored': async (context) => {
    const payload = { when: 1n } as unknown as null
    await assert.rejects(context.insertEvent({ payload }), { code: 'E_PAYLOAD_NOT_JSON' })
    assert.deepEqual(await context.storage.events.list({}), [])
  },

  'what was handed over can be changed without changing the store': async (context) => {
    const event = context.event({ payload: { n: 1 } })
    const stored = await context.storage.events.insert({ now: context.now, event })
    Object.assign(event.payload as object, { n: 2 })
    Object.assign(stored.payload as object, { n: 3 })
    assert.deepEqual(await field(context.findEvent(event.id), 'payload'), { n: 1 })
  },

  'an event is found by its name and by its source key': async (context) => {
    const event = await context.insertEvent({ source: 'code', name: 'load', sourceKey: 'K1' })
    const { events } = context.storage
    assert.equal(await field(events.findBy({ source: 'code', name: 'load' }), 'id'), event.id)
    assert.equal(await field(events.findBy({ source: 'code', sourceKey: 'K1' }), 'id'), event.id)
    assert.equal(await events.findBy({ source: 'api', name: 'load' }), null)
    assert.equal(await events.findBy({ source: 'code', sourceKey: 'K2' }), null)
    assert.equal(await events.find('nobody'), null)
  },

  'a list is ordered by name, filtered and paged': async (context) => {
    await context.insertEvent({ name: 'c', handler: 'h1', source: 'api' })
    await context.insertEvent({ name: 'a', handler: 'h2', source: 'code', status: 'paused' })
    await context.insertEvent({ name: 'b', handler: 'h1', source: 'code' })
    const names = async (filter: Parameters<typeof context.storage.events.list>[0]) =>
      await mapped(context.storage.events.list(filter), ({ name }) => name)
    assert.deepEqual(await names({}), ['a', 'b', 'c'])
    assert.deepEqual(await names({ limit: 2 }), ['a', 'b'])
    assert.deepEqual(await names({ after: { value: 'a', id: '~' }, limit: 1 }), ['b'])
    assert.deepEqual(await names({ handler: 'h1' }), ['b', 'c'])
    assert.deepEqual(await names({ source: 'code' }), ['a', 'b'])
    assert.deepEqual(await names({ statuses: ['paused'] }), ['a'])
    assert.deepEqual(await names({ source: 'code', statuses: ['active'] }), ['b'])
  },

  'a text is looked for in the name as it is, in any case': async (context) => {
    await context.insertEvent({ name: 'Load 100% of DIM_A' })
    await context.insertEvent({ name: 'load 1000 rows of DIMXA' })
    await context.insertEvent({ name: String.raw`path C:\loads` })
    const names = async (text: string) =>
      await mapped(context.storage.events.list({ text }), ({ name }) => name)
    assert.deepEqual(await names('LOAD 1'), ['Load 100% of DIM_A', 'load 1000 rows of DIMXA'])
    assert.deepEqual(await names('100%'), ['Load 100% of DIM_A'])
    assert.deepEqual(await names('dim_a'), ['Load 100% of DIM_A'])
    assert.deepEqual(await names(String.raw`C:\l`), [String.raw`path C:\loads`])
    assert.deepEqual(await names(`it's`), [])
    await context.insertEvent({ name: 'Lade Übersicht' })
    assert.deepEqual(await names('LADE Ü'), ['Lade Übersicht'])
  },

  'events are counted by status': async (context) => {
    await context.insertEvent()
    await context.insertEvent()
    await context.insertEvent({ status: 'paused' })
    assert.deepEqual(await context.storage.events.countByStatus(), {
      active: 2,
      paused: 1,
      completed: 0,
      cancelled: 0,
    })
  },

  'a deleted event leaves its executions and is told of once': async (context) => {
    const event = await context.insertEvent()
    const [execution] = await context.enqueue({ eventId: event.id })
    const { events } = context.storage
    const params = { now: context.now, id: event.id, journal: context.entry() }
    assert.equal(await field(events.delete(params), 'name'), event.name)
    assert.equal(await events.find(event.id), null)
    assert.equal(await field(context.find(execution), 'eventId'), event.id)
    assert.equal(await events.delete(params), null)
    assert.equal(await field(context.storage.journal.read({ after: 0, limit: 10 }), 'length'), 1)
  },

  'due are the active events whose instant has come, oldest first': async (context) => {
    const second = await context.insertEvent({ nextRunAt: START })
    const first = await context.insertEvent({ nextRunAt: START - MINUTE })
    await context.insertEvent({ nextRunAt: START + 1 })
    await context.insertEvent({ nextRunAt: START - MINUTE, status: 'paused' })
    await context.insertEvent({ nextRunAt: null })
    const due = await context.storage.events.listDue({ now: context.now, limit: 10 })
    assert.equal(due.now, START)
    assert.deepEqual(
      due.events.map(({ id }) => id),
      [first.id, second.id]
    )
    const one = await context.storage.events.listDue({ now: context.now, limit: 1 })
    assert.deepEqual(
      one.events.map(({ id }) => id),
      [first.id]
    )
  },

  'a due event says what is open of it': async (context) => {
    const event = await context.insertEvent()
    const other = await context.insertEvent()
    await context.running({ eventId: event.id })
    await context.ended({ eventId: event.id })
    await context.enqueue({ eventId: event.id }, { eventId: event.id }, { eventId: other.id })
    const { events } = await context.storage.events.listDue({ now: context.now, limit: 10 })
    assert.deepEqual(
      events.map(({ id, openQueued, openRunning }) => [id, openQueued, openRunning]),
      [
        [event.id, 2, 1],
        [other.id, 1, 0],
      ]
    )
  },

  'the next due instant is the earliest of the active events': async (context) => {
    const { events } = context.storage
    assert.equal(await events.nextDueAt(), null)
    await context.insertEvent({ nextRunAt: START + 3 * SECOND })
    await context.insertEvent({ nextRunAt: START + SECOND })
    await context.insertEvent({ nextRunAt: START, status: 'paused' })
    assert.equal(await events.nextDueAt(), START + SECOND)
    assert.equal(await events.nextDueAt({ after: START + SECOND }), START + 3 * SECOND)
    assert.equal(await events.nextDueAt({ after: START + 3 * SECOND }), null)
  },
})
