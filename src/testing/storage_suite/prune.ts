import assert from 'node:assert/strict'
import type { PruneRule } from '../../storage/contract.ts'
import { cases, DAY, MINUTE, NODE, SECOND, START, type SuiteContext } from './context.ts'

async function prune(context: SuiteContext, rule: Partial<PruneRule>, limit = 100) {
  await context.storage.stats.rollup({ now: context.now, limit: 1000 })
  return context.storage.executions.prune({
    now: context.now,
    limit,
    rule: {
      outcome: 'succeeded',
      handler: null,
      eventId: null,
      age: null,
      count: null,
      ...rule,
    },
  })
}

async function left(context: SuiteContext): Promise<string[]> {
  const rows = await context.storage.executions.list({})
  return rows.map(({ id }) => id).reverse()
}

export const pruneCases = cases({
  'what ended longer ago than the age is deleted': async (context) => {
    await context.ended()
    context.pass(MINUTE)
    const young = await context.ended()
    context.pass(DAY - MINUTE + 1)
    assert.equal(await prune(context, { age: DAY }), 1)
    assert.deepEqual(await left(context), [young])
    assert.equal(await prune(context, { age: DAY }), 0)
  },

  'only of the rule’s outcome, and nothing that is open': async (context) => {
    await context.ended()
    const failed = await context.ended({}, { to: 'failed' })
    const { id: running } = await context.running()
    const [queued] = await context.enqueue({})
    context.pass(10 * DAY)
    assert.equal(await prune(context, { age: DAY, count: 0 }), 1)
    assert.deepEqual(await left(context), [failed, running, queued])
    assert.equal(await prune(context, { outcome: 'failed', age: DAY }), 1)
  },

  'nothing that the totals do not hold yet': async (context) => {
    await context.ended()
    context.pass(DAY)
    const rule = { outcome: 'succeeded' as const, handler: null, eventId: null, age: 0, count: 0 }
    const { executions } = context.storage
    assert.equal(await executions.prune({ now: context.now, rule, limit: 10 }), 0)
    assert.equal(await prune(context, rule), 1)
  },

  'a rule without bounds deletes nothing': async (context) => {
    await context.ended()
    context.pass(100 * DAY)
    assert.equal(await prune(context, {}), 0)
  },

  'the newest so many of each event are kept': async (context) => {
    const kept: string[] = []
    for (const eventId of ['e1', 'e2']) {
      await context.ended({ eventId })
      context.pass(SECOND)
      kept.push(await context.ended({ eventId }), await context.ended({ eventId }))
    }
    assert.equal(await prune(context, { count: 2 }), 2)
    assert.deepEqual(await left(context), kept)
  },

  'and of each handler where there is no event': async (context) => {
    const a = await context.ended({ handler: 'a', eventId: 'e1' })
    await context.ended({ handler: 'a' })
    const a2 = await context.ended({ handler: 'a' })
    const b = await context.ended({ handler: 'b' })
    assert.equal(await prune(context, { count: 1 }), 1)
    assert.deepEqual(await left(context), [a, a2, b])
  },

  'either bound deletes': async (context) => {
    await context.ended()
    context.pass(DAY + 1)
    await context.ended()
    const kept = await context.ended()
    assert.equal(await prune(context, { age: DAY, count: 1 }), 2)
    assert.deepEqual(await left(context), [kept])
  },

  'a rule of a handler or an event covers only these': async (context) => {
    const a1 = await context.ended({ handler: 'a', eventId: 'e1' })
    const a2 = await context.ended({ handler: 'a', eventId: 'e2' })
    const b = await context.ended({ handler: 'b' })
    context.pass(1)
    assert.equal(await prune(context, { handler: 'b', age: 0 }), 1)
    assert.deepEqual(await left(context), [a1, a2])
    assert.equal(await prune(context, { eventId: 'e2', count: 0 }), 1)
    assert.deepEqual(await left(context), [a1])
    assert.equal(await prune(context, { handler: 'a', count: 0 }), 1)
    assert.notEqual(b, a1)
  },

  'a general rule leaves out what narrower rules cover': async (context) => {
    const a = await context.ended({ handler: 'a' })
    const e = await context.ended({ handler: 'b', eventId: 'e1' })
    await context.ended({ handler: 'b', eventId: 'e2' })
    await context.ended({ handler: 'b' })
    context.pass(1)
    const except = { exceptHandlers: ['a'], exceptEvents: ['e1'] }
    assert.equal(await prune(context, { age: 0, ...except }), 2)
    assert.deepEqual(await left(context), [a, e])
    assert.equal(await prune(context, { count: 0, ...except }), 0)
    assert.equal(await prune(context, { count: 0, exceptHandlers: [], exceptEvents: [] }), 2)
  },

  'it goes in small batches, the oldest first': async (context) => {
    const all = []
    for (let n = 0; n < 5; n++) {
      all.push(await context.ended())
      context.pass(SECOND)
    }
    assert.equal(await prune(context, { age: 0 }, 2), 2)
    assert.deepEqual(await left(context), all.slice(2))
    assert.equal(await prune(context, { count: 1 }, 1), 1)
    assert.deepEqual(await left(context), all.slice(3))
  },

  'logs go with their execution': async (context) => {
    const execution = await context.running()
    const { id } = execution
    const entry = { executionId: id, attempt: 1, seq: 1, at: START, level: 'info' as const }
    const entries = [{ ...entry, message: 'm', data: null }]
    await context.storage.logs.append({ node: NODE, entries })
    await context.settle(execution)
    context.pass(1)
    await prune(context, { age: 0 })
    assert.deepEqual(await context.storage.logs.read({ executionId: id }), [])
  },

  'a missed range that may still grow is kept': async (context) => {
    const event = await context.insertEvent()
    const range = { id: 'm1', first: START, last: START, count: 1, reason: 'late' }
    const firing = context.firing(event, {
      executions: [],
      missed: [range],
      leavesMissedOpen: true,
    })
    await context.storage.events.fire({ now: context.now, firings: [firing] })
    context.pass(DAY)
    assert.equal(await prune(context, { outcome: 'missed', age: 0 }), 0)
    await context.storage.events.delete({ now: context.now, id: event.id })
    assert.equal(await prune(context, { outcome: 'missed', age: 0 }), 1)
  },
})
