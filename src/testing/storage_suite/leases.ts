import assert from 'node:assert/strict'
import { cases, field, mapped, SECOND, START, type SuiteContext } from './context.ts'

const TTL = 10 * SECOND

function acquire(context: SuiteContext, owner: string, name = 'leader') {
  return context.storage.leases.acquire({ now: context.now, name, owner, ttl: TTL })
}

export const leaseCases = cases({
  'a free lease is had by the first who asks': async (context) => {
    const lease = { name: 'leader', owner: 'a', term: 1, expiresAt: START + TTL }
    assert.equal(await context.storage.leases.find('leader'), null)
    assert.deepEqual(await acquire(context, 'a'), lease)
    assert.equal(await acquire(context, 'b'), null)
    assert.deepEqual(await context.storage.leases.find('leader'), lease)
    assert.equal(await field(acquire(context, 'b', 'another'), 'term'), 1)
  },

  'its owner has it again in the same term': async (context) => {
    await acquire(context, 'a')
    context.pass(SECOND)
    const again = await acquire(context, 'a')
    assert.deepEqual([again?.term, again?.expiresAt], [1, START + SECOND + TTL])
  },

  'when it lapsed another term begins, whoever takes it': async (context) => {
    await acquire(context, 'a')
    context.pass(TTL - 1)
    assert.equal(await acquire(context, 'b'), null)
    context.pass(1)
    assert.equal(await field(acquire(context, 'b'), 'term'), 2)
    context.pass(TTL)
    assert.equal(await field(acquire(context, 'b'), 'term'), 3)
  },

  'of several at once one has it': async (context) => {
    const stores = [context.storage, await context.another()]
    const asked = Array.from({ length: 6 }, (_, index) =>
      stores[index % 2].leases.acquire({
        now: context.now,
        name: 'leader',
        owner: `node ${index}`,
        ttl: TTL,
      })
    )
    const answers = await Promise.all(asked)
    const leases = answers.filter((lease) => lease !== null)
    assert.deepEqual(
      leases.map(({ term }) => term),
      [1]
    )
  },

  'a renewal speaks for one owner and one term': async (context) => {
    const { leases } = context.storage
    await acquire(context, 'a')
    context.pass(SECOND)
    const lease = { now: context.now, name: 'leader', owner: 'a', term: 1, ttl: TTL }
    assert.equal(await leases.renew(lease), true)
    assert.equal(await field(leases.find('leader'), 'expiresAt'), START + SECOND + TTL)
    assert.equal(await leases.renew({ ...lease, owner: 'b' }), false)
    assert.equal(await leases.renew({ ...lease, term: 2 }), false)
    assert.equal(await leases.renew({ ...lease, name: 'nobody' }), false)
    context.pass(TTL)
    await acquire(context, 'b')
    assert.equal(await leases.renew({ ...lease, now: context.now }), false)
  },

  'a late release does not end the term of another': async (context) => {
    const { leases } = context.storage
    await acquire(context, 'a')
    context.pass(TTL)
    await acquire(context, 'b')
    const late = { now: context.now, name: 'leader', owner: 'a', term: 1 }
    assert.equal(await leases.release(late), false)
    assert.equal(await field(leases.find('leader'), 'owner'), 'b')
  },

  'a released lease is free, and its next term is a later one': async (context) => {
    const { leases } = context.storage
    await acquire(context, 'a')
    const held = { now: context.now, name: 'leader', owner: 'a', term: 1 }
    assert.equal(await leases.release(held), true)
    assert.equal(await leases.find('leader'), null)
    assert.equal(await leases.release(held), false)
    assert.equal(await leases.renew({ ...held, ttl: TTL }), false)
    assert.equal(await field(acquire(context, 'a'), 'term'), 2)
  },

  'a node is there from its first beat': async (context) => {
    const { nodes } = context.storage
    const node = { id: 'alpha.1', name: 'alpha', host: 'h', pid: 7, info: { version: '1.0.0' } }
    assert.equal(await nodes.beat({ now: context.now, node }), true)
    context.pass(SECOND)
    const busy = { ...node, info: { version: '1.0.0', running: 3 } }
    assert.equal(await nodes.beat({ now: context.now, node: busy }), false)
    assert.deepEqual(await nodes.list(), [{ ...busy, startedAt: START, seenAt: START + SECOND }])
  },

  'a node that was seen again is not removed for its silence': async (context) => {
    const { nodes } = context.storage
    const node = { id: 'alpha.1', name: 'alpha', host: 'h', pid: 7, info: {} }
    await nodes.beat({ now: context.now, node })
    context.pass(SECOND)
    await nodes.beat({ now: context.now, node })
    assert.equal(await nodes.remove({ id: 'alpha.1', seenAt: START }), false)
    assert.equal(await nodes.remove({ id: 'alpha.1', seenAt: START + SECOND }), true)
    assert.equal(await field(nodes.list(), 'length'), 0)
  },

  'nodes are listed by id and removed': async (context) => {
    const { nodes } = context.storage
    for (const id of ['b.1', 'a.2', 'a.1']) {
      const node = { id, name: id.slice(0, 1), host: 'h', pid: 1, info: {} }
      await nodes.beat({ now: context.now, node })
    }
    assert.deepEqual(await mapped(nodes.list(), ({ id }) => id), ['a.1', 'a.2', 'b.1'])
    assert.equal(await nodes.remove({ id: 'a.2' }), true)
    assert.equal(await nodes.remove({ id: 'a.2' }), false)
    assert.equal(await field(nodes.list(), 'length'), 2)
  },
})
