import { test } from '@japa/runner'
import { E_STORAGE_UNAVAILABLE } from '../../src/errors.ts'
import { addEvent, CONFIG, setup } from './loop_support.ts'
import { MINUTE, SECOND, START } from './support.ts'
import type { KnownHandlers } from '../../src/loop/slot_execution.ts'

const at = (n: number) => START + n * SECOND
const once = { kind: 'once', at: new Date(START).toISOString() } as const

test.group('Tick | what it tells', () => {
  test('announces what fired, what was missed and what ended', async ({ assert }) => {
    const { clock, memory, loop, notices, executions, nodeId } = setup()
    const trigger = {
      kind: 'interval',
      every: SECOND,
      endsAt: new Date(at(3)).toISOString(),
    } as const
    await addEvent(memory, clock, { trigger })
    await clock.advance(5 * SECOND)
    await loop.tick()

    const [missed, fired] = await executions()
    const now = '2026-03-01T00:00:05.000Z'
    assert.deepEqual(notices.all.slice(1, -1), [
      {
        name: 'slot:fired',
        data: {
          eventId: 'event-1',
          name: 'event-1',
          executionId: fired.id,
          slot: '2026-03-01T00:00:03.000Z',
          lateness: 2_000,
          at: now,
        },
      },
      {
        name: 'execution:queued',
        data: {
          executionId: fired.id,
          eventId: 'event-1',
          handler: 'load',
          queue: 'default',
          slot: '2026-03-01T00:00:03.000Z',
          attempt: 0,
          node: null,
          at: now,
        },
      },
      {
        name: 'slot:missed',
        data: {
          eventId: 'event-1',
          name: 'event-1',
          executionId: missed.id,
          first: '2026-03-01T00:00:00.000Z',
          last: '2026-03-01T00:00:02.000Z',
          count: 3,
          reason: 'misfire',
          at: now,
        },
      },
      {
        name: 'execution:missed',
        data: {
          executionId: missed.id,
          eventId: 'event-1',
          handler: 'load',
          queue: 'default',
          slot: '2026-03-01T00:00:00.000Z',
          attempt: 0,
          node: null,
          at: now,
          outcome: 'missed',
          duration: null,
          reason: 'misfire',
          error: null,
        },
      },
      {
        name: 'event:completed',
        data: { eventId: 'event-1', name: 'event-1', source: 'api', at: now, actor: nodeId },
      },
    ])
  })

  test('journals missed ranges and the end of an event', async ({ assert }) => {
    const { clock, memory, loop, executions, nodeId } = setup()
    await addEvent(memory, clock, { trigger: once, misfire: { policy: 'skip', grace: 0, cap: 1 } })
    await clock.advance(SECOND)
    await loop.tick()

    const [missed] = await executions()
    const rows = await memory.journal.read({ after: 0, limit: 100 })
    assert.deepEqual(
      rows.slice(1, 3).map(({ kind, actor, subject, after }) => ({ kind, actor, subject, after })),
      [
        {
          kind: 'slots.missed',
          actor: nodeId,
          subject: 'event-1',
          after: {
            executionId: missed.id,
            first: '2026-03-01T00:00:00.000Z',
            last: '2026-03-01T00:00:00.000Z',
            count: 1,
            reason: 'misfire',
            exact: true,
          },
        },
        { kind: 'event.completed', actor: nodeId, subject: 'event-1', after: null },
      ]
    )
    assert.containsSubset(await memory.events.find('event-1'), {
      status: 'completed',
      nextRunAt: null,
    })
  })

  test('a handler that nobody here knows still fires', async ({ assert }) => {
    const { clock, memory, loop, executions } = setup()
    await addEvent(memory, clock, { handler: 'elsewhere' })
    await loop.tick()

    const [row] = await executions()
    assert.containsSubset(row, { handler: 'elsewhere', queue: 'default', priority: 5 })
  })

  test('a known handler gives its queue and priority', async ({ assert }) => {
    const { clock, memory, loop, executions } = setup()
    await addEvent(memory, clock, { id: 'r', handler: 'report' })
    await addEvent(memory, clock, { id: 'own', handler: 'report', queue: 'mine', priority: 9 })
    await loop.tick()

    const [report] = await executions('r')
    const [own] = await executions('own')
    assert.containsSubset(report, { queue: 'reports', priority: 2 })
    assert.containsSubset(own, { queue: 'mine', priority: 9 })
  })

  test('a registry that knows names alone is enough', async ({ assert }) => {
    const known: KnownHandlers = { has: () => true }
    const { clock, memory, loop, executions } = setup({ known })
    await addEvent(memory, clock)
    await loop.tick()

    const [row] = await executions()
    assert.equal(row.queue, 'default')
  })
})

