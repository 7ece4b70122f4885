import assert from 'node:assert/strict'
import { cases, field, LEASE, MINUTE, OTHER_NODE, SECOND, START } from './context.ts'

const ids = (list: { id: string }[]) => list.map(({ id }) => id)

export const expiryCases = cases({
  'what is not begun in time is never claimed': async (context) => {
    const [late, inTime, never] = await context.enqueue(
      { expiresIn: SECOND },
      { expiresIn: 2 * SECOND },
      {}
    )
    assert.equal(await field(context.find(late), 'expiresAt'), START + SECOND)
    context.pass(SECOND)
    assert.deepEqual(ids(await context.claim()), [inTime, never])
    assert.equal(await field(context.find(late), 'state'), 'queued')
  },

  'it counts from when it became available': async (context) => {
    const [id] = await context.enqueue({ delay: MINUTE, expiresIn: SECOND })
    assert.equal(await field(context.find(id), 'expiresAt'), START + MINUTE + SECOND)
    context.pass(MINUTE)
    assert.deepEqual(ids(await context.claim()), [id])
  },

  'it ends as missed, in batches, the longest overdue first': async (context) => {
    const event = await context.insertEvent({ nextRunAt: null })
    const { executions } = context.storage
    const [c, a, b, open] = await context.enqueue(
      { expiresIn: 3 * SECOND },
      { expiresIn: SECOND, eventId: event.id },
      { expiresIn: 2 * SECOND },
      {}
    )
    context.pass(MINUTE)
    const first = await executions.expire({ now: context.now, limit: 2 })
    assert.deepEqual(ids(first), [a, b])
    assert.deepEqual(
      [first[0].state, first[0].reason, first[0].finishedAt],
      ['missed', 'expired', context.now]
    )
    assert.deepEqual(await context.find(a), first[0])
    assert.deepEqual(ids(await executions.expire({ now: context.now, limit: 2 })), [c])
    assert.deepEqual(await executions.expire({ now: context.now, limit: 2 }), [])
    assert.equal(await field(context.find(open), 'state'), 'queued')
    // As with every missed one: no run, and no failure
    const { lastOutcome, failureCount } = await context.findEvent(event.id)
    assert.deepEqual([lastOutcome, failureCount], [null, 0])
  },

  'two that expire at once end each row once': async (context) => {
    await context.enqueue(...Array.from({ length: 30 }, () => ({ expiresIn: 1 })))
    context.pass(SECOND)
    const stores = [context.storage, await context.another()]
    const ended: string[] = []
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.all(
        stores.map(({ executions }) => executions.expire({ now: context.now, limit: 10 }))
      )
      ended.push(...ids(answers.flat()))
    }
    assert.equal(ended.length, 30)
    assert.equal(new Set(ended).size, 30)
  },

  'what has begun does not expire any more': async (context) => {
    const [retried, rescued] = await context.enqueue({ expiresIn: SECOND }, { expiresIn: SECOND })
    const [first] = await context.claim()
    await context.settle(first, { to: 'retry', delay: MINUTE })
    context.pass(LEASE)
    const { executions } = context.storage
    const expired = await executions.listExpired({ now: context.now, limit: 9 })
    await executions.rescueExpired({ now: context.now, expired, maxRescues: 5 })
    context.pass(MINUTE)
    assert.deepEqual(await executions.expire({ now: context.now, limit: 9 }), [])
    const claimed = await context.claim({ node: OTHER_NODE })
    assert.deepEqual(ids(claimed).sort(), [retried, rescued].sort())
  },

  'what is handed back unbegun still does': async (context) => {
    const [id] = await context.enqueue({ expiresIn: SECOND })
    const [claimed] = await context.claim()
    await context.settle(claimed, { to: 'release', startedAt: null })
    context.pass(SECOND)
    assert.deepEqual(await context.claim(), [])
    assert.deepEqual(ids(await context.storage.executions.expire({ now: context.now, limit: 9 })), [
      id,
    ])
  },

  'an expired one lets go of its dedupe key at once': async (context) => {
    const { executions } = context.storage
    const [old] = await context.enqueue({ dedupeKey: 'd', expiresIn: SECOND })
    context.pass(SECOND)
    const execution = context.execution({ dedupeKey: 'd' })
    const [result] = await executions.enqueue({ now: context.now, executions: [execution] })
    assert.deepEqual([result.id, result.inserted, result.expired?.id], [execution.id, true, old])
    assert.equal(await field(context.find(old), 'state'), 'missed')
    assert.deepEqual(ids(await context.claim()), [execution.id])
  },
})

