import assert from 'node:assert/strict'
import { cases, field, LEASE, NODE, OTHER_NODE, SECOND, type SuiteContext } from './context.ts'
import type { Fence } from '../../storage/contract.ts'

function takeOver(
  context: SuiteContext,
  fence: Partial<Fence> & { id: string },
  node = OTHER_NODE
) {
  return context.storage.executions.takeOver({
    now: context.now,
    fence: { node: NODE, attempt: 1, ...fence },
    node,
    lease: 2 * LEASE,
  })
}

export const takeOverCases = cases({
  'a taker gets the attempt with a lease of its own, and it begins': async (context) => {
    const [id] = await context.enqueue({ payload: [1], concurrencyKey: 'k' })
    await context.claim()
    context.pass(SECOND)
    const taken = await takeOver(context, { id })
    const { now } = context
    assert.deepEqual(taken, await context.find(id))
    assert.deepEqual(
      [taken!.state, taken!.node, taken!.attempt, taken!.payload, taken!.renewals],
      ['running', OTHER_NODE, 1, [1], 1]
    )
    assert.deepEqual(
      [taken!.claimedAt, taken!.startedAt, taken!.leaseExpiresAt],
      [now, now, now + 2 * LEASE]
    )
  },

  'who had it neither renews nor ends it any more; the taker does': async (context) => {
    const held = await context.running()
    const taken = await takeOver(context, { id: held.id })
    const renewal = (node: string) =>
      context.storage.executions.renew({
        now: context.now,
        node,
        lease: LEASE,
        holds: [{ id: held.id, attempt: 1, startedAt: null }],
      })
    assert.deepEqual(await field(renewal(NODE), 'owned'), new Set())
    assert.deepEqual(await field(renewal(OTHER_NODE), 'owned'), new Set([held.id]))
    assert.equal(await context.settle(held, { to: 'release', startedAt: null }), false)
    assert.equal(await context.settle(taken!), true)
    assert.equal(await field(context.find(held.id), 'state'), 'succeeded')
  },

  'of two takers one gets it, also where it is the one that had it': async (context) => {
    const { id } = await context.running()
    assert.notEqual(await takeOver(context, { id }, NODE), null)
    assert.equal(await takeOver(context, { id }, NODE), null)
    assert.equal(await takeOver(context, { id }), null)
    assert.equal(await field(context.find(id), 'node'), NODE)
  },

  'takers at the same time: one gets it': async (context) => {
    const { id } = await context.running()
    const other = await context.another()
    const fence = { id, node: NODE, attempt: 1 }
    const takers = [context.storage, other, context.storage, other].map((storage, index) =>
      storage.executions.takeOver({ now: context.now, fence, node: `taker.${index}`, lease: LEASE })
    )
    const answers = await Promise.all(takers)
    const taken = answers.filter((execution) => execution !== null)
    assert.equal(taken.length, 1)
    assert.equal(await field(context.find(id), 'node'), taken[0].node)
  },

  'what began, ended, went back or belongs to another is not taken': async (context) => {
    const begun = await context.running()
    await context.storage.executions.renew({
      ...{ now: context.now, node: NODE, lease: LEASE },
      holds: [{ id: begun.id, attempt: 1, startedAt: context.now }],
    })
    const ended = await context.ended()
    const back = await context.running()
    await context.settle(back, { to: 'release', startedAt: null })
    const [waiting] = await context.enqueue({})
    const held = await context.running()
    const late = [
      ...[begun.id, ended, back.id, waiting, 'nobody'].map((id) => ({ id })),
      { id: held.id, attempt: 2 },
      { id: held.id, node: OTHER_NODE },
    ]
    for (const fence of late) {
      assert.equal(await takeOver(context, fence), null)
    }
    assert.equal(await field(context.find(held.id), 'renewals'), 0)
  },

  'one that comes after the rescue gets nothing; the next attempt can be taken': async (
    context
  ) => {
    const { id } = await context.running()
    context.pass(LEASE)
    const { executions } = context.storage
    const expired = await executions.listExpired({ now: context.now, limit: 10 })
    await executions.rescueExpired({ now: context.now, expired, maxRescues: 5 })
    await context.claim()
    assert.equal(await takeOver(context, { id }), null)
    assert.notEqual(await takeOver(context, { id, attempt: 2 }), null)
  },

  'a lapsed lease that nobody rescued can be taken, and is not rescued then': async (context) => {
    const { id } = await context.running()
    context.pass(LEASE)
    const { executions } = context.storage
    const expired = await executions.listExpired({ now: context.now, limit: 10 })
    assert.notEqual(await takeOver(context, { id }), null)
    const rescued = await executions.rescueExpired({ now: context.now, expired, maxRescues: 5 })
    assert.deepEqual(rescued.requeued, [])
  },

  'a cancel that was asked for before goes with it': async (context) => {
    const { id } = await context.running()
    await context.storage.executions.requestCancel({ now: context.now, id, reason: 'by ana' })
    const taken = await takeOver(context, { id })
    assert.deepEqual([taken!.cancelRequestedAt, taken!.reason], [context.now, 'by ana'])
  },
})