test.group('Tick | many events', () => {
  test('lists batch after batch until nothing is left', async ({ assert }) => {
    const { clock, memory, loop, chaos } = setup({ tickBatch: 10 })
    for (let n = 0; n < 45; n++) {
      await addEvent(memory, clock, { id: `event-${n}`, trigger: once })
    }

    const ids = await loop.tick()

    assert.lengthOf(ids, 45)
    assert.equal(chaos.calls('events.listDue'), 5)
  })

  test('gives the store transactions of a bounded size', async ({ assert }) => {
    const { clock, memory, loop, chaos } = setup({ tickBatch: 2_000 })
    for (let n = 0; n < 1_250; n++) {
      await addEvent(memory, clock, { id: `event-${n}`, trigger: once })
    }

    assert.lengthOf(await loop.tick(), 1_250)
    assert.equal(chaos.calls('events.fire'), 3)
  })

  test('ends between two transactions when the term is over', async ({ assert }) => {
    const { clock, memory, loop, chaos } = setup({ tickBatch: 1_000 })
    for (let n = 0; n < 650; n++) {
      await addEvent(memory, clock, { id: `event-${n}`, trigger: once })
    }
    const release = chaos.hold('events.fire')
    const ticking = loop.tick()
    await clock.advance(CONFIG.leader.ttl)
    release()

    assert.lengthOf(await ticking, 500)
    assert.equal(chaos.calls('events.fire'), 1)
    assert.lengthOf(await loop.tick(), 150)
  })

  test('one that cannot be computed is reported once and stops nobody', async ({ assert }) => {
    const { clock, memory, loop, logger, counters, executions, kinds } = setup()
    await addEvent(memory, clock, { id: 'broken', trigger: { kind: 'nonsense' } as never })
    await addEvent(memory, clock, { id: 'good' })
    await loop.tick()
    await loop.tick()

    assert.lengthOf(await executions('good'), 1)
    assert.deepEqual(logger.of('error'), ['Event "broken" cannot be fired'])
    assert.equal(counters.get('events.problems'), 2)
    const all = await kinds()
    assert.lengthOf(
      all.filter((kind) => kind === 'source.problem'),
      1
    )
    assert.containsSubset(await memory.events.find('broken'), {
      status: 'active',
      nextRunAt: START,
    })
  })

  test('more broken events than a batch holds do not starve the others', async ({ assert }) => {
    const { clock, memory, loop, executions } = setup({ tickBatch: 5 })
    for (let n = 0; n < 12; n++) {
      const trigger = { kind: 'nonsense' } as never
      await addEvent(memory, clock, { id: `broken-${n}`, trigger, nextRunAt: START - 1 })
    }
    await addEvent(memory, clock, { id: 'good', trigger: once })
    await loop.tick()

    assert.lengthOf(await executions('good'), 1)
  })

  test('a broken event does not keep the loop awake or late', async ({ assert }) => {
    const { clock, memory, loop, chaos, executions } = setup()
    await addEvent(memory, clock, { id: 'broken', trigger: { kind: 'nonsense' } as never })
    await addEvent(memory, clock, {
      id: 'good',
      trigger: { kind: 'interval', every: MINUTE },
      nextRunAt: START + 400,
    })
    await loop.start()
    await clock.advance(400)
    assert.lengthOf(await executions('good'), 1)
    await clock.advance(600)
    await loop.stop()

    assert.isAtMost(chaos.calls('events.listDue'), 3)
  })

  test('once corrected it fires its slot, and a later problem is news again', async ({
    assert,
  }) => {
    const { clock, memory, loop, logger, executions } = setup()
    await addEvent(memory, clock, { id: 'e', trigger: { kind: 'nonsense' } as never })
    await loop.tick()
    const change = (expectedVersion: number, trigger: object) =>
      memory.events.update({
        now: clock.now(),
        id: 'e',
        expectedVersion,
        patch: { trigger: trigger as never },
      })
    await change(1, { kind: 'interval', every: MINUTE })
    await loop.tick()
    const rows = await executions('e')
    assert.deepEqual(
      rows.map(({ slot }) => slot),
      [START]
    )
    await change(2, { kind: 'nonsense' })
    await clock.advance(MINUTE)
    await loop.tick()

    assert.lengthOf(logger.of('error'), 2)
  })
})

