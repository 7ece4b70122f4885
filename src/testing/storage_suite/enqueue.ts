import assert from 'node:assert/strict'
import { E_CLIENT_MISMATCH } from '../../errors.ts'
import { cases, field, MINUTE, NODE, START } from './context.ts'

export const enqueueCases = cases({
  'many at once come back as they were, whatever their texts hold': async (context) => {
    const odd = [String.raw`a\b`, String.raw`\"x\\`, `it's`, '?', '$1', 'ü\n\t']
    const texts = ['', 'null', 'NULL', '{a,b}', '"', ...odd]
    const executions = texts.map((text, index) =>
      context.execution({
        handler: 'load',
        subject: text,
        payload: { text },
        priority: index % 2 === 0 ? 3 : 7,
        concurrencyKey: index === 0 ? null : text,
        timeout: index === 1 ? 1_000 : null,
      })
    )
    await context.storage.executions.enqueue({ now: context.now, executions })
    for (const { id, subject, payload, priority, concurrencyKey, timeout } of executions) {
      const found = await context.find(id)
      const kept = [found.subject, found.payload, found.priority]
      assert.deepEqual(kept, [subject, payload, priority])
      assert.deepEqual([found.concurrencyKey, found.timeout], [concurrencyKey, timeout])
    }
  },

  'an execution comes back as it was stored': async (context) => {
    const execution = context.execution({
      eventId: 'event-1',
      handler: 'load',
      queue: 'nightly',
      origin: 'manual',
      payload: { list: [1, 'zwei€', null, false] },
      meta: { customer: { name: 'Ödön' } },
      subject: 'order 17',
      priority: 1,
      slot: START - MINUTE,
      slotKey: `event-1:${START - MINUTE}`,
      rerunOf: 'earlier',
      dedupeKey: 'order 17',
      concurrencyKey: 'warehouse',
      availableAt: START + MINUTE,
      timeout: 5000,
      retries: 3,
    })
    const params = { now: context.now, executions: [execution] }
    const results = await context.storage.executions.enqueue(params)
    assert.deepEqual(results, [{ id: execution.id, inserted: true }])
    assert.deepEqual(await context.find(execution.id), {
      ...execution,
      expiresAt: null,
      resultRef: null,
      workflowId: null,
      waitingFor: null,
      state: 'queued',
      slotLast: START - MINUTE,
      slotCount: 1,
      reason: null,
      createdAt: START,
      claimedAt: null,
      startedAt: null,
      finishedAt: null,
      attempt: 0,
      failures: 0,
      rescues: 0,
      node: null,
      leaseExpiresAt: null,
      renewals: 0,
      cancelRequestedAt: null,
      checkpoint: null,
      progress: null,
      result: null,
      error: null,
    })
  },

  'without an instant it is available at once': async (context) => {
    const [id] = await context.enqueue({})
    assert.equal(await field(context.find(id), 'availableAt'), START)
  },

  'a delay counts from now, and only where no instant is given': async (context) => {
    const [id] = await context.enqueue({ delay: MINUTE })
    assert.equal(await field(context.find(id), 'availableAt'), START + MINUTE)
    const [fixed] = await context.enqueue({ availableAt: START, delay: MINUTE })
    assert.equal(await field(context.find(fixed), 'availableAt'), START)
    assert.ok(!('delay' in (await context.find(id))!))
  },

  'without an instant of the caller the clock of the store decides': async (context) => {
    const { storage } = context
    const before = await storage.now()
    const execution = context.execution()
    await storage.executions.enqueue({ now: null, executions: [execution] })
    const after = await storage.now()
    const { createdAt, availableAt } = await context.find(execution.id)
    assert.ok(createdAt >= before && createdAt <= after, `${before} <= ${createdAt} <= ${after}`)
    assert.equal(availableAt, createdAt)
  },

  'a dedupe key binds while its execution is queued or running': async (context) => {
    const [first] = await context.enqueue({ dedupeKey: 'k' })
    assert.deepEqual(await context.enqueue({ dedupeKey: 'k' }), [first])
    const [running] = await context.claim()
    assert.deepEqual(await context.enqueue({ dedupeKey: 'k' }), [first])
    await context.settle(running, { to: 'retry', delay: MINUTE })
    assert.deepEqual(await context.enqueue({ dedupeKey: 'k' }), [first])
    assert.equal(await field(context.storage.executions.list({}), 'length'), 1)
  },

  'and is free when it ended, however it ended': async (context) => {
    for (const to of ['succeeded', 'failed', 'timed_out', 'cancelled', 'abandoned'] as const) {
      const ended = await context.ended({ dedupeKey: 'k' }, { to })
      const [next] = await context.enqueue({ dedupeKey: 'k' })
      assert.notEqual(next, ended, to)
      const reason = 'to free the key'
      await context.storage.executions.requestCancel({ now: context.now, id: next, reason })
    }
    const [last] = await context.enqueue({ dedupeKey: 'k' })
    assert.equal(await field(context.find(last), 'state'), 'queued')
  },

  'of several one duplicate undoes nothing': async (context) => {
    const [held] = await context.enqueue({ dedupeKey: 'k' })
    const list = [context.execution(), context.execution({ dedupeKey: 'k' }), context.execution()]
    const params = { now: context.now, executions: list }
    assert.deepEqual(await context.storage.executions.enqueue(params), [
      { id: list[0].id, inserted: true },
      { id: held, inserted: false },
      { id: list[2].id, inserted: true },
    ])
  },

  'of two with one key at once one is inserted': async (context) => {
    const stores = [context.storage, await context.another()]
    const results = await Promise.all(
      stores.map(({ executions }) =>
        executions.enqueue({
          now: context.now,
          executions: [context.execution({ dedupeKey: 'k' })],
        })
      )
    )
    const flat = results.flat()
    assert.deepEqual(flat.map(({ inserted }) => inserted).sort(), [false, true])
    assert.equal(flat[0].id, flat[1].id)
  },

  'a slot that exists answers with its holder': async (context) => {
    const event = await context.insertEvent()
    const ended = await context.ended(context.slotExecution(event, START))
    assert.deepEqual(await context.enqueue(context.slotExecution(event, START)), [ended])
    const rerun = { eventId: event.id, slot: START, slotKey: null, rerunOf: ended }
    const [again] = await context.enqueue(rerun)
    assert.equal(await field(context.find(again), 'rerunOf'), ended)
  },

  'the same execution sent twice is inserted once': async (context) => {
    const execution = context.execution()
    const send = () =>
      context.storage.executions.enqueue({ now: context.now, executions: [execution] })
    assert.deepEqual(await send(), [{ id: execution.id, inserted: true }])
    assert.deepEqual(await send(), [{ id: execution.id, inserted: false }])
  },

  'keys are exact: no case, blank, accent or length is lost': async (context) => {
    const long = 'x'.repeat(2000)
    const keys = ['key', 'KEY', 'key ', ' key', 'kéy', 'ｋey', long, `${long}y`]
    const ids = await context.enqueue(...keys.map((dedupeKey) => ({ dedupeKey })))
    assert.equal(new Set(ids).size, keys.length)
    assert.equal(await field(context.find(ids[7]), 'dedupeKey'), `${long}y`)
  },

  'an empty key is refused, and nothing is stored': async (context) => {
    const empty = { code: 'E_EMPTY_KEY' }
    await assert.rejects(context.enqueue({}, { dedupeKey: '' }), empty)
    await assert.rejects(context.enqueue({}, { concurrencyKey: '' }), empty)
    assert.deepEqual(await context.storage.executions.list({}), [])
  },

  'what cannot be stored as JSON is refused, and nothing is stored': async (context) => {
    const payload = { f: () => 1 } as unknown as null
    await assert.rejects(context.enqueue({}, { payload }), { code: 'E_PAYLOAD_NOT_JSON' })
    assert.deepEqual(await context.storage.executions.list({}), [])
  },

  'the journal entry is written when something was inserted': async (context) => {
    const executions = [context.execution({ dedupeKey: 'k' })]
    const journal = context.entry({ kind: 'event.triggered' })
    const send = () => context.storage.executions.enqueue({ now: context.now, executions, journal })
    await send()
    await send()
    assert.equal(await context.storage.journal.lastId(), 1)
  },

  'something that is no transaction of this store is refused': async (context) => {
    const executions = [context.execution()]
    await assert.rejects(
      context.storage.executions.enqueue({ now: context.now, executions, client: { trx: 1 } }),
      E_CLIENT_MISMATCH
    )
    assert.deepEqual(await context.storage.executions.list({}), [])
  },

  'an execution by its dedupe key: the open one, else the newest': async (context) => {
    const { executions } = context.storage
    assert.equal(await executions.findByDedupeKey('k'), null)
    await context.ended({ dedupeKey: 'k' })
    const second = await context.ended({ dedupeKey: 'k' }, { to: 'failed' })
    await context.ended({ dedupeKey: 'other' })
    assert.equal(await field(executions.findByDedupeKey('k'), 'id'), second)
    const [open] = await context.enqueue({ id: 'a-sorts-first', dedupeKey: 'k' })
    assert.equal(await field(executions.findByDedupeKey('k'), 'id'), open)
    const [claimed] = await context.claim()
    assert.deepEqual([claimed.id, claimed.node], [open, NODE])
  },
})
