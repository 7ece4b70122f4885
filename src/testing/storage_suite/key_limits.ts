import assert from 'node:assert/strict'
import type { NewExecution } from '../../storage/contract.ts'
import { cases, field, LEASE, MINUTE, NODE, OTHER_NODE } from './context.ts'
import type { SuiteContext } from './context.ts'
import { limit, race } from './limits.ts'

const ids = (list: { id: string }[]) => list.map(({ id }) => id)

function ofKey(
  context: SuiteContext,
  key: string,
  count: number,
  columns: Partial<NewExecution> = {}
) {
  return context.enqueue(
    ...Array.from({ length: count }, () => ({ concurrencyKey: key, ...columns }))
  )
}

/** Queues a backlog in steps that every database takes. */
async function backlog(context: SuiteContext, key: string, count: number): Promise<string[]> {
  const added: string[] = []
  while (added.length < count) {
    added.push(
      ...(await ofKey(context, key, Math.min(1_000, count - added.length), { priority: 1 }))
    )
  }
  return added
}

export const keyLimitCases = cases({
  'a key has as many places as its handler gives it': async (context) => {
    await limit(context, { key: 3 })
    const [a1, a2, a3, a4] = await ofKey(context, 'a', 4)
    const [b1] = await ofKey(context, 'b', 1)
    const claimed = await context.claim()
    assert.deepEqual(ids(claimed), [a1, a2, a3, b1])
    assert.deepEqual(await context.claim({ node: OTHER_NODE }), [])
    await context.settle(claimed[1])
    assert.deepEqual(ids(await context.claim({ node: OTHER_NODE })), [a4])
  },

  'no more of a key run than it has places, however many claim': async (context) => {
    await limit(context, { key: 3 })
    await ofKey(context, 'a', 20)
    await ofKey(context, 'b', 20)
    const stores = [context.storage, await context.another()]
    const most = new Map<string, number>()
    let done = 0
    while (done < 40) {
      const claimed = await race(context, 2, stores)
      for (const key of ['a', 'b']) {
        const filter = { states: ['running' as const], concurrencyKey: key }
        const running = await context.storage.executions.list(filter)
        most.set(key, Math.max(most.get(key) ?? 0, running.length))
      }
      assert.ok(claimed.length > 0, 'nothing could be claimed')
      for (const execution of claimed) {
        assert.equal(await context.settle(execution), true)
      }
      done += claimed.length
    }
    assert.deepEqual(Object.fromEntries(most), { a: 3, b: 3 })
  },

  'the backlog of one key does not hide another where keys have places': async (context) => {
    await limit(context, { key: 2 })
    const big = await backlog(context, 'big', 10_000)
    const [other, another] = await ofKey(context, 'small', 3, { priority: 9 })
    const claimed = await context.claim({ limit: 10 })
    assert.deepEqual(ids(claimed), [...big.slice(0, 2), other, another])
    const [third] = await ofKey(context, 'third', 1, { priority: 9 })
    assert.deepEqual(ids(await context.claim({ limit: 1 })), [third])
    await context.settle(claimed[0])
    assert.deepEqual(ids(await context.claim({ limit: 10 })), [big[2]])
  },

  'nor do many other keys hide it': async (context) => {
    await limit(context, { key: 2 })
    await ofKey(context, 'big', 300)
    const many = Array.from({ length: 150 }, (_, n) => ({ concurrencyKey: `key ${n}` }))
    const others = await context.enqueue(...many)
    const [keyless] = await context.enqueue({})
    assert.equal(await field(context.claim({ limit: 2 }), 'length'), 2)
    assert.deepEqual(ids(await context.claim({ limit: 5 })), others.slice(0, 5))
    assert.deepEqual(ids(await context.claim({ limit: 500 })), [...others.slice(5), keyless])
  },

  'priorities go before places': async (context) => {
    await limit(context, { key: 2 })
    const [low, free, high, first] = await context.enqueue(
      { concurrencyKey: 'k', priority: 9 },
      { handler: 'free', priority: 5 },
      { concurrencyKey: 'k', priority: 2 },
      { concurrencyKey: 'k', priority: 1 }
    )
    const both = { handlers: ['noop', 'free'] }
    const claimed = await context.claim(both)
    assert.deepEqual(ids(claimed), [first, high, free])
    await context.settle(claimed[0])
    assert.deepEqual(ids(await context.claim(both)), [low])
  },

  'a number that is changed holds from the next claim': async (context) => {
    await ofKey(context, 'k', 9)
    assert.equal(await field(context.claim(), 'length'), 1)
    await limit(context, { key: 4 })
    const more = await context.claim()
    assert.equal(more.length, 3)
    await limit(context, { key: 2 })
    await context.settle(more[0])
    await context.settle(more[1])
    assert.deepEqual(await context.claim(), [])
    await context.settle(more[2])
    assert.equal(await field(context.claim(), 'length'), 1)
    await limit(context, { key: 1 })
    assert.deepEqual(await context.claim(), [])
  },

  'every end of an attempt gives its place back, and so does the rescue of it': async (context) => {
    await limit(context, { key: 2 })
    await ofKey(context, 'k', 8)
    const [first] = await context.claim({ limit: 1 })
    for (const to of ['succeeded', 'failed', 'retry', 'release', 'discard'] as const) {
      const [second] = await context.claim()
      assert.deepEqual(await context.claim(), [])
      assert.equal(await context.settle(second, { to, delay: MINUTE }), true)
    }
    await context.claim()
    context.pass(LEASE)
    const { executions } = context.storage
    const expired = await executions.listExpired({ now: context.now, limit: 9 })
    await executions.rescueExpired({ now: context.now, expired, maxRescues: 5 })
    assert.equal(await field(context.claim({ node: OTHER_NODE }), 'length'), 2)
    assert.equal(await context.settle(first), false)
  },

  'executions of an event keep to the first place': async (context) => {
    await limit(context, { key: 3 })
    const { id: eventId } = await context.insertEvent()
    const [slot] = await ofKey(context, 'k', 2, { eventId })
    const [free, ,] = await ofKey(context, 'k', 3)
    const claimed = await context.claim()
    assert.deepEqual(ids(claimed).slice(0, 2), [slot, free])
    assert.equal(claimed.length, 3)
  },

  'a handler without places of its own shares the first one': async (context) => {
    await limit(context, { key: 2 })
    const [plain] = await ofKey(context, 'k', 2, { handler: 'free', priority: 1 })
    const [placed] = await ofKey(context, 'k', 3)
    const both = { handlers: ['noop', 'free'] }
    const claimed = await context.claim(both)
    assert.deepEqual(ids(claimed), [plain, placed])
    await context.settle(claimed[0])
    assert.equal(await field(context.claim(both), 'length'), 1)
  },

  'places, limits of the handler and births go together': async (context) => {
    await limit(context, { key: 3, cluster: 3 })
    await context.running({ concurrencyKey: 'k' })
    const [, b1] = [await ofKey(context, 'k', 4), ...(await ofKey(context, 'b', 4))]
    assert.equal(await field(context.claim(), 'length'), 2)
    await limit(context, { cluster: null })
    assert.equal(await field(context.claim(), 'length'), 3)
    const [birth] = await context.storage.executions.insertRunning({
      now: context.now,
      executions: [context.execution({ concurrencyKey: 'k' })],
      node: NODE,
      lease: LEASE,
    })
    assert.equal(birth.inserted, false)
    assert.equal(await field(context.find(b1), 'state'), 'running')
  },
})