test.group('Tick | a long past', () => {
  test('100,000 seconds: several ticks, one run, one missed range', async ({ assert }) => {
    const { clock, memory, loop, executions, kinds } = setup()
    await addEvent(memory, clock)
    await clock.advance(99_999 * SECOND)
    let ticks = 0
    let ids: string[] = []
    while (ids.length === 0 && ticks < 200) {
      ids = await loop.tick()
      ticks += 1
    }

    assert.equal(ticks, 100)
    assert.lengthOf(ids, 1)
    const rows = await executions()
    assert.deepEqual(
      rows.map(({ state, slot, slotLast, slotCount, reason }) => ({
        ...{ state, slot, slotLast, slotCount, reason },
      })),
      [
        {
          state: 'missed',
          slot: at(0),
          slotLast: at(99_998),
          slotCount: 99_999,
          reason: 'misfire',
        },
        { state: 'queued', slot: at(99_999), slotLast: at(99_999), slotCount: 1, reason: null },
      ]
    )
    const all = await kinds()
    assert.lengthOf(
      all.filter((kind) => kind === 'slots.missed'),
      1
    )
  })

  test('a started loop catches up without waiting between the ticks', async ({ assert }) => {
    const { clock, memory, loop, counters, executions, notices } = setup()
    await addEvent(memory, clock)
    await clock.advance(4_500 * SECOND)
    await loop.start()
    await clock.advance(0)
    await loop.stop()

    assert.equal(counters.get('ticks'), 5)
    assert.equal(counters.get('slots.missed'), 4_500)
    assert.equal(counters.get('slots.fired'), 1)
    assert.lengthOf(await executions(), 2)
    assert.deepEqual(
      notices.of('slot:missed').map(({ count }) => count),
      [1_000, 2_000, 3_000, 4_000, 4_500]
    )
    assert.lengthOf(notices.of('execution:missed'), 1)
  })

  test('one far behind does not starve the others', async ({ assert }) => {
    const { clock, memory, loop, executions } = setup({ tickBatch: 2 })
    for (const id of ['x', 'y', 'z']) {
      await addEvent(memory, clock, { id })
    }
    await clock.advance(50_000 * SECOND)
    await addEvent(memory, clock, {
      id: 'fresh',
      trigger: { kind: 'interval', every: MINUTE },
      nextRunAt: START + 50_000 * SECOND,
    })
    await loop.tick()

    assert.lengthOf(await executions('fresh'), 1)
    for (const id of ['x', 'y', 'z']) {
      const [row, ...others] = await executions(id)
      assert.isEmpty(others)
      assert.equal(row.slotCount, 1_000, 'its share of one tick')
    }
  })

  test('overlap wait while a run hangs: one waits, the rest is one range', async ({ assert }) => {
    const { clock, memory, loop, executions } = setup()
    await addEvent(memory, clock, { overlap: 'wait' })
    await loop.start()
    await clock.advance(60 * SECOND)
    await loop.stop()

    const rows = await executions()
    assert.deepEqual(
      rows.map(({ state, slotCount, reason }) => [state, slotCount, reason]),
      [
        ['queued', 1, null],
        ['missed', 60, 'overlap'],
      ]
    )
  })

  test('maxRuns ends an event after its last run', async ({ assert }) => {
    const { clock, memory, loop, executions, notices } = setup()
    await addEvent(memory, clock, { maxRuns: 3 })
    await loop.start()
    await clock.advance(10 * SECOND)
    await loop.stop()

    assert.lengthOf(await executions(), 3)
    assert.containsSubset(await memory.events.find('event-1'), {
      status: 'completed',
      runCount: 3,
      completedAt: at(2),
    })
    assert.lengthOf(notices.of('event:completed'), 1)
  })
})

test.group('Tick | firings that the store refuses', () => {
  test('a store that reads and takes no writes is no fault of the events', async ({ assert }) => {
    const { clock, memory, loop, chaos, executions, counters } = setup()
    await addEvent(memory, clock)
    await addEvent(memory, clock, { id: 'event-2' })
    const error = new E_STORAGE_UNAVAILABLE(['events.fire', 'database is locked'])
    chaos.fail('events.fire', { times: Number.POSITIVE_INFINITY, error })
    await assert.rejects(() => loop.tick(), /database is locked/)
    assert.equal(chaos.calls('events.fire'), 1)
    assert.equal(counters.get('events.problems'), 0)

    chaos.heal()
    await loop.tick()
    assert.lengthOf(await executions('event-1'), 1)
    assert.lengthOf(await executions('event-2'), 1)
  })

  test('one at fault is reported, the others of its batch are fired', async ({ assert }) => {
    const { clock, memory, loop, chaos, executions, logger } = setup()
    for (const id of ['a', 'b', 'c']) {
      await addEvent(memory, clock, { id, trigger: once })
    }
    // The batch, then the first of it alone
    chaos.fail('events.fire', { times: 2 })
    await loop.tick()

    assert.isEmpty(await executions('a'))
    assert.lengthOf(await executions('b'), 1)
    assert.lengthOf(await executions('c'), 1)
    assert.deepEqual(logger.of('error'), ['Event "a" cannot be fired'])

    await loop.tick()
    assert.lengthOf(await executions('a'), 1)
  })

  test('a store that is away is no fault of the events', async ({ assert }) => {
    const { clock, memory, loop, chaos, logger } = setup()
    await addEvent(memory, clock, { trigger: once })
    chaos.fail('events.fire')
    chaos.fail('now')

    await assert.rejects(() => loop.tick(), /now failed on demand/)
    assert.isEmpty(logger.of('error'))
  })
})
