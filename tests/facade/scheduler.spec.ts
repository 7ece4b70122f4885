import { test } from '@japa/runner'
import { Handler, handler } from '../../src/handler.ts'
import { SCHEMA_VERSION } from '../../src/storage/contract.ts'
import { MemoryStorage } from '../../src/storage/memory/main.ts'
import { ChaosStorage, createTestAlmanac, ManualClock } from '../../src/testing/main.ts'
import type { AlmanacOptions } from '../../src/types/config.ts'
import type { HandlerContext, HandlerFunction } from '../../src/types/handlers.ts'

const minutely = { kind: 'interval', every: '1m' } as const

/** A scheduler over a store that fails on demand, with a handler that notes its payloads. */
async function setup(
  options: { handlers?: Record<string, HandlerFunction>; config?: AlmanacOptions } = {}
) {
  const clock = new ManualClock('2026-01-05T12:00:00Z')
  const memory = new MemoryStorage({ clock })
  const chaos = new ChaosStorage(memory)
  const ran: unknown[] = []
  const note = ({ payload }: HandlerContext) => void ran.push(payload)
  const handlers = { note, ...options.handlers }
  const t = await createTestAlmanac({ clock, storage: chaos, handlers, config: options.config })
  return { t, almanac: t.almanac, clock, memory, chaos, ran }
}

