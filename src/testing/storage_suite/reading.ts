import assert from 'node:assert/strict'
import { SCHEMA_VERSION, type ExecutionFilter } from '../../storage/contract.ts'
import { cases, mapped, MINUTE, SECOND, START } from './context.ts'

export const readingCases = cases({
  'the store has the schema that this code needs': async (context) => {
    assert.equal(await context.storage.schemaVersion(), SCHEMA_VERSION)
  },

  'its clock does not stand in another century, nor run backwards': async (context) => {
    const first = await context.storage.now()
    const second = await context.storage.now()
    assert.ok(Number.isInteger(first) && first > Date.UTC(2020, 0) && second >= first)
  },

  'a history is filtered, newest first': async (context) => {
    const [a] = await context.enqueue({
      handler: 'h1',
      queue: 'q1',
      eventId: 'e1',
      concurrencyKey: 'c1',
      dedupeKey: 'd1',
    })
    context.pass(SECOND)
    const b = await context.ended({ handler: 'h1', eventId: 'e2' })
    context.pass(SECOND)
    const { id: c } = await context.running({ handler: 'h2', concurrencyKey: 'c2' })
    const list = async (filter: ExecutionFilter) =>
      await mapped(context.storage.executions.list(filter), ({ id }) => id)
    assert.deepEqual(await list({}), [c, b, a])
    assert.deepEqual(await list({ handler: 'h1' }), [b, a])
    assert.deepEqual(await list({ queue: 'q1' }), [a])
    assert.deepEqual(await list({ eventId: 'e2' }), [b])
    assert.deepEqual(await list({ concurrencyKey: 'c2' }), [c])
    assert.deepEqual(await list({ dedupeKey: 'd1' }), [a])
    assert.deepEqual(await list({ states: ['queued', 'running'] }), [c, a])
    assert.deepEqual(await list({ states: [] }), [])
    assert.deepEqual(await list({ from: START + SECOND }), [c, b])
    assert.deepEqual(await list({ to: START + SECOND }), [a])
    assert.deepEqual(await list({ handler: 'h1', states: ['succeeded'] }), [b])
  },

  'history is read by node: a whole id, or a name and all of its boots': async (context) => {
    const ran = async (node: string) => {
      await context.enqueue({})
      const [execution] = await context.claim({ node })
      await context.settle(execution, { node })
      return execution.id
    }
    const ids = [
      await ran('a_1.one'),
      await ran('a_1.two'),
      await ran('a_1.b.one'),
      await ran('ax1.one'),
    ]
    await context.enqueue({})
    const list = async (node: string) => {
      const newestFirst = await context.storage.executions.list({ node })
      return newestFirst.map(({ id }) => id).reverse()
    }
    assert.deepEqual(await list('a_1'), ids.slice(0, 2))
    assert.deepEqual(await list('a_1.two'), [ids[1]])
    assert.deepEqual(await list('a_1.b'), [ids[2]])
    assert.deepEqual(await list('A_1'), [])
  },

  'pages follow one another': async (context) => {
    const all = await context.enqueue({}, {}, {}, {}, {})
    const { executions } = context.storage
    const first = await executions.list({ limit: 2 })
    const second = await executions.list({ limit: 2, before: first[1].id })
    const third = await executions.list({ limit: 2, before: second[1].id })
    assert.deepEqual(
      [...first, ...second, ...third].map(({ id }) => id),
      all.toReversed()
    )
  },

  'executions are counted by state': async (context) => {
    assert.deepEqual(await context.storage.executions.countByState(), {})
    await context.enqueue({}, {}, {})
    await context.running()
    await context.ended()
    await context.ended({}, { to: 'failed' })
    assert.deepEqual(await context.storage.executions.countByState(), {
      queued: 3,
      running: 1,
      succeeded: 1,
      failed: 1,
    })
  },

  'what waits is counted by handler': async (context) => {
    await context.enqueue({ handler: 'b' }, { handler: 'a' }, { handler: 'b' })
    await context.running({ handler: 'c' })
    assert.deepEqual(await context.storage.executions.countQueuedByHandler(), [
      { handler: 'a', count: 1 },
      { handler: 'b', count: 2 },
    ])
  },

  'the next available instant is that of the handlers and queues asked for': async (context) => {
    const next = (handlers: string[], queues?: string[]) => context.next({ handlers, queues })
    assert.equal(await next(['a']), undefined)
    await context.enqueue(
      { handler: 'a', availableAt: START + 3 * MINUTE, priority: 1 },
      { handler: 'a', availableAt: START + 2 * MINUTE, priority: 9, queue: 'slow' },
      { handler: 'b', availableAt: START + MINUTE }
    )
    assert.equal(await next(['a']), START + 2 * MINUTE)
    assert.equal(await next(['a', 'b']), START + MINUTE)
    assert.equal(await next(['a'], ['default']), START + 3 * MINUTE)
    assert.equal(await next(['c']), undefined)
    assert.equal(await next([]), undefined)
  },
})
