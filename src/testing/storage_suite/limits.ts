import assert from 'node:assert/strict'
import type { ExecutionRecord } from '../../types/executions.ts'
import type { Storage } from '../../storage/contract.ts'
import type { HandlerLimits } from '../../types/controls.ts'
import { cases, field, LEASE, MINUTE, NODE, OTHER_NODE, SECOND } from './context.ts'
import type { SuiteContext } from './context.ts'

const ids = (list: { id: string }[]) => list.map(({ id }) => id)

/** Limits a handler at run time. */
export function limit(context: SuiteContext, limits: Partial<HandlerLimits>, name = 'noop') {
  const change = { kind: 'limit' as const, limits, reason: null }
  const changes = [{ scope: 'handler' as const, name, change }]
  return context.storage.controls.change({ now: context.now, changes, by: 'anna' })
}

function enqueueMany(context: SuiteContext, count: number, handler = 'noop') {
  return context.enqueue(...Array.from({ length: count }, () => ({ handler })))
}

/** Claims of three nodes at once, over two connections of the store. */
export async function race(
  context: SuiteContext,
  size: number,
  stores: Storage[]
): Promise<ExecutionRecord[]> {
  const claims = Array.from({ length: 6 }, (_, index) =>
    stores[index % 2].executions.claim({
      now: context.now,
      limit: size,
      handlers: ['noop', 'free'],
      node: `node${index % 3}.00000001`,
      lease: LEASE,
    })
  )
  const claimed = await Promise.all(claims)
  return claimed.flat()
}