test.group('Scheduler | working', () => {
  test('fires and runs what is due between start and stop', async ({ assert }) => {
    const { t, almanac, clock, ran } = await setup()
    await almanac.events.create({ name: 'a', handler: 'note', payload: 1, trigger: minutely })
    assert.equal(almanac.state, 'ready')
    await almanac.start()
    await almanac.start()
    assert.equal(almanac.state, 'running')
    await clock.advance(3 * 60_000)
    assert.deepEqual(ran, [1, 1, 1])
    const stopping = almanac.stop()
    await clock.advance(60_000)
    await stopping
    await almanac.stop()
    assert.equal(almanac.state, 'ready')
    await clock.advance(5 * 60_000)
    assert.lengthOf(ran, 3)
    await t[Symbol.asyncDispose]()
  })

  test('enabled: false keeps only the loop off', async ({ assert }) => {
    const { almanac, clock, ran } = await setup({ config: { enabled: false } })
    await almanac.events.create({ name: 'a', handler: 'note', payload: 'due', trigger: minutely })
    await almanac.start()
    await almanac.enqueue('note', 'queued')
    await clock.advance(10 * 60_000)
    assert.deepEqual(ran, ['queued'])
    const status = await almanac.status()
    assert.isFalse(status.enabled)
    assert.isNull(status.leader)
    await almanac.shutdown()
  })

  test('a start that fails undoes what it started and may be tried again', async ({ assert }) => {
    const { almanac, clock, chaos, ran } = await setup()
    const calls: string[] = []
    let broken = true
    almanac.onStart(() => calls.push('first starts'))
    almanac.onStart(() => {
      if (broken) {
        throw new Error('no such table')
      }
    })
    almanac.onStop(() => calls.push('first stops'))
    await almanac.enqueue('note', 1)
    await assert.rejects(() => almanac.start(), 'no such table')
    assert.equal(almanac.state, 'ready')
    await clock.advance(60_000)
    assert.deepEqual(ran, [])
    assert.equal(chaos.calls('executions.claim'), 0)
    broken = false
    await almanac.start()
    await clock.advance(1_000)
    assert.deepEqual(ran, [1])
    await almanac.shutdown()
    assert.deepEqual(calls, ['first starts', 'first starts', 'first stops'])
  })

  test('an outdated schema refuses the start and every use', async ({ assert }) => {
    const { almanac, memory } = await setup()
    memory.schemaVersion = async () => 0
    await assert.rejects(() => almanac.start(), /The store has schema version 0/)
    await assert.rejects(() => almanac.events.list(), /The store has schema version 0/)
    assert.equal(almanac.state, 'ready')
    memory.schemaVersion = async () => SCHEMA_VERSION
    await almanac.start()
    await almanac.shutdown()
  })

  test('chores and hooks of adapters run while it works', async ({ assert }) => {
    const { almanac, clock } = await setup()
    const calls: string[] = []
    almanac.onStart(() => calls.push('start'))
    almanac.onStop(() => calls.push('stop 1'))
    almanac.onStop(async () => calls.push('stop 2'))
    almanac.addChore({ name: 'sync', interval: 10_000, run: async () => calls.push('sync') })
    await almanac.start()
    await clock.advance(20_000)
    await almanac.stop({ deadline: 0 })
    await clock.advance(20_000)
    assert.deepEqual(calls, ['start', 'sync', 'sync', 'stop 2', 'stop 1'])
    await almanac.shutdown()
  })

  test('a failing chore is a problem of the status, and stops nothing', async ({ assert }) => {
    const { almanac, clock, ran } = await setup()
    almanac.addChore({
      name: 'sync',
      interval: 10_000,
      run: () => Promise.reject(new Error('no table')),
    })
    await almanac.events.create({ name: 'a', handler: 'note', payload: 1, trigger: minutely })
    await almanac.start()
    await clock.advance(60_000)
    assert.deepEqual(ran, [1])
    const { problems } = await almanac.status()
    assert.containSubset(problems, [{ part: 'sync', message: 'no table', count: 6 }])
    await almanac.shutdown()
  })

  test('failing housekeeping shows in status and log, and stops nothing', async ({ assert }) => {
    const { t, almanac, clock, chaos, ran } = await setup()
    chaos.fail('stats.rollup', { times: Infinity })
    chaos.fail('nodes.beat', { times: 1 })
    await almanac.events.create({ name: 'a', handler: 'note', payload: 1, trigger: minutely })
    await almanac.start()
    await clock.advance(60_000)
    assert.deepEqual(ran, [1])
    const { problems, nodes, counters } = await almanac.status()
    assert.deepEqual(problems, [
      { part: 'housekeeping: rollup', message: 'stats.rollup failed on demand' },
    ])
    assert.isAbove(counters['housekeeping.rollup.errors'], 1)
    assert.include(t.logger.messages('error').join(), 'Housekeeping: rollup failed')
    assert.deepEqual(
      nodes.map(({ id }) => id),
      [almanac.nodeId]
    )
    await almanac.shutdown()
  })

  test('a store that is away is a problem of the status, until it is back', async ({ assert }) => {
    const { almanac, clock, chaos, ran } = await setup()
    await almanac.start()
    chaos.fail('executions.claim', { times: 3 })
    await almanac.enqueue('note', 1)
    await clock.advance(100)
    const before = await almanac.status()
    assert.containSubset(before.problems, [
      { message: 'executions.claim failed on demand', count: 1 },
    ])
    await clock.advance(60_000)
    assert.deepEqual(ran, [1])
    const after = await almanac.status()
    assert.deepEqual(after.problems, [])
    await almanac.shutdown()
  })

  test('a drain hands back what has not begun and waits for what runs', async ({ assert }) => {
    const gate = Promise.withResolvers<void>()
    const hold = async ({ signal }: HandlerContext) => {
      await gate.promise
      return String(signal.aborted)
    }
    const { t, almanac, clock } = await setup({ handlers: { hold }, config: { concurrency: 1 } })
    const running = await almanac.enqueue('hold', null)
    const waiting = await almanac.enqueue('hold', null)
    await almanac.start()
    await t.recorder.waitFor('execution:started')
    assert.deepEqual(almanac.capacity(), { total: 1, free: 0, running: 1 })
    const stopping = almanac.stop({ deadline: 10_000 })
    await clock.advance(5_000)
    assert.equal(almanac.state, 'stopping')
    gate.resolve()
    await clock.advance(1_000)
    await stopping
    assert.containSubset(await almanac.executions.find(running.id), {
      state: 'succeeded',
      result: 'false',
    })
    assert.containSubset(await almanac.executions.find(waiting.id), {
      state: 'queued',
      failures: 0,
    })
    await almanac.shutdown()
  })
})

