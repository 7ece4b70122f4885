import { test } from '@japa/runner'
import { MemoryStorage } from '../../src/storage/memory/main.ts'
import { ChaosStorage, createTestAlmanac, ManualClock } from '../../src/testing/main.ts'
import type { EventInput } from '../../src/types/events.ts'
import type { HandlerContext } from '../../src/types/handlers.ts'

const START = Date.parse('2026-01-05T12:00:00Z')
const HOUR = 3_600_000
const at = (hours: number) => START + hours * HOUR
const hourly = { kind: 'interval', every: '1h' } as const

/** A scheduler with an hourly event whose misfire policy runs nothing late. */
async function setup(input: Partial<EventInput> = {}) {
  const clock = new ManualClock(START)
  const storage = new ChaosStorage(new MemoryStorage({ clock }))
  const ran: (number | null)[] = []
  let broken = false
  const handlers = {
    load: ({ slot }: HandlerContext) => {
      ran.push(slot === null ? null : (slot - START) / HOUR)
      if (broken) {
        throw new Error('it broke')
      }
    },
  }
  const t = await createTestAlmanac({ clock, storage, handlers, config: { retry: false } })
  const { almanac } = t
  const definition = { name: 'load', handler: 'load', trigger: hourly, misfire: 'skip', ...input }
  const event = await almanac.events.create(definition as EventInput)
  return {
    ...{ t, almanac, clock, storage, ran, event },
    /** Nobody works for so many hours; then one tick. */
    miss: async (hours: number) => {
      await clock.advance(hours * HOUR - HOUR / 2)
      return almanac.tick()
    },
    fail: (fails: boolean) => (broken = fails),
    /** Hours of the slots by state: `missed` as first-last. */
    slots: async () => {
      const window = { eventId: event.id, from: 0, to: at(10_000) }
      const rows = await storage.executions.listSlots(window)
      return rows.map(({ state, slot, slotLast, slotCount }) => {
        const [first, last] = [slot, slotLast].map((each) => (each - START) / HOUR)
        return slotCount === 1 ? `${state} ${first}` : `${state} ${first}-${last} (${slotCount})`
      })
    },
  }
}

