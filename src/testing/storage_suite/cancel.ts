import assert from 'node:assert/strict'
import { cases, field, SECOND, START, type SuiteContext } from './context.ts'

async function cancel(context: SuiteContext, id: string, reason = 'not needed') {
  const journal = context.entry({ kind: 'execution.cancelled', subject: id })
  const { now } = context
  const result = await context.storage.executions.requestCancel({ now, id, reason, journal })
  assert.deepEqual(result?.children ?? [], [])
  return result?.done ?? null
}

export const cancelCases = cases({
  'a queued execution is cancelled at once': async (context) => {
    const event = await context.insertEvent()
    const [id] = await context.enqueue({ eventId: event.id, dedupeKey: 'd' })
    assert.equal(await cancel(context, id), 'cancelled')
    const ended = await context.find(id)
    assert.deepEqual(
      [ended.state, ended.reason, ended.finishedAt],
      ['cancelled', 'not needed', START]
    )
    assert.equal(await field(context.findEvent(event.id), 'lastOutcome'), 'cancelled')
    assert.deepEqual(await context.claim(), [])
    assert.notDeepEqual(await context.enqueue({ dedupeKey: 'd' }), [id])
  },

  'a running one is asked to stop; the first instant and the last reason stay': async (context) => {
    const { id } = await context.running()
    assert.equal(await cancel(context, id), 'requested')
    context.pass(SECOND)
    assert.equal(await cancel(context, id, 'hurry'), 'requested')
    const asked = await context.find(id)
    assert.deepEqual(
      [asked.state, asked.cancelRequestedAt, asked.reason],
      ['running', START, 'hurry']
    )
  },

  'it ends as cancelled with the reason that was given': async (context) => {
    const execution = await context.running()
    await cancel(context, execution.id)
    await context.settle(execution, { to: 'cancelled' })
    const ended = await context.find(execution.id)
    assert.deepEqual([ended.state, ended.reason], ['cancelled', 'not needed'])
  },

  'or as it ends, when it did not listen': async (context) => {
    const execution = await context.running()
    await cancel(context, execution.id)
    await context.settle(execution)
    const ended = await context.find(execution.id)
    assert.deepEqual([ended.state, ended.reason], ['succeeded', null])
  },

  'a request to stop is not forgotten in the queue': async (context) => {
    for (const to of ['retry', 'release'] as const) {
      const execution = await context.running()
      await cancel(context, execution.id)
      const settlements = [context.settlement(execution, { to })]
      const results = await context.storage.executions.settle({ now: context.now, settlements })
      assert.deepEqual(results, [{ id: execution.id, applied: true, to: 'cancelled' }])
      assert.equal(await field(context.find(execution.id), 'state'), 'cancelled')
    }
    assert.deepEqual(await context.claim(), [])
  },

  'unknown and ended executions are left alone, also in the journal': async (context) => {
    const id = await context.ended()
    assert.equal(await cancel(context, id), null)
    assert.equal(await cancel(context, 'nobody'), null)
    assert.equal(await field(context.find(id), 'state'), 'succeeded')
    assert.equal(await context.storage.journal.lastId(), 0)
    const [queued] = await context.enqueue({})
    await cancel(context, queued)
    const rows = await context.storage.journal.read({ after: 0, limit: 10 })
    assert.deepEqual(
      rows.map(({ kind, subject }) => [kind, subject]),
      [['execution.cancelled', queued]]
    )
  },
})