test.group('Scheduler | one round', () => {
  test('tick returns what it fired; ticks at the same time share one', async ({ assert }) => {
    const { t, almanac, clock, chaos } = await setup()
    await almanac.events.create({ name: 'a', handler: 'note', payload: 1, trigger: minutely })
    assert.deepEqual(await almanac.tick(), [])
    await clock.advance(60_000)
    const before = chaos.calls('events.listDue')
    const [first, second] = await Promise.all([almanac.tick(), almanac.tick()])
    assert.lengthOf(first, 1)
    assert.deepEqual(second, first)
    assert.equal(chaos.calls('events.listDue') - before, 1)
    assert.deepEqual(await almanac.tick(), [])
    await t[Symbol.asyncDispose]()
  })

  test('tick returns nothing when another node leads', async ({ assert }) => {
    const { t, almanac, clock } = await setup()
    const other = await createTestAlmanac({ clock, storage: t.storage })
    await other.almanac.start()
    await almanac.events.create({ name: 'a', handler: 'note', trigger: minutely })
    await clock.advance(0)
    assert.deepEqual(await almanac.tick(), [])
    const { leader, isLeader } = await almanac.status()
    assert.equal(leader?.node, other.almanac.nodeId)
    assert.isFalse(isLeader)
    await other.almanac.shutdown()
    await almanac.shutdown()
  })

  test('once does chores, one tick and what is queued, and gives the lead back', async ({
    assert,
  }) => {
    const { almanac, clock, ran } = await setup()
    const calls: string[] = []
    almanac.onStart(() => calls.push('start'))
    almanac.onStop(() => calls.push('stop'))
    almanac.addChore({ name: 'sync', interval: 10_000, run: async () => calls.push('sync') })
    await almanac.events.create({ name: 'a', handler: 'note', payload: 'due', trigger: minutely })
    await almanac.enqueue('note', 'queued')
    await clock.advance(60_000)
    const round = await almanac.once()
    assert.lengthOf(round.fired, 1)
    assert.equal(round.ran, 2)
    assert.sameMembers(ran, ['due', 'queued'])
    assert.deepEqual(calls, ['start', 'sync', 'stop'])
    assert.equal(almanac.state, 'ready')
    const { leader } = await almanac.status()
    assert.isNull(leader)
    await almanac.shutdown()
    assert.equal(clock.pending, 0)
  })

  test('once while it works is one round more, and stops nothing', async ({ assert }) => {
    const { almanac, clock, ran } = await setup()
    await almanac.start()
    await almanac.enqueue('note', 1)
    const round = almanac.once()
    await clock.advance(1_000)
    await round
    assert.equal(almanac.state, 'running')
    await almanac.enqueue('note', 2)
    await clock.advance(1_000)
    assert.deepEqual(ran, [1, 2])
    await almanac.shutdown()
  })

  test('start waits for a round that is under way; stop ends it', async ({ assert }) => {
    const hold = async ({ signal }: HandlerContext) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      signal.throwIfAborted()
    }
    const { t, almanac, clock } = await setup({ handlers: { hold } })
    const { id } = await almanac.enqueue('hold', null)
    const round = almanac.once()
    await t.recorder.waitFor('execution:started')
    let started = false
    const starting = almanac.start().then(() => (started = true))
    await clock.advance(1_000)
    assert.isFalse(started)
    const stopping = almanac.stop({ deadline: 100 })
    await clock.advance(1_000)
    assert.deepEqual(await round, { fired: [], ran: 1 })
    await Promise.all([starting, stopping])
    assert.equal(almanac.state, 'ready')
    assert.containSubset(await almanac.executions.find(id), { state: 'queued', failures: 0 })
    await almanac.shutdown()
  })

  test('once leaves the slots alone when enabled is false', async ({ assert }) => {
    const { almanac, clock, ran } = await setup({ config: { enabled: false } })
    await almanac.events.create({ name: 'a', handler: 'note', trigger: minutely })
    await almanac.enqueue('note', 'queued')
    await clock.advance(60_000)
    assert.deepEqual(await almanac.once(), { fired: [], ran: 1 })
    assert.deepEqual(ran, ['queued'])
    await almanac.shutdown()
  })
})

