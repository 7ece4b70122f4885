import assert from 'node:assert/strict'
import { cases, field, OTHER_NODE, SECOND, START } from './context.ts'

/** Successes that say little, which a store may write together. */
export const successCases = cases({
  'successes without an event end together, each by its own fence': async (context) => {
    const keys = { dedupeKey: 'd', concurrencyKey: 'k' }
    const [a, b, c] = [
      await context.running(keys),
      await context.running(),
      await context.running(),
    ]
    context.pass(SECOND)
    const plain = { eventId: null, startedAt: START + 10 }
    const told = {
      result: { text: String.raw`{"a,b"} \ 'c' null`, empty: '' },
      progress: { percent: 7, message: 'NULL' },
      reason: '',
    }
    const settlements = [
      context.settlement(c, { ...plain, node: OTHER_NODE }),
      context.settlement(b, { ...plain, startedAt: null }),
      context.settlement(a, { ...plain, ...told }),
      context.settlement({ ...a, id: 'nobody' }, plain),
    ]
    const results = await context.storage.executions.settle({ now: context.now, settlements })
    assert.deepEqual(results, [
      { id: c.id, applied: false, to: null },
      { id: b.id, applied: true, to: 'succeeded' },
      { id: a.id, applied: true, to: 'succeeded' },
      { id: 'nobody', applied: false, to: null },
    ])
    const ended = { state: 'succeeded', finishedAt: START + SECOND, leaseExpiresAt: null } as const
    assert.deepEqual(await context.find(a.id), {
      ...a,
      ...ended,
      ...told,
      startedAt: START + 10,
    })
    assert.deepEqual(await context.find(b.id), { ...b, ...ended })
    assert.deepEqual(await context.find(c.id), c)
    assert.equal(await field(context.running(keys), 'state'), 'running', 'its keys are free again')
  },

  'those that say nothing end together, and leave what was said before': async (context) => {
    const [a, b, c] = [await context.running(), await context.running(), await context.running()]
    await context.storage.executions.renew({
      now: context.now,
      node: a.node!,
      lease: SECOND,
      holds: [{ id: a.id, attempt: a.attempt, startedAt: START, progress: { percent: 50 } }],
    })
    context.pass(SECOND)
    const settlements = [
      context.settlement({ ...c, attempt: c.attempt + 1 }, { eventId: null }),
      context.settlement(b, { eventId: null, startedAt: START + 20 }),
      context.settlement(a, { eventId: null, startedAt: null }),
    ]
    const results = await context.storage.executions.settle({ now: context.now, settlements })
    assert.deepEqual(
      results.map(({ id, applied }) => [id, applied]),
      [
        [c.id, false],
        [b.id, true],
        [a.id, true],
      ]
    )
    const { state, startedAt, progress, result, finishedAt } = await context.find(a.id)
    assert.deepEqual(
      { state, startedAt, progress, result, finishedAt },
      {
        state: 'succeeded',
        startedAt: START,
        progress: { percent: 50 },
        result: null,
        finishedAt: START + SECOND,
      }
    )
    assert.equal(await field(context.find(b.id), 'startedAt'), START + 20)
    assert.deepEqual(await context.find(c.id), c)
  },

  'those of another node are fenced off, also beside some of their own': async (context) => {
    const [a, b] = [await context.running(), await context.running()]
    const bare = { eventId: null }
    const foreign = [a, b].map((each) => context.settlement({ ...each, node: OTHER_NODE }, bare))
    const { executions } = context.storage
    const refused = await executions.settle({ now: context.now, settlements: foreign })
    assert.deepEqual(
      refused.map(({ applied }) => applied),
      [false, false]
    )
    const settlements = [foreign[0], context.settlement(b, bare)]
    const mixed = await executions.settle({ now: context.now, settlements })
    assert.deepEqual(
      mixed.map(({ applied }) => applied),
      [false, true]
    )
    assert.deepEqual(await context.find(a.id), a)
  },
})
