import assert from 'node:assert/strict'
import type { ExpiredLease } from '../../storage/contract.ts'
import {
  cases,
  field,
  mapped,
  LEASE,
  NODE,
  OTHER_NODE,
  START,
  type SuiteContext,
} from './context.ts'

function listExpired(context: SuiteContext, limit = 10): Promise<ExpiredLease[]> {
  return context.storage.executions.listExpired({ now: context.now, limit })
}

function rescue(context: SuiteContext, expired: ExpiredLease[], maxRescues = 5) {
  return context.storage.executions.rescueExpired({ now: context.now, expired, maxRescues })
}

const NOTHING = { requeued: [], abandoned: [], cancelled: [] }

export const rescueCases = cases({
  'expired are the leases that the clock calls lapsed, oldest first': async (context) => {
    const first = await context.running()
    context.pass(1)
    const second = await context.running()
    await context.enqueue({})
    await context.ended()
    context.pass(LEASE - 2)
    assert.deepEqual(await listExpired(context), [])
    context.pass(1)
    const expected = {
      node: NODE,
      attempt: 1,
      renewals: 0,
      rescues: 0,
      handler: 'noop',
    }
    assert.deepEqual(await listExpired(context), [
      { ...expected, id: first.id, leaseExpiresAt: START + LEASE },
    ])
    context.pass(1)
    assert.deepEqual(await mapped(listExpired(context), ({ id }) => id), [first.id, second.id])
    assert.equal(await field(listExpired(context, 1), 'length'), 1)
  },

  'a rescued execution waits again, in its place, its keys freed': async (context) => {
    const { id } = await context.running({ concurrencyKey: 'k', dedupeKey: 'd' })
    context.pass(LEASE)
    const result = await rescue(context, await listExpired(context))
    assert.deepEqual(result, { ...NOTHING, requeued: [id] })
    const waiting = await context.find(id)
    assert.deepEqual(
      [waiting.state, waiting.rescues, waiting.failures, waiting.attempt, waiting.availableAt],
      ['queued', 1, 0, 1, START]
    )
    assert.deepEqual(
      [waiting.node, waiting.leaseExpiresAt, waiting.startedAt, waiting.claimedAt],
      [null, null, null, null]
    )
    assert.deepEqual(await context.enqueue({ dedupeKey: 'd' }), [id])
    const [next] = await context.claim({ node: OTHER_NODE })
    assert.deepEqual([next.id, next.attempt], [id, 2])
  },

  'a holder that renewed meanwhile keeps its execution': async (context) => {
    const { id } = await context.running()
    context.pass(LEASE)
    const expired = await listExpired(context)
    await context.storage.executions.renew({
      now: context.now - LEASE,
      node: NODE,
      lease: LEASE,
      holds: [{ id, attempt: 1, startedAt: null }],
    })
    // The lease has lapsed again, but its holder was alive in between
    assert.deepEqual(await mapped(listExpired(context), ({ renewals }) => renewals), [1])
    assert.deepEqual(await rescue(context, expired), NOTHING)
    assert.equal(await field(context.find(id), 'state'), 'running')
  },

  'a lease that has not lapsed is left alone, whatever the rescuer says': async (context) => {
    const { id } = await context.running()
    const claim = { id, node: NODE, attempt: 1, renewals: 0, rescues: 0, handler: 'noop' }
    assert.deepEqual(await rescue(context, [{ ...claim, leaseExpiresAt: 0 }]), NOTHING)
    context.pass(LEASE - 1)
    assert.deepEqual(await rescue(context, [{ ...claim, leaseExpiresAt: 0 }]), NOTHING)
  },

  'another node, another attempt and an ended execution are left alone': async (context) => {
    await context.running()
    context.pass(LEASE)
    const [expired] = await listExpired(context)
    const others = [
      { ...expired, node: OTHER_NODE },
      { ...expired, attempt: 2 },
      { ...expired, id: 'nobody' },
    ]
    assert.deepEqual(await rescue(context, others), NOTHING)
    const execution = await context.find(expired.id)
    await context.settle(execution)
    assert.deepEqual(await rescue(context, [expired]), NOTHING)
  },

  'of two rescuers one hits': async (context) => {
    await context.running()
    context.pass(LEASE)
    const expired = await listExpired(context)
    const stores = [context.storage, await context.another()]
    const results = await Promise.all(
      stores.map(({ executions }) =>
        executions.rescueExpired({ now: context.now, expired, maxRescues: 5 })
      )
    )
    assert.equal(results.flatMap(({ requeued }) => requeued).length, 1)
  },

  'after the last rescue it is abandoned, and its event counts a failure': async (context) => {
    const event = await context.insertEvent()
    const { id } = await context.running({ eventId: event.id, dedupeKey: 'd', concurrencyKey: 'k' })
    for (let round = 1; round <= 2; round++) {
      context.pass(LEASE)
      assert.deepEqual(await field(rescue(context, await listExpired(context), 2), 'requeued'), [
        id,
      ])
      await context.claim()
    }
    context.pass(LEASE)
    const result = await rescue(context, await listExpired(context), 2)
    assert.deepEqual(result, { ...NOTHING, abandoned: [id] })
    const ended = await context.find(id)
    assert.deepEqual(
      [ended.state, ended.rescues, ended.finishedAt, ended.leaseExpiresAt],
      ['abandoned', 2, context.now, null]
    )
    assert.match(ended.reason!, /alpha\.00000001/)
    const after = await context.findEvent(event.id)
    assert.deepEqual([after.lastOutcome, after.failureCount], ['abandoned', 1])
    await context.running({ dedupeKey: 'd', concurrencyKey: 'k' })
  },

  'what was asked to stop ends as cancelled': async (context) => {
    const { id } = await context.running()
    const reason = 'not needed'
    await context.storage.executions.requestCancel({ now: context.now, id, reason })
    context.pass(LEASE)
    const result = await rescue(context, await listExpired(context))
    assert.deepEqual(result, { ...NOTHING, cancelled: [id] })
    const ended = await context.find(id)
    assert.deepEqual([ended.state, ended.reason], ['cancelled', reason])
  },

  'nothing expired, nothing done': async (context) => {
    assert.deepEqual(await rescue(context, []), NOTHING)
  },
})