test.group('Scheduler | events in code', () => {
  test('are in the store once a process works, and follow the code', async ({ assert }) => {
    const { t, almanac, clock, ran } = await setup()
    almanac.schedule({ name: 'a', handler: 'note', payload: 'a', trigger: minutely })
    almanac.schedule({ name: 'b', handler: 'note', payload: 'b', trigger: minutely })
    assert.deepEqual(await almanac.events.list(), [])
    await almanac.start()
    await clock.advance(60_000)
    assert.sameMembers(ran, ['a', 'b'])
    await almanac.shutdown()

    // The next version of the code: a has another payload, b is gone
    const next = await createTestAlmanac({ clock, storage: t.storage, handlers: { note: () => 1 } })
    next.almanac.schedule({ name: 'a', handler: 'note', payload: 'a2', trigger: minutely })
    await next.almanac.start()
    const events = await next.almanac.events.list({ source: 'code' })
    assert.deepEqual(
      events.map(({ name, payload, status }) => [name, payload, status]),
      [
        ['a', 'a2', 'active'],
        ['b', 'b', 'paused'],
      ]
    )
    assert.equal(events[1].statusBy, 'source')
    await next.almanac.shutdown()
  })

  test('a name defined twice is refused, and what JSON cannot carry', async ({ assert }) => {
    const { almanac } = await setup()
    almanac.schedule({ name: 'a', handler: 'note', trigger: minutely })
    assert.throws(
      () => almanac.schedule({ name: 'a', handler: 'note', trigger: minutely }),
      'An event "a" exists already in source "code"'
    )
    assert.throws(
      () =>
        almanac.schedule({ name: 'b', handler: 'note', payload: Number.NaN, trigger: minutely }),
      /event "b" cannot be stored as JSON/
    )
    await almanac.shutdown()
  })

  test('one that is not valid is a problem of the status; the others go on', async ({ assert }) => {
    const { almanac } = await setup()
    const trigger = { kind: 'cron', expression: '99 * * * *', timezone: 'UTC' } as const
    almanac.schedule({ name: 'bad', handler: 'note', trigger })
    almanac.schedule({ name: 'good', handler: 'note', trigger: minutely })
    await almanac.start()
    const [only, ...others] = await almanac.events.list()
    assert.equal(only.name, 'good')
    assert.deepEqual(others, [])
    const { problems } = await almanac.status()
    assert.equal(problems[0].part, 'event "bad" of start/almanac.ts')
    assert.include(problems[0].message, '99 * * * *')
    await almanac.shutdown()
  })
})

test.group('Scheduler | executions', () => {
  test('enqueue, history, stats, cancel', async ({ assert }) => {
    const { t, almanac, ran } = await setup()
    const later = await almanac.enqueue('note', 'later', { delay: '1h' })
    const first = await almanac.enqueue('note', 'now', { dedupeKey: 'k' })
    const second = await almanac.enqueue('note', 'now', { dedupeKey: 'k' })
    assert.deepEqual(second, { id: first.id, inserted: false })
    await t.tick()
    assert.deepEqual(ran, ['now'])
    assert.equal(await almanac.cancel(later.id, { reason: 'not needed', by: 'ann' }), 'cancelled')
    assert.isNull(await almanac.cancel(later.id))
    const [a, b] = await almanac.history({ handler: 'note' })
    assert.deepEqual([a.state, b.state].sort(), ['cancelled', 'succeeded'])
    const stats = await almanac.stats()
    assert.deepEqual(stats.outcomes, { succeeded: 1, cancelled: 1 })
    const found = await almanac.executions.findByDedupeKey('k')
    assert.containSubset(found, { id: first.id, state: 'succeeded' })
    assert.deepEqual(await almanac.executions.get(first.id), found)
    assert.deepEqual(await almanac.executions.logs(first.id), [])
    await almanac.shutdown()
  })

  test('a handler that nobody registered is refused', async ({ assert }) => {
    const { almanac } = await setup()
    await assert.rejects(() => almanac.enqueue('nobody', 1), 'No handler is registered as "nobody"')
    await almanac.shutdown()
  })

  test('waitFor resolves at the end, at the timeout, and at the abort', async ({ assert }) => {
    const { t, almanac, clock } = await setup()
    const { id } = await almanac.enqueue('note', 1, { delay: '1m' })
    const waiting = almanac.waitFor(id)
    const short = almanac.waitFor(id, { timeout: 1_000 })
    const controller = new AbortController()
    const aborted = almanac.waitFor(id, { signal: controller.signal })
    await clock.advance(1_000)
    assert.containSubset(await short, { state: 'queued' })
    controller.abort()
    assert.containSubset(await aborted, { state: 'queued' })
    await t.tick('1m')
    await clock.advance(1_000)
    assert.containSubset(await waiting, { state: 'succeeded' })
    assert.isNull(await almanac.waitFor('unknown'))
    await almanac.shutdown()
  })

  test('a decorated handler is found by discovery', async ({ assert }) => {
    const { almanac } = await setup()
    @handler('facade_decorated')
    class Decorated extends Handler<null> {
      handle() {
        return 'done'
      }
    }
    await almanac.discover(null)
    assert.isTrue(almanac.handlers.has('facade_decorated'))
    const { id } = await almanac.enqueue(Decorated, null)
    await almanac.runOnce()
    assert.containSubset(await almanac.executions.find(id), { result: 'done' })
    await almanac.shutdown()
  })
})