export const duplicateCases = cases({
  'replace gives the queued one the new payload and options': async (context) => {
    const [id] = await context.enqueue({ dedupeKey: 'd', payload: { n: 1 }, concurrencyKey: 'a' })
    const other = context.execution({
      dedupeKey: 'd',
      payload: { n: 2 },
      priority: 2,
      queue: 'fast',
      concurrencyKey: 'b',
      delay: SECOND,
      onDuplicate: 'replace',
    })
    const { executions } = context.storage
    assert.deepEqual(await executions.enqueue({ now: context.now, executions: [other] }), [
      { id, inserted: false, change: 'replaced' },
    ])
    const found = await context.find(id)
    assert.deepEqual(
      [found.payload, found.priority, found.queue, found.concurrencyKey, found.availableAt],
      [{ n: 2 }, 2, 'fast', 'b', START + SECOND]
    )
    assert.deepEqual(ids(await executions.list({ concurrencyKey: 'b' })), [id])
    assert.deepEqual(ids(await executions.list({ concurrencyKey: 'a' })), [])
    context.pass(SECOND)
    assert.deepEqual(ids(await context.claim()), [id])
  },

  'extend prolongs the wait, and keeps the payload': async (context) => {
    const { executions } = context.storage
    const [id] = await context.enqueue({
      dedupeKey: 'd',
      payload: 1,
      delay: SECOND,
      expiresIn: MINUTE,
    })
    const again = () =>
      executions.enqueue({
        now: context.now,
        executions: [
          context.execution({ dedupeKey: 'd', payload: 2, delay: SECOND, onDuplicate: 'extend' }),
        ],
      })
    assert.deepEqual(await again(), [{ id, inserted: false }])
    context.pass(600)
    assert.deepEqual(await again(), [{ id, inserted: false, change: 'extended' }])
    const { payload, availableAt, expiresAt } = await context.find(id)
    assert.deepEqual([payload, availableAt], [1, START + 600 + SECOND])
    assert.equal(expiresAt, availableAt + MINUTE)
    context.pass(400)
    assert.deepEqual(await context.claim(), [])
  },

  'what has begun stays as it is': async (context) => {
    const { executions } = context.storage
    const [id] = await context.enqueue({ dedupeKey: 'd', payload: 1 })
    const replace = () =>
      executions.enqueue({
        now: context.now,
        executions: [context.execution({ dedupeKey: 'd', payload: 2, onDuplicate: 'replace' })],
      })
    const [running] = await context.claim()
    assert.deepEqual(await replace(), [{ id, inserted: false }])
    await context.settle(running, { to: 'retry', delay: MINUTE })
    assert.deepEqual(await replace(), [{ id, inserted: false }])
    assert.equal(await field(context.find(id), 'payload'), 1)
  },

  'what was snoozed with a checkpoint keeps the payload that it is of': async (context) => {
    const { executions } = context.storage
    const [id] = await context.enqueue({ dedupeKey: 'd', payload: 1 })
    const [running] = await context.claim()
    const { attempt } = running
    const fence = { id, attempt, node: running.node! }
    await executions.saveCheckpoint({ now: context.now, fence, checkpoint: { row: 7 } })
    await context.settle(running, { to: 'release', delay: MINUTE })
    const [result] = await executions.enqueue({
      now: context.now,
      executions: [context.execution({ dedupeKey: 'd', payload: 2, onDuplicate: 'replace' })],
    })
    assert.deepEqual(result, { id, inserted: false })
    const { payload, checkpoint } = await context.find(id)
    assert.deepEqual([payload, checkpoint], [1, { row: 7 }])
  },

  'a claim and a replacement at once: it runs with one of the two, once': async (context) => {
    const other = await context.another()
    for (let round = 0; round < 10; round++) {
      const [id] = await context.enqueue({ dedupeKey: `d${round}`, payload: 1 })
      const executions = [
        context.execution({ dedupeKey: `d${round}`, payload: 2, onDuplicate: 'replace' }),
      ]
      const [[claimed], [result]] = await Promise.all([
        context.claim(),
        other.executions.enqueue({ now: context.now, executions }),
      ])
      const [later] = await context.claim()
      const run = claimed ?? later
      assert.equal(run.id, id)
      assert.equal(run.payload, result.change === 'replaced' ? 2 : 1)
      await context.settle(run)
    }
  },
})
