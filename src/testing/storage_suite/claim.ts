import assert from 'node:assert/strict'
import { cases, field, LEASE, MINUTE, NODE, OTHER_NODE, SECOND, START } from './context.ts'

const ids = (list: { id: string }[]) => list.map(({ id }) => id)

export const claimCases = cases({
  'a claim begins an attempt with a lease': async (context) => {
    const [id] = await context.enqueue({ concurrencyKey: 'k', payload: [1] })
    context.pass(SECOND)
    const [claimed] = await context.claim()
    assert.deepEqual(
      [claimed.id, claimed.state, claimed.attempt, claimed.node, claimed.payload],
      [id, 'running', 1, NODE, [1]]
    )
    assert.deepEqual(
      [claimed.claimedAt, claimed.leaseExpiresAt, claimed.startedAt, claimed.renewals],
      [context.now, context.now + LEASE, null, 0]
    )
    assert.deepEqual(await context.find(id), claimed)
    assert.deepEqual(await context.claim(), [])
  },

  'the order is priority, then available_at, then id': async (context) => {
    const [c, b, a, d, e] = await context.enqueue(
      { priority: 5, availableAt: START - 1 },
      { priority: 5, availableAt: START - 2 },
      { priority: 1, availableAt: START },
      { priority: 5, availableAt: START - 1 },
      { priority: 10, availableAt: START - 9 }
    )
    assert.deepEqual(ids(await context.claim()), [a, b, c, d, e])
  },

  'at most as many as asked for, and the next ones later': async (context) => {
    const all = await context.enqueue({}, {}, {}, {}, {})
    assert.deepEqual(ids(await context.claim({ limit: 2 })), all.slice(0, 2))
    assert.deepEqual(ids(await context.claim({ limit: 2 })), all.slice(2, 4))
    assert.deepEqual(await context.claim({ limit: 0 }), [])
  },

  'nothing before its instant': async (context) => {
    const [id] = await context.enqueue({ availableAt: START + SECOND })
    assert.deepEqual(await context.claim(), [])
    context.pass(SECOND)
    assert.deepEqual(ids(await context.claim()), [id])
  },

  'only handlers that are registered here': async (context) => {
    const [unknown, known] = await context.enqueue({ handler: 'unknown' }, { handler: 'known' })
    assert.deepEqual(await context.claim({ handlers: [] }), [])
    assert.deepEqual(ids(await context.claim({ handlers: ['known', 'further'] })), [known])
    assert.equal(await field(context.find(unknown), 'state'), 'queued')
  },

  'only of the given queues': async (context) => {
    const [a, b] = await context.enqueue({ queue: 'a' }, { queue: 'b' }, { queue: 'c' })
    assert.deepEqual(await context.claim({ queues: [] }), [])
    assert.deepEqual(ids(await context.claim({ queues: ['a', 'b'] })), [a, b])
  },

  'nor of those that are left out': async (context) => {
    const [a, , c] = await context.enqueue({ queue: 'a' }, { queue: 'b' }, { queue: 'c' })
    assert.deepEqual(ids(await context.claim({ exceptQueues: ['b'] })), [a, c])
    assert.deepEqual(await context.claim({ queues: ['b'], exceptQueues: ['b'] }), [])
    assert.equal(await context.next({ exceptQueues: ['b'] }), undefined)
    assert.equal(await context.next({ exceptQueues: ['a'] }), context.now)
    assert.equal(await field(context.claim(), 'length'), 1)
  },

  'none of the queues that are left out': async (context) => {
    const [a, b] = await context.enqueue({ queue: 'a' }, { queue: 'b', availableAt: START - 1 })
    const next = (exceptQueues: string[]) => context.next({ exceptQueues })
    assert.deepEqual([await next([]), await next(['b'])], [START - 1, START])
    assert.equal(await next(['a', 'b']), undefined)
    assert.deepEqual(await context.claim({ exceptQueues: ['a', 'b'] }), [])
    assert.deepEqual(ids(await context.claim({ exceptQueues: ['b'] })), [a])
    assert.deepEqual(ids(await context.claim({ exceptQueues: [] })), [b])
  },

  'one per key, the first of it': async (context) => {
    const [, a2, b1, free1, free2, a1] = await context.enqueue(
      { concurrencyKey: 'a', priority: 5 },
      { concurrencyKey: 'a', priority: 4 },
      { concurrencyKey: 'b' },
      {},
      {},
      { concurrencyKey: 'a', priority: 1 }
    )
    assert.deepEqual(ids(await context.claim()), [a1, b1, free1, free2])
    const [first] = await context.storage.executions.list({ states: ['running'] })
    assert.equal(first.id, a1)
    await context.settle(first)
    assert.deepEqual(ids(await context.claim()), [a2])
  },

  'none of a key that is held': async (context) => {
    const holder = await context.running({ concurrencyKey: 'k' })
    const [waiting] = await context.enqueue({ concurrencyKey: 'k' })
    assert.deepEqual(await context.claim(), [])
    await context.settle(holder, { to: 'failed' })
    assert.deepEqual(ids(await context.claim()), [waiting])
  },

  'a key is given back by whatever ends the attempt': async (context) => {
    for (const to of ['succeeded', 'retry', 'release', 'discard', 'timed_out'] as const) {
      const execution = await context.running({ concurrencyKey: 'k' })
      assert.equal(await context.settle(execution, { to, delay: 10 * MINUTE }), true)
      const [next] = await context.enqueue({ concurrencyKey: 'k' })
      const claimed = await context.claim()
      assert.deepEqual(ids(claimed), [next], to)
      await context.settle(claimed[0])
    }
  },

  'the backlog of one key does not hide another key': async (context) => {
    const backlog = Array.from({ length: 10_000 }, () =>
      context.execution({ concurrencyKey: 'big', priority: 1 })
    )
    for (let start = 0; start < backlog.length; start += 1000) {
      const executions = backlog.slice(start, start + 1000)
      await context.storage.executions.enqueue({ now: context.now, executions })
    }
    const [other] = await context.enqueue({ concurrencyKey: 'small', priority: 9 })
    assert.deepEqual(ids(await context.claim({ limit: 10 })), [backlog[0].id, other])
    const [third] = await context.enqueue({ concurrencyKey: 'third', priority: 9 })
    assert.deepEqual(ids(await context.claim({ limit: 10 })), [third])
    // With few seats the rows of a held key would fill all that is looked at
    const [fourth] = await context.enqueue({ concurrencyKey: 'fourth', priority: 9 })
    assert.deepEqual(ids(await context.claim({ limit: 1 })), [fourth])
  },

  'nor many other keys': async (context) => {
    const big = Array.from({ length: 300 }, () => ({ concurrencyKey: 'big' }))
    const many = Array.from({ length: 150 }, (_, n) => ({ concurrencyKey: `key ${n}` }))
    const [first] = await context.enqueue(...big)
    const others = await context.enqueue(...many, {})
    assert.deepEqual(ids(await context.claim({ limit: 5 })), [first, ...others.slice(0, 4)])
    // Now the key is held, and its rows stand before all others
    assert.deepEqual(ids(await context.claim({ limit: 5 })), others.slice(4, 9))
    assert.deepEqual(ids(await context.claim({ limit: 500 })), others.slice(9))
  },

  'nor do many handlers and queues make a claim too long': async (context) => {
    const big = Array.from({ length: 20 }, () => ({ concurrencyKey: 'big' }))
    const keys = Array.from({ length: 90 }, (_, n) => ({ concurrencyKey: `key ${n}` }))
    const [first] = await context.enqueue(...big)
    const others = await context.enqueue(...keys)
    const names = (of: string) => Array.from({ length: 600 }, (_, n) => `${of} ${n}`)
    const many = { handlers: ['noop', ...names('handler')], queues: ['default', ...names('queue')] }
    assert.deepEqual(ids(await context.claim({ ...many, limit: 5 })), [
      first,
      ...others.slice(0, 4),
    ])
  },

  'two claimants at once take different rows': async (context) => {
    const all = await context.enqueue(...Array.from({ length: 40 }, () => ({})))
    const stores = [context.storage, await context.another()]
    const claims = Array.from({ length: 8 }, (_, index) =>
      stores[index % 2].executions.claim({
        now: context.now,
        limit: 5,
        handlers: ['noop'],
        node: index % 2 === 0 ? NODE : OTHER_NODE,
        lease: LEASE,
      })
    )
    const claimed = await Promise.all(claims)
    assert.deepEqual(ids(claimed.flat()).sort(), all)
  },

  'two claimants at once never hold one key': async (context) => {
    await context.enqueue(...Array.from({ length: 20 }, () => ({ concurrencyKey: 'k' })))
    const stores = [context.storage, await context.another()]
    const claims = stores.map(({ executions }) =>
      executions.claim({
        now: context.now,
        limit: 5,
        handlers: ['noop'],
        node: NODE,
        lease: LEASE,
      })
    )
    const claimed = await Promise.all(claims)
    assert.equal(claimed.flat().length, 1)
  },

  'the attempt rises with each claim, and what the last one left is cleared': async (context) => {
    const [id] = await context.enqueue({})
    const [first] = await context.claim()
    await context.settle(first, { to: 'retry', reason: 'again', progress: { percent: 50 } })
    assert.deepEqual(await field(context.find(id), 'progress'), { percent: 50 })
    const [second] = await context.claim({ node: OTHER_NODE })
    assert.deepEqual(
      [second.attempt, second.node, second.progress, second.reason, second.failures],
      [2, OTHER_NODE, null, null, 1]
    )
  },
})