test.group('Backfill | what was missed', () => {
  test('queues the missed slots of the window and splits their range', async ({ assert }) => {
    const { almanac, t, miss, slots, ran, event } = await setup()
    await miss(10)
    assert.deepEqual(await slots(), ['missed 1-9 (9)'])
    const report = await almanac.backfill(event.id, { from: at(3), to: at(5), by: 'ann' })
    assert.containSubset(report, { slots: 3, queued: 3, missed: 3, created: 0, pending: 0 })
    assert.lengthOf(report.executions, 3)
    assert.deepEqual(await slots(), [
      'missed 1-2 (2)',
      'queued 3',
      'queued 4',
      'queued 5',
      'missed 6-9 (4)',
    ])
    await t.tick()
    assert.deepEqual(ran, [3, 4, 5])
    const entries = await t.storage.journal.read({ after: 0, limit: 100 })
    const entry = entries.find(({ kind }) => kind === 'slots.backfilled')!
    assert.containSubset(entry, { actor: 'ann', subject: event.id })
    assert.containSubset(entry.after, { missed: 3, from: '2026-01-05T15:00:00.000Z' })
    assert.lengthOf(t.recorder.of('execution:queued'), 3)
  })

  test('executions and missed counts go on being all slots, window by window', async ({
    assert,
  }) => {
    const { almanac, miss, slots, event, t } = await setup()
    await miss(30)
    for (const [from, to] of [
      [10, 12],
      [1, 2],
      [29, 40],
      [11, 20],
    ]) {
      await almanac.backfill(event.id, { from: at(from), to: at(to) })
      const rows = await t.storage.executions.listSlots({ eventId: event.id, from: 0, to: at(99) })
      const total = rows.reduce((sum, { slotCount }) => sum + slotCount, 0)
      assert.equal(total, 29)
      const keys = rows.map(({ slotKey }) => slotKey)
      assert.lengthOf(new Set(keys), rows.length)
    }
    const all = await almanac.backfill(event.id, { from: at(0), to: at(40) })
    assert.equal(all.missed + (all.left.queued ?? 0), 29)
    assert.equal(all.created, 1, 'the slot of the start itself never was')
    const rest = await slots()
    assert.isEmpty(rest.filter((slot) => slot.startsWith('missed')))
  })

  test('newest first, when asked', async ({ assert }) => {
    const { almanac, t, miss, ran, event } = await setup()
    await miss(5)
    await almanac.backfill(event.id, { from: at(1), to: at(4), order: 'newest' })
    await t.tick()
    assert.deepEqual(ran, [4, 3, 2, 1])
  })

  test('the second backfill of a window finds nothing to do', async ({ assert }) => {
    const { almanac, miss, event, t } = await setup()
    await miss(4)
    const window = { from: at(1), to: at(3) }
    await almanac.backfill(event.id, window)
    const again = await almanac.backfill(event.id, window)
    assert.containSubset(again, { slots: 3, queued: 0, left: { queued: 3 } })
    await t.tick()
    const last = await almanac.backfill(event.id, window)
    assert.containSubset(last, { queued: 0, left: { succeeded: 3 } })
  })

  test('a dry run tells the same and writes nothing', async ({ assert }) => {
    const { almanac, t, miss, slots, event } = await setup()
    await miss(4)
    const before = await t.storage.journal.lastId()
    const dry = await almanac.backfill(event.id, { from: at(-1), dryRun: true })
    assert.containSubset(dry, { dryRun: true, queued: 5, missed: 3, created: 2, executions: [] })
    assert.deepEqual(await slots(), ['missed 1-3 (3)'])
    assert.equal(await t.storage.journal.lastId(), before)
  })

  test('a tick that lengthens the range meanwhile is planned with', async ({ assert }) => {
    const { almanac, storage, clock, miss, slots, event } = await setup()
    await miss(4)
    const release = storage.hold('executions.backfill')
    const backfilling = almanac.backfill(event.id, { from: at(2), to: at(2) })
    await clock.settle()
    await clock.advance(2 * HOUR)
    await almanac.tick()
    release()
    await backfilling
    assert.deepEqual(await slots(), ['missed 1', 'queued 2', 'missed 3-5 (3)'])
  })
})

test.group('Backfill | slots that never were, and slots that ran', () => {
  test('inserts slots from before the event was created', async ({ assert }) => {
    const { almanac, t, ran, slots, event } = await setup()
    const report = await almanac.backfill(event.id, { from: at(-3), to: at(-1) })
    assert.containSubset(report, { created: 3, missed: 0 })
    assert.deepEqual(await slots(), ['queued -3', 'queued -2', 'queued -1'])
    await t.tick()
    assert.deepEqual(ran, [-3, -2, -1])
    const after = await almanac.events.get(event.id)
    assert.equal(after.runCount, 0)
  })

  test('what ran is left, unless it is to run again', async ({ assert }) => {
    const { almanac, t, ran, fail, event } = await setup()
    await t.tick('1h')
    fail(true)
    await t.tick('1h')
    fail(false)
    const window = { from: at(1), to: at(2) }
    const left = await almanac.backfill(event.id, window)
    assert.containSubset(left, { queued: 0, left: { succeeded: 1, failed: 1 } })

    const failed = await almanac.backfill(event.id, { ...window, rerun: 'failed' })
    assert.containSubset(failed, { queued: 1, reruns: 1, left: { succeeded: 1 } })
    const rerun = await almanac.executions.get(failed.executions[0])
    assert.containSubset(rerun, { origin: 'backfill', slot: at(2), slotKey: null })
    const [first] = await almanac.history({ states: ['failed'] })
    assert.equal(rerun.rerunOf, first.id)
    const open = await almanac.backfill(event.id, { ...window, rerun: true })
    assert.containSubset(open, { reruns: 1, left: { queued: 1 } })
    await t.tick()
    assert.deepEqual(ran, [1, 2, 2, 1])
    const over = await almanac.backfill(event.id, { ...window, rerun: 'failed' })
    assert.containSubset(over, { queued: 0, left: { succeeded: 2 } })
  })

  test('what is not decided yet is left to the loop, and to the resume', async ({ assert }) => {
    const { almanac, clock, slots, event } = await setup()
    await clock.advance(3 * HOUR)
    const due = await almanac.backfill(event.id, { from: at(0) })
    assert.containSubset(due, { slots: 4, queued: 1, created: 1, pending: 3 })
    assert.deepEqual(await slots(), ['queued 0'])
    await almanac.events.pause(event.id)
    assert.containSubset(await almanac.backfill(event.id, { from: at(1) }), { pending: 3 })
    await almanac.events.resume(event.id)
    assert.containSubset(await almanac.backfill(event.id, { from: at(1) }), { missed: 3 })
  })

  test('a range of another trigger is left alone', async ({ assert }) => {
    const { almanac, miss, slots, event } = await setup()
    await miss(5)
    await almanac.events.update(event.id, { trigger: { kind: 'interval', every: '30m' } })
    const report = await almanac.backfill(event.id, { from: at(1), to: at(2) })
    assert.containSubset(report, { slots: 3, created: 2, missed: 0, left: { missed: 1 } })
    assert.deepEqual(await slots(), ['missed 1-4 (4)', 'queued 1.5', 'queued 2'])
  })
})

