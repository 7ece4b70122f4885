import assert from 'node:assert/strict'
import {
  cases,
  field,
  LEASE,
  NODE,
  OTHER_NODE,
  SECOND,
  START,
  type SuiteContext,
} from './context.ts'

type Hold = Parameters<SuiteContext['storage']['executions']['renew']>[0]['holds'][number]

function renew(context: SuiteContext, node: string, ...holds: (Partial<Hold> & { id: string })[]) {
  return context.storage.executions.renew({
    now: context.now,
    node,
    lease: LEASE,
    holds: holds.map((hold) => ({ attempt: 1, startedAt: null, ...hold })),
  })
}

export const renewCases = cases({
  'a renewal extends the lease and shows that its holder lives': async (context) => {
    const { id } = await context.running()
    context.pass(SECOND)
    const renewed = await renew(context, NODE, { id })
    assert.deepEqual([...renewed.owned], [id])
    assert.deepEqual([...renewed.cancelRequested], [])
    const { leaseExpiresAt, renewals } = await context.find(id)
    assert.deepEqual([leaseExpiresAt, renewals], [START + SECOND + LEASE, 1])
    await renew(context, NODE, { id })
    assert.equal(await field(context.find(id), 'renewals'), 2)
  },

  'the start is stored once, progress each time': async (context) => {
    const { id } = await context.running()
    await renew(context, NODE, { id, startedAt: START + 1, progress: { percent: 10 } })
    await renew(context, NODE, { id, startedAt: START + 2, progress: { percent: 20 } })
    await renew(context, NODE, { id, startedAt: null, progress: null })
    const { startedAt, progress } = await context.find(id)
    assert.deepEqual([startedAt, progress], [START + 1, { percent: 20 }])
  },

  'what is not owned any more is not renewed': async (context) => {
    const mine = await context.running()
    const ended = await context.ended()
    const [queued] = await context.enqueue({})
    const renewed = await renew(
      context,
      NODE,
      { id: mine.id },
      { id: mine.id, attempt: 2 },
      { id: ended },
      { id: queued, attempt: 0 },
      { id: 'nobody' }
    )
    assert.deepEqual([...renewed.owned], [mine.id])
    const foreign = renew(context, OTHER_NODE, { id: mine.id })
    assert.deepEqual(await field(foreign, 'owned'), new Set())
    assert.equal(await field(context.find(mine.id), 'renewals'), 1)
  },

  'a lapsed lease that nobody took can still be renewed': async (context) => {
    const { id } = await context.running()
    context.pass(2 * LEASE)
    assert.deepEqual(await field(renew(context, NODE, { id }), 'owned'), new Set([id]))
    const { executions } = context.storage
    assert.deepEqual(await executions.listExpired({ now: context.now, limit: 10 }), [])
  },

  'it brings the request to stop': async (context) => {
    const [a, b] = [await context.running(), await context.running()]
    const params = { now: context.now, id: a.id, reason: 'not needed' }
    await context.storage.executions.requestCancel(params)
    const renewed = await renew(context, NODE, { id: a.id }, { id: b.id })
    assert.deepEqual([...renewed.cancelRequested], [[a.id, 'not needed']])
    assert.deepEqual([...renewed.owned], [a.id, b.id])
  },

  'requests to stop are found by the ids of what runs': async (context) => {
    const [a, b] = [await context.running(), await context.running()]
    const [queued] = await context.enqueue({})
    const { executions } = context.storage
    assert.deepEqual(await executions.cancelRequests([a.id, b.id]), new Map())
    for (const id of [a.id, queued]) {
      await executions.requestCancel({ now: context.now, id, reason: `stop ${id}` })
    }
    const ids = [a.id, b.id, queued, 'nobody']
    assert.deepEqual(await executions.cancelRequests(ids), new Map([[a.id, `stop ${a.id}`]]))
    assert.deepEqual(await executions.cancelRequests([]), new Map())
    await context.settle(await context.find(a.id), { to: 'cancelled' })
    assert.deepEqual(await executions.cancelRequests(ids), new Map())
  },

  'a checkpoint is kept from attempt to attempt': async (context) => {
    await context.enqueue({})
    const [execution] = await context.claim()
    const { id, attempt } = execution
    const { executions } = context.storage
    const save = (fence: { id: string; node: string; attempt: number }, checkpoint: number[]) =>
      executions.saveCheckpoint({ now: context.now, fence, checkpoint })
    assert.equal(await save({ id, node: NODE, attempt }, [1, 2]), true)
    assert.equal(await save({ id, node: OTHER_NODE, attempt }, [3]), false)
    assert.equal(await save({ id, node: NODE, attempt: attempt + 1 }, [4]), false)
    await context.settle(execution, { to: 'retry' })
    assert.equal(await save({ id, node: NODE, attempt }, [5]), false)
    const [next] = await context.claim()
    assert.deepEqual(next.checkpoint, [1, 2])
  },
})
