import assert from 'node:assert/strict'
import { cases, field, LEASE, mapped, MINUTE, NODE, OTHER_NODE, SECOND, START } from './context.ts'

export const settleCases = cases({
  'an outcome ends the execution with what the attempt left': async (context) => {
    const execution = await context.running()
    context.pass(SECOND)
    const startedAt = START + 10
    const cause = { name: 'Error', message: 'why' }
    const error = { name: 'Error', message: 'no', code: 'E_NO', cause }
    await context.settle(execution, {
      to: 'failed',
      startedAt,
      result: { rows: 3 },
      resultRef: 'reports/3.csv',
      error,
      reason: 'gave up',
      progress: { percent: 99 },
    })
    const ended = await context.find(execution.id)
    assert.deepEqual(ended, {
      ...execution,
      state: 'failed',
      startedAt,
      finishedAt: START + SECOND,
      leaseExpiresAt: null,
      failures: 1,
      result: { rows: 3 },
      resultRef: 'reports/3.csv',
      error,
      reason: 'gave up',
      progress: { percent: 99 },
    })
  },

  'a success leaves no error of an earlier attempt': async (context) => {
    await context.enqueue({})
    const [first] = await context.claim()
    await context.settle(first, { to: 'retry', error: { name: 'Error', message: 'once' } })
    const error = await field(context.find(first.id), 'error')
    assert.equal(error?.message, 'once')
    const [second] = await context.claim()
    await context.settle(second, { result: 0 })
    const ended = await context.find(first.id)
    assert.deepEqual([ended.state, ended.error, ended.result], ['succeeded', null, 0])
    assert.deepEqual([ended.attempt, ended.failures], [2, 1])
  },

  'an attempt that does not own the execution writes nothing': async (context) => {
    const execution = await context.running()
    const stranger = { ...execution, node: OTHER_NODE }
    const older = { ...execution, attempt: 0 }
    const newer = { ...execution, attempt: 2 }
    const unknown = { ...execution, id: 'nobody' }
    for (const other of [stranger, older, newer, unknown]) {
      assert.equal(await context.settle(other, { to: 'failed' }), false)
    }
    assert.deepEqual(await context.find(execution.id), execution)
  },

  'an execution ends once': async (context) => {
    const execution = await context.running()
    assert.equal(await context.settle(execution), true)
    assert.equal(await context.settle(execution, { to: 'failed' }), false)
    assert.equal(await field(context.find(execution.id), 'state'), 'succeeded')
  },

  'a holder that was rescued cannot settle any more': async (context) => {
    const execution = await context.running()
    context.pass(LEASE)
    const { executions } = context.storage
    const expired = await executions.listExpired({ now: context.now, limit: 10 })
    await executions.rescueExpired({ now: context.now, expired, maxRescues: 5 })
    assert.equal(await context.settle(execution), false)
    const [second] = await context.claim({ node: NODE })
    assert.equal(await context.settle(execution), false)
    assert.equal(await context.settle(second), true)
  },

  'a batch is settled one by one': async (context) => {
    const [a, b, c] = [await context.running(), await context.running(), await context.running()]
    const settlements = [
      context.settlement(a),
      context.settlement({ ...b, attempt: 9 }),
      context.settlement(c, { to: 'discard' }),
    ]
    const results = await context.storage.executions.settle({ now: context.now, settlements })
    assert.deepEqual(results, [
      { id: a.id, applied: true, to: 'succeeded' },
      { id: b.id, applied: false, to: null },
      { id: c.id, applied: true, to: 'discard' },
    ])
    assert.equal(await field(context.find(b.id), 'state'), 'running')
    assert.deepEqual(await context.storage.executions.settle({ now: 0, settlements: [] }), [])
  },

  'of two ends of one attempt in a batch the first stands': async (context) => {
    const execution = await context.running()
    const settlements = [1, 2].map((result) =>
      context.settlement(execution, { eventId: null, result })
    )
    const results = await context.storage.executions.settle({ now: context.now, settlements })
    assert.deepEqual(
      results.map(({ applied }) => applied),
      [true, false]
    )
    assert.equal(await field(context.find(execution.id), 'result'), 1)
  },

  'a retry waits, belongs to nobody and counts as a failure': async (context) => {
    const execution = await context.running({ concurrencyKey: 'k' })
    context.pass(SECOND)
    const error = { name: 'Error', message: 'no' }
    await context.settle(execution, { to: 'retry', delay: MINUTE, error, reason: 'soon' })
    const waiting = await context.find(execution.id)
    assert.deepEqual(
      [waiting.state, waiting.availableAt, waiting.failures, waiting.attempt],
      ['queued', START + SECOND + MINUTE, 1, 1]
    )
    assert.deepEqual(
      [waiting.node, waiting.leaseExpiresAt, waiting.startedAt, waiting.claimedAt],
      [null, null, null, null]
    )
    assert.deepEqual([waiting.error, waiting.reason, waiting.finishedAt], [error, 'soon', null])
    assert.deepEqual(await context.claim(), [])
    context.pass(MINUTE)
    assert.deepEqual(await mapped(context.claim(), ({ attempt }) => attempt), [2])
  },

  'a release counts nowhere and keeps its place in the queue': async (context) => {
    const [first] = await context.enqueue({ availableAt: START - MINUTE })
    const [claimed] = await context.claim()
    await context.enqueue({})
    await context.settle(claimed, { to: 'release', startedAt: null, reason: 'drained' })
    const released = await context.find(first)
    assert.deepEqual(
      [released.state, released.availableAt, released.failures, released.rescues],
      ['queued', START - MINUTE, 0, 0]
    )
    assert.deepEqual(await mapped(context.claim({ limit: 1 }), ({ id }) => id), [first])
  },

  'a release with a delay waits': async (context) => {
    const execution = await context.running()
    await context.settle(execution, { to: 'release', delay: MINUTE })
    assert.equal(await field(context.find(execution.id), 'availableAt'), START + MINUTE)
  },

  'a discard leaves nothing behind': async (context) => {
    const execution = await context.running({ dedupeKey: 'd', concurrencyKey: 'k' })
    const entry = {
      executionId: execution.id,
      attempt: 1,
      seq: 1,
      at: START,
      level: 'info',
    } as const
    const entries = [{ ...entry, message: 'begun', data: null }]
    await context.storage.logs.append({ node: NODE, entries })
    assert.equal(await context.settle(execution, { to: 'discard' }), true)
    assert.equal(await context.storage.executions.find(execution.id), null)
    assert.deepEqual(await context.storage.logs.read({ executionId: execution.id }), [])
    const again = await context.running({ dedupeKey: 'd', concurrencyKey: 'k' })
    assert.notEqual(again.id, execution.id)
  },

  'a discard of an attempt that lost its execution deletes nothing': async (context) => {
    const execution = await context.running()
    const { node, attempt } = execution
    const others = [
      { ...execution, attempt: attempt + 1 },
      { ...execution, node: `${node}0` },
    ]
    for (const stale of others) {
      assert.equal(await context.settle(stale, { to: 'discard' }), false)
    }
    assert.equal(await field(context.find(execution.id), 'state'), 'running')
    await context.settle(execution)
    assert.equal(await context.settle(execution, { to: 'discard' }), false)
    assert.equal(await field(context.find(execution.id), 'state'), 'succeeded')
  },

  'a slot that ran elsewhere ends as missed': async (context) => {
    const event = await context.insertEvent()
    const execution = await context.running(context.slotExecution(event, START))
    await context.settle(execution, { to: 'missed', startedAt: null, reason: 'ran elsewhere' })
    const ended = await context.find(execution.id)
    assert.deepEqual(
      [ended.state, ended.reason, ended.finishedAt],
      ['missed', 'ran elsewhere', START]
    )
    assert.equal(await field(context.findEvent(event.id), 'lastOutcome'), null)
  },

  'the counters of the event move along': async (context) => {
    const event = await context.insertEvent()
    const counters = async () => {
      const { lastOutcome, lastRunAt, failureCount, consecutiveFailures } = await context.findEvent(
        event.id
      )
      return [lastOutcome, lastRunAt, failureCount, consecutiveFailures]
    }
    const end = (
      to: 'failed' | 'timed_out' | 'succeeded' | 'cancelled',
      startedAt: number | null
    ) => context.ended({ eventId: event.id }, { to, startedAt })
    await end('failed', START + 1)
    assert.deepEqual(await counters(), ['failed', START + 1, 1, 1])
    await end('timed_out', START + 2)
    assert.deepEqual(await counters(), ['timed_out', START + 2, 2, 2])
    await end('cancelled', null)
    assert.deepEqual(await counters(), ['cancelled', START + 2, 2, 2])
    await end('succeeded', START + 4)
    assert.deepEqual(await counters(), ['succeeded', START + 4, 2, 0])
    const { version, updatedAt, runCount } = await context.findEvent(event.id)
    assert.deepEqual([version, updatedAt, runCount], [1, START, 0])
  },

  'also for a batch of one event, in its order': async (context) => {
    const event = await context.insertEvent()
    const outcomes = ['failed', 'succeeded', 'failed', 'failed'] as const
    const settlements = []
    for (const to of outcomes) {
      const execution = await context.running({ eventId: event.id })
      settlements.push(context.settlement(execution, { to }))
    }
    await context.storage.executions.settle({ now: context.now, settlements })
    const after = await context.findEvent(event.id)
    assert.deepEqual(
      [after.lastOutcome, after.failureCount, after.consecutiveFailures],
      ['failed', 3, 2]
    )
  },

  'a retry is no end for the event, and a deleted event harms nothing': async (context) => {
    const event = await context.insertEvent()
    const execution = await context.running({ eventId: event.id })
    await context.settle(execution, { to: 'retry' })
    assert.equal(await field(context.findEvent(event.id), 'lastOutcome'), null)
    const [second] = await context.claim()
    await context.storage.events.delete({ now: context.now, id: event.id })
    assert.equal(await context.settle(second), true)
  },

  'what cannot be stored as JSON is refused, and nothing is settled': async (context) => {
    const [a, b] = [await context.running(), await context.running()]
    const result = { f: () => 1 } as unknown as null
    const settlements = [context.settlement(a), context.settlement(b, { result })]
    await assert.rejects(context.storage.executions.settle({ now: context.now, settlements }), {
      code: 'E_PAYLOAD_NOT_JSON',
    })
    assert.equal(await field(context.find(a.id), 'state'), 'running')
  },
})
