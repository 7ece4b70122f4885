import assert from 'node:assert/strict'
import type { NewExecution } from '../../storage/contract.ts'
import { cases, field, LEASE, NODE, START, type SuiteContext } from './context.ts'

function bear(context: SuiteContext, ...list: Partial<NewExecution>[]) {
  return context.storage.executions.insertRunning({
    now: context.now,
    executions: list.map((columns) => context.execution(columns)),
    node: NODE,
    lease: LEASE,
  })
}

export const birthCases = cases({
  'an execution is running from birth, in its first attempt': async (context) => {
    const [birth] = await bear(context, { payload: { n: 1 }, concurrencyKey: 'k', dedupeKey: 'd' })
    assert.ok(birth.inserted)
    const { execution } = birth
    assert.deepEqual(
      [execution.state, execution.attempt, execution.node, execution.leaseExpiresAt],
      ['running', 1, NODE, START + LEASE]
    )
    assert.deepEqual([execution.claimedAt, execution.startedAt], [START, null])
    assert.deepEqual(await context.find(execution.id), execution)
    assert.equal(await context.settle(execution), true)
  },

  'conflicts are answered one by one': async (context) => {
    const [queued] = await context.enqueue({ dedupeKey: 'd' })
    const holder = await context.running({ concurrencyKey: 'k' })
    const births = await bear(
      context,
      {},
      { dedupeKey: 'd' },
      { concurrencyKey: 'k' },
      { concurrencyKey: 'free' }
    )
    assert.deepEqual(
      births.map((birth) => (birth.inserted ? 'born' : [birth.conflict, birth.id])),
      ['born', ['dedupe', queued], ['concurrency', holder.id], 'born']
    )
    assert.equal(await field(context.storage.executions.list({ states: ['running'] }), 'length'), 3)
  },

  'a request that is known is a duplicate, even while its key is held': async (context) => {
    const holder = await context.running({ dedupeKey: 'd', concurrencyKey: 'k' })
    const [birth] = await bear(context, { dedupeKey: 'd', concurrencyKey: 'k' })
    assert.deepEqual(birth, { inserted: false, id: holder.id, conflict: 'dedupe' })
  },

  'two of one key in one call: the first is born': async (context) => {
    const [first, second] = await bear(context, { concurrencyKey: 'k' }, { concurrencyKey: 'k' })
    assert.ok(first.inserted)
    assert.deepEqual(second, {
      inserted: false,
      id: first.execution.id,
      conflict: 'concurrency',
    })
  },

  'what waits for a key does not keep it from being held': async (context) => {
    await context.enqueue({ concurrencyKey: 'k' })
    const [birth] = await bear(context, { concurrencyKey: 'k' })
    assert.equal(birth.inserted, true)
    assert.deepEqual(await context.claim(), [])
  },

  'the keys are free when it ended': async (context) => {
    await context.ended({ dedupeKey: 'd', concurrencyKey: 'k' })
    const [birth] = await bear(context, { dedupeKey: 'd', concurrencyKey: 'k' })
    assert.equal(birth.inserted, true)
  },

  'a slot that exists is a duplicate': async (context) => {
    const event = await context.insertEvent()
    const ended = await context.ended(context.slotExecution(event, START))
    const [birth] = await bear(context, context.slotExecution(event, START))
    assert.deepEqual(birth, { inserted: false, id: ended, conflict: 'dedupe' })
  },

  'an empty key is refused, and nothing is born': async (context) => {
    await assert.rejects(bear(context, {}, { concurrencyKey: '' }), { code: 'E_EMPTY_KEY' })
    assert.deepEqual(await context.storage.executions.list({}), [])
  },
})