test.group('Scheduler | status and journal', () => {
  test('the status counts, and names what nobody here can run', async ({ assert }) => {
    const { t, almanac, clock } = await setup()
    const other = await createTestAlmanac({ clock, storage: t.storage })
    const event = await almanac.events.create({ name: 'a', handler: 'note', trigger: minutely })
    await almanac.enqueue('note', 1)
    const status = await other.almanac.status()
    assert.containSubset(status, {
      state: 'ready',
      node: other.almanac.nodeId,
      enabled: true,
      isLeader: false,
      leader: null,
      events: { active: 1 },
      executions: { queued: 1 },
      unknownHandlers: [{ handler: 'note', count: 1 }],
      nextDueAt: event.nextRunAt,
      capacity: { total: 10, free: 10, running: 0 },
      problems: [],
    })
    assert.equal(status.at, clock.now())
    const own = await almanac.status()
    assert.deepEqual(own.unknownHandlers, [])
    assert.match(almanac.nodeId, /^test\.[0-9a-f]{8}$/)
    await other.almanac.shutdown()
    await almanac.shutdown()
  })

  test('watch yields the journal in order, from where it is told', async ({ assert }) => {
    const { almanac, clock } = await setup()
    const event = await almanac.events.create({ name: 'a', handler: 'note', trigger: minutely })
    const controller = new AbortController()
    const seen: string[] = []
    const newer: string[] = []
    const watching = (async () => {
      for await (const entry of almanac.watch({ after: 0, signal: controller.signal })) {
        seen.push(`${entry.kind} by ${entry.actor}`)
      }
    })()
    const fromNow = almanac.watch({ signal: controller.signal })
    const following = (async () => {
      for await (const entry of fromNow) {
        newer.push(entry.kind)
      }
    })()
    await clock.advance(1_000)
    await almanac.events.pause(event.id, 'ann')
    await almanac.events.resume(event.id, 'ann')
    await clock.advance(1_000)
    assert.deepEqual(seen, [
      'event.created by system',
      'event.paused by ann',
      'event.resumed by ann',
    ])
    assert.deepEqual(newer, ['event.paused', 'event.resumed'])
    controller.abort()
    await Promise.all([watching, following])
    await almanac.shutdown()
  })

  test('watch ends with the shutdown, and passes on a failure of the store', async ({ assert }) => {
    const { almanac, chaos, clock } = await setup()
    chaos.fail('journal.lastId')
    const failing = almanac.watch()
    await assert.rejects(() => failing.next(), 'journal.lastId failed on demand')
    const watching = almanac.watch().next()
    await clock.advance(1_000)
    await almanac.shutdown()
    assert.deepEqual(await watching, { done: true, value: undefined })
  })

  test('preview and describe need no event', async ({ assert }) => {
    const { almanac } = await setup()
    const slots = almanac.preview(minutely, { after: '2026-01-05T12:00:00Z', count: 2 })
    assert.deepEqual(
      slots.map((slot) => slot.toISOString()),
      ['2026-01-05T12:01:00.000Z', '2026-01-05T12:02:00.000Z']
    )
    assert.isNotEmpty(almanac.describe(minutely))
    await almanac.shutdown()
  })
})