test.group('Backfill | at once', () => {
  test('one at a time by default, over all nodes', async ({ assert }) => {
    const { almanac, storage, miss, event } = await setup({ overlap: 'allow' })
    await miss(6)
    await almanac.backfill(event.id, { from: at(1), to: at(5) })
    const claim = (node: string) =>
      storage.executions.claim({ now: at(9), limit: 9, handlers: ['load'], node, lease: HOUR })
    const claimed = [...(await claim('a.1')), ...(await claim('b.1'))]
    assert.lengthOf(claimed, 1)
  })

  test('as many as was said, over all nodes and backfills', async ({ assert }) => {
    const { almanac, storage, miss, event } = await setup({ overlap: 'allow' })
    await miss(9)
    await almanac.backfill(event.id, { from: at(1), to: at(4), concurrency: 3 })
    await almanac.backfill(event.id, { from: at(5), to: at(8), concurrency: 3 })
    const claim = (node: string) =>
      storage.executions.claim({ now: at(9), limit: 2, handlers: ['load'], node, lease: HOUR })
    const claimed = [...(await claim('a.1')), ...(await claim('b.1')), ...(await claim('c.1'))]
    assert.lengthOf(claimed, 3)
  })

  test('an event whose runs never overlap stays so, and its slots go first', async ({ assert }) => {
    const { almanac, t, miss, ran, event } = await setup({ misfire: 'once' })
    await assert.rejects(
      () => almanac.backfill(event.id, { from: at(1), concurrency: 2 }),
      /concurrency \(2\): the runs of this event share one key/
    )
    await miss(4)
    await almanac.runOnce()
    await almanac.backfill(event.id, { from: at(1), to: at(2) })
    await t.tick('1h')
    assert.deepEqual(ran, [3, 4, 1, 2])
  })
})

test.group('Backfill | refusals', () => {
  test('too many slots', async ({ assert }) => {
    const { almanac, event } = await setup()
    await assert.rejects(
      () => almanac.backfill(event.id, { from: '2020-01-01T00:00:00Z' }),
      /Event "load" has more than 10000 slots in this window: that many lie before 2021-02-20T16/
    )
  })

  test('every problem of the options at once', async ({ assert }) => {
    const { almanac, event } = await setup()
    const options = { from: 'soon', order: 'any', rerun: 'maybe', priority: 11, since: 1 } as never
    const error = await almanac.backfill(event.id, options).catch((reason: Error) => reason)
    for (const field of ['from (soon)', 'order (any)', 'rerun (maybe)', 'priority (11)', 'since']) {
      assert.include((error as Error).message, field)
    }
    await assert.rejects(
      () => almanac.backfill(event.id, { from: at(2), to: at(1) }),
      /to .*it lies before from/
    )
    await assert.rejects(() => almanac.backfill('nobody', { from: 0 }), /no event "nobody"/)
    await almanac.events.cancel(event.id)
    await assert.rejects(() => almanac.backfill(event.id, { from: 0 }), /is cancelled/)
  })
})
