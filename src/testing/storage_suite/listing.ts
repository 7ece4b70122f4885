import assert from 'node:assert/strict'
import type { EventQuery } from '../../storage/contract.ts'
import type { EventRecord } from '../../types/events.ts'
import { cases, mapped, MINUTE, START, type SuiteContext } from './context.ts'

const names = (events: EventRecord[]) => events.map(({ name }) => name)

async function list({ storage }: SuiteContext, query: EventQuery): Promise<string[]> {
  return names(await storage.events.list(query))
}

/** All pages, one after the other; `between` runs after each. */
async function pages(
  { storage }: SuiteContext,
  query: EventQuery,
  between: () => Promise<unknown> = async () => {}
): Promise<string[]> {
  const { sort = 'name' } = query
  const seen: string[] = []
  let after: EventQuery['after']
  for (;;) {
    const page = await storage.events.list({ ...query, ...(after ? { after } : {}) })
    const last = page.at(-1)
    if (!last) {
      return seen
    }
    seen.push(...names(page))
    after = { value: last[sort], id: last.id }
    await between()
  }
}

export const listingCases = cases({
  'a list is narrowed by tags, subject, statuses and the next slot': async (context) => {
    await context.insertEvent({ name: 'a', tags: ['nightly', 'x'], subject: 'S' })
    await context.insertEvent({ name: 'b', tags: ['nightly'], nextRunAt: START + MINUTE })
    await context.insertEvent({ name: 'c', tags: ['Nightly'], status: 'paused', subject: 's' })
    await context.insertEvent({ name: 'd', nextRunAt: null, status: 'completed' })
    assert.deepEqual(await list(context, { tags: ['nightly'] }), ['a', 'b'])
    assert.deepEqual(await list(context, { tags: ['nightly', 'x'] }), ['a'])
    assert.deepEqual(await list(context, { tags: ['none'] }), [])
    assert.deepEqual(await list(context, { subject: 'S' }), ['a'])
    assert.deepEqual(await list(context, { statuses: ['paused', 'completed'] }), ['c', 'd'])
    assert.deepEqual(await list(context, { nextFrom: START + 1 }), ['b'])
    assert.deepEqual(await list(context, { nextTo: START + MINUTE }), ['a', 'c'])
    assert.deepEqual(await list(context, { nextFrom: START, nextTo: START + 1, tags: ['x'] }), [
      'a',
    ])
  },

  'tags follow the event': async (context) => {
    const event = await context.insertEvent({ name: 'a', tags: ['old', 'both'] })
    const { events } = context.storage
    const patch = { tags: ['both', 'new'] }
    const after = await events.update({ now: START, id: event.id, expectedVersion: 1, patch })
    assert.deepEqual(after.tags, ['both', 'new'])
    assert.deepEqual(await list(context, { tags: ['old'] }), [])
    assert.deepEqual(await list(context, { tags: ['both', 'new'] }), ['a'])
    await events.delete({ now: START, id: event.id })
    await context.insertEvent({ id: event.id, name: 'again' })
    assert.deepEqual(await list(context, { tags: ['new'] }), [])
  },

  'tags follow the definition of a source, and go with it': async (context) => {
    const { events } = context.storage
    const definition = context.definition('K', { tags: ['one'], meta: { v: 1 }, subject: 's1' })
    const sync = { now: START, source: 'code', missing: 'delete' as const }
    const { added } = await events.syncSource({ ...sync, definitions: [definition] })
    assert.deepEqual([added[0].tags, added[0].meta, added[0].subject], [['one'], { v: 1 }, 's1'])
    const changed = {
      ...{ ...definition, tags: ['two'], sourceHash: 'hash 2' },
      planned: {
        ...{ id: added[0].id, expectedVersion: 1, expectedNextRunAt: added[0].nextRunAt },
        ...{ force: false, executions: [], missed: [] },
      },
    }
    await events.syncSource({ ...sync, definitions: [changed] })
    assert.deepEqual(await list(context, { tags: ['one'] }), [])
    assert.deepEqual(await list(context, { tags: ['two'] }), ['K'])
    await events.syncSource({ ...sync, definitions: [] })
    assert.deepEqual(await list(context, { tags: ['two'] }), [])
  },

  'a list is sorted either way, and events without a slot come last': async (context) => {
    await context.insertEvent({ name: 'b', nextRunAt: START + MINUTE })
    context.pass(1)
    await context.insertEvent({ name: 'c', nextRunAt: null })
    context.pass(1)
    await context.insertEvent({ name: 'a', nextRunAt: START })
    assert.deepEqual(await list(context, { order: 'desc' }), ['c', 'b', 'a'])
    assert.deepEqual(await list(context, { sort: 'createdAt' }), ['b', 'c', 'a'])
    assert.deepEqual(await list(context, { sort: 'updatedAt', order: 'desc' }), ['a', 'c', 'b'])
    assert.deepEqual(await list(context, { sort: 'nextRunAt' }), ['a', 'b', 'c'])
    assert.deepEqual(await list(context, { sort: 'nextRunAt', order: 'desc' }), ['b', 'a', 'c'])
  },

  'pages hold each event once, in every order': async (context) => {
    for (const [index, name] of ['d', 'a', 'c', 'b', 'e'].entries()) {
      const source = index % 2 === 0 ? 'api' : 'code'
      // Equal instants: the id decides between them
      await context.insertEvent({ name, source, nextRunAt: index < 2 ? null : START })
    }
    await context.insertEvent({ name: 'a', source: 'api' })
    for (const sort of ['name', 'nextRunAt', 'createdAt', 'updatedAt'] as const) {
      for (const order of ['asc', 'desc'] as const) {
        const whole = await list(context, { sort, order })
        for (const limit of [1, 2, 4]) {
          assert.deepEqual(await pages(context, { sort, order, limit }), whole, `${sort} ${order}`)
        }
      }
    }
  },

  'events that come and go between pages shift no other': async (context) => {
    for (const name of ['b', 'd', 'f', 'h']) {
      await context.insertEvent({ id: `id-${name}`, name })
    }
    const { events } = context.storage
    const steps = [
      () => context.insertEvent({ name: 'a' }),
      () => events.delete({ now: START, id: 'id-b' }),
      () => context.insertEvent({ name: 'g' }),
    ]
    const seen = await pages(context, { limit: 1 }, async () => steps.shift()?.())
    assert.deepEqual(seen, ['b', 'd', 'f', 'g', 'h'])
  },

  'executions carry meta and subject, and are found by the subject': async (context) => {
    const event = await context.insertEvent({ subject: 'S', meta: { m: 1 } })
    const range = { id: context.id(), first: START, last: START, count: 1, reason: 'paused' }
    const [own, other] = await context.enqueue({ subject: 'S', meta: { n: [2] } }, { subject: 's' })
    const { events, executions } = context.storage
    const update = { now: START, id: event.id, expectedVersion: 1, patch: {}, missed: [range] }
    await events.update(update)
    const found = await executions.list({ subject: 'S' })
    assert.deepEqual(
      found.map(({ id, meta }) => [id, meta]).sort(),
      [
        [own, { n: [2] }],
        [range.id, { m: 1 }],
      ].sort()
    )
    assert.deepEqual(await mapped(executions.list({ subject: 's' }), ({ id }) => id), [other])
    const [plain] = await context.enqueue({})
    const bare = await context.find(plain)
    assert.deepEqual([bare.meta, bare.subject], [null, null])
  },
})