export const limitCases = cases({
  'no more of a handler run than the cluster may, however many claim': async (context) => {
    await limit(context, { cluster: 4 })
    await enqueueMany(context, 40)
    const stores = [context.storage, await context.another()]
    let done = 0
    let most = 0
    while (done < 40) {
      const claimed = await race(context, 3, stores)
      const running = await context.storage.executions.list({ states: ['running'] })
      most = Math.max(most, running.length)
      assert.ok(running.length <= 4, `${running.length} run at once`)
      assert.ok(claimed.length > 0, 'nothing could be claimed')
      for (const execution of claimed) {
        await context.settle(execution)
      }
      done += claimed.length
    }
    assert.equal(most, 4)
  },

  'nor on one node more than a node may': async (context) => {
    await limit(context, { node: 2 })
    await enqueueMany(context, 9)
    assert.equal(await field(context.claim(), 'length'), 2)
    assert.equal(await field(context.claim(), 'length'), 0)
    assert.equal(await field(context.claim({ node: OTHER_NODE }), 'length'), 2)
    await limit(context, { node: 2, cluster: 5 })
    assert.equal(await field(context.claim({ node: 'gamma.00000003' }), 'length'), 1)
  },

  'a limited handler neither holds others back nor hides behind them': async (context) => {
    await limit(context, { cluster: 1 })
    const [first] = await enqueueMany(context, 30)
    const [free] = await enqueueMany(context, 1, 'free')
    const both = ['noop', 'free']
    assert.deepEqual(ids(await context.claim({ limit: 5, handlers: both })), [first, free])
    const later = await enqueueMany(context, 1, 'free')
    assert.deepEqual(ids(await context.claim({ limit: 5, handlers: both })), later)
  },

  'nor is it hidden by rows of a held key': async (context) => {
    await limit(context, { cluster: 1 })
    await context.running({ handler: 'free', concurrencyKey: 'k' })
    await context.enqueue(
      ...Array.from({ length: 12 }, () => ({ handler: 'free', concurrencyKey: 'k', priority: 1 }))
    )
    const [waiting] = await enqueueMany(context, 2)
    assert.deepEqual(ids(await context.claim({ limit: 3, handlers: ['noop', 'free'] })), [waiting])
  },

  'priorities go before limits': async (context) => {
    await limit(context, { cluster: 1 })
    const [low, high, free] = await context.enqueue(
      { priority: 9 },
      { priority: 2 },
      { priority: 1, handler: 'free' }
    )
    const claim = () => context.claim({ limit: 2, handlers: ['noop', 'free'] })
    const claimed = await claim()
    assert.deepEqual(ids(claimed), [free, high])
    await context.settle(claimed[1])
    assert.deepEqual(ids(await claim()), [low])
  },

  'a key is held beside a limit': async (context) => {
    await limit(context, { cluster: 3 })
    const [first, , other] = await context.enqueue(
      { concurrencyKey: 'a' },
      { concurrencyKey: 'a' },
      { concurrencyKey: 'b' }
    )
    assert.deepEqual(ids(await context.claim()), [first, other])
  },

  'every end of an attempt gives its place back, and so does the rescue': async (context) => {
    await limit(context, { cluster: 1 })
    await enqueueMany(context, 5)
    for (const to of ['succeeded', 'failed', 'retry', 'release'] as const) {
      const [claimed] = await context.claim()
      assert.equal(await field(context.claim(), 'length'), 0)
      await context.settle(claimed, { to, delay: MINUTE })
    }
    const [lost] = await context.claim()
    context.pass(LEASE)
    const { executions } = context.storage
    const expired = await executions.listExpired({ now: context.now, limit: 9 })
    assert.equal(await field(context.claim({ node: OTHER_NODE }), 'length'), 0)
    await executions.rescueExpired({ now: context.now, expired, maxRescues: 5 })
    assert.equal(await field(context.claim({ node: OTHER_NODE }), 'length'), 1)
    assert.equal(await context.settle(lost), false)
  },

  'what is born running counts, and is refused beyond the limit': async (context) => {
    await limit(context, { cluster: 2 })
    const executions = [context.execution(), context.execution(), context.execution()]
    const births = await context.storage.executions.insertRunning({
      now: context.now,
      executions,
      node: NODE,
      lease: LEASE,
    })
    assert.deepEqual(
      births.map((birth) => (birth.inserted ? 'born' : birth.conflict)),
      ['born', 'born', 'stopped']
    )
    await enqueueMany(context, 1)
    assert.equal(await field(context.claim(), 'length'), 0)
  },

  'a limit that is lowered lets what runs end, one that is raised holds at once': async (
    context
  ) => {
    await limit(context, { cluster: 3 })
    await enqueueMany(context, 9)
    const claimed = await context.claim()
    assert.equal(claimed.length, 3)
    await limit(context, { cluster: 1 })
    await context.settle(claimed[0])
    assert.equal(await field(context.claim(), 'length'), 0)
    await limit(context, { cluster: 6 })
    assert.equal(await field(context.claim(), 'length'), 4)
    await limit(context, { cluster: null })
    assert.equal(await field(context.claim(), 'length'), 2)
  },

  'a rate is never passed, wherever a span begins': async (context) => {
    const rate = { limit: 10, per: 10 * SECOND }
    await limit(context, { rate })
    await enqueueMany(context, 120)
    const stores = [context.storage, await context.another()]
    const instants: number[] = []
    const end = context.now + MINUTE
    while (context.now < end) {
      const claimed = await race(context, 4, stores)
      instants.push(...claimed.map(() => context.now))
      context.pass(370)
    }
    const within = instants.map((from) =>
      instants.filter((at) => at >= from && at < from + rate.per)
    )
    assert.equal(Math.max(...within.map(({ length }) => length)), 10)
    assert.ok(instants.length >= 54, `${instants.length} of 60 at the least`)
  },

  'a rate tells when it leaves room again, and a restart forgets nothing of it': async (
    context
  ) => {
    await limit(context, { rate: { limit: 2, per: 10 * SECOND } })
    await enqueueMany(context, 5)
    assert.equal(await field(context.claim(), 'length'), 2)
    const next = (await context.next())!
    assert.ok(next > context.now + 10 * SECOND - 1 && next <= context.now + 10_400, `${next}`)
    const other = await context.another()
    const claim = () =>
      other.executions.claim({
        now: context.now,
        limit: 9,
        handlers: ['noop'],
        node: OTHER_NODE,
        lease: LEASE,
      })
    context.pass(9 * SECOND)
    assert.equal(await field(claim(), 'length'), 0)
    context.pass(next - context.now)
    assert.equal(await field(claim(), 'length'), 2)
  },
})
