import { test } from '@japa/runner'
import { createTestAlmanac, ManualClock, type TestAlmanac } from '../../src/testing/main.ts'
import { MemoryStorage } from '../../src/storage/memory/main.ts'
import type { EventInput } from '../../src/types/events.ts'

const START = Date.parse('2026-01-05T12:00:00Z')
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const at = (hours: number) => START + hours * HOUR

async function setup(config = {}, storage?: MemoryStorage) {
  const handlers = { load: () => 1, slow: () => 1 }
  const t = await createTestAlmanac({ handlers, config, storage })
  const create = (name: string, input: Partial<EventInput> = {}) =>
    t.almanac.events.create({
      name,
      handler: 'load',
      trigger: { kind: 'interval', every: '1h' },
      ...input,
    } as EventInput)
  return { t, almanac: t.almanac, create }
}

/** Some run of a handler that took so long. */
async function took({ storage, clock }: TestAlmanac, handler: string, ms: number) {
  const now = clock.now()
  const execution = { id: `${handler} ${ms}`, handler, queue: 'default', priority: 5 }
  const rest = { eventId: null, origin: 'enqueue', payload: null, slot: null, slotKey: null }
  const keys = { rerunOf: null, dedupeKey: null, concurrencyKey: null, availableAt: null }
  const limits = { timeout: null, retries: null }
  const executions = [{ ...execution, ...rest, ...keys, ...limits } as never]
  await storage.executions.insertRunning({ now, executions, node: 'n.1', lease: HOUR })
  const fence = { id: execution.id, node: 'n.1', attempt: 1 }
  const settlement = { ...fence, to: 'succeeded' as const, startedAt: now - ms }
  await storage.executions.settle({ now, settlements: [settlement] })
}

test.group('Forecast | runs', () => {
  test('all runs of all events in order, one day ahead by default', async ({ assert }) => {
    const { almanac, create } = await setup()
    await create('a', { trigger: { kind: 'interval', every: '6h' } })
    await create('b', { trigger: { kind: 'interval', every: '8h' } })
    const { runs, from, to, truncated, completeTo } = await almanac.forecast()
    assert.deepEqual(
      runs.map((run) => [run.name, (run.at - START) / HOUR]),
      [
        ['b', 4],
        ['a', 6],
        ['a', 12],
        ['b', 12],
        ['a', 18],
        ['b', 20],
      ].sort(([a, x], [b, y]) => Number(x) - Number(y) || (a < b ? -1 : 1))
    )
    assert.deepEqual([from, to, completeTo, truncated], [START, at(24), at(24), false])
  })

  test('paused events are marked and make no load; ended ones are left out', async ({ assert }) => {
    const { almanac, create } = await setup()
    const paused = await create('paused')
    await almanac.events.pause(paused.id)
    const cancelled = await create('cancelled')
    await almanac.events.cancel(cancelled.id)
    const { runs, hours } = await almanac.forecast({ to: at(2) })
    assert.deepEqual(
      runs.map((run) => [run.name, run.paused]),
      [['paused', true]]
    )
    assert.containSubset(hours, [{ at: at(1), runs: 0, paused: 1, work: 0, peak: 0 }])
  })

  test('maxRuns ends an event; a window further on counts what runs before it', async ({
    assert,
  }) => {
    const { almanac, create } = await setup()
    await create('a', { maxRuns: 5 })
    const near = await almanac.forecast({ to: at(50) })
    assert.lengthOf(near.runs, 5)
    const far = await almanac.forecast({ from: at(4), to: at(50) })
    assert.deepEqual(
      far.runs.map((run) => run.at),
      [at(4), at(5)]
    )
  })

  test('more than the limit: it says so, and is whole up to an instant', async ({ assert }) => {
    const { almanac, create } = await setup()
    const a = await create('a', { trigger: { kind: 'interval', every: '10m' } })
    await create('b', { trigger: { kind: 'interval', every: '1s' } })
    const cut = await almanac.forecast({ limit: 100 })
    assert.lengthOf(cut.runs, 100)
    assert.deepEqual([cut.truncated, cut.completeTo], [true, START + 101_000])
    const one = await almanac.forecast({ limit: 20, event: a.id })
    assert.deepEqual([one.truncated, one.completeTo], [true, at(3)])
    assert.lengthOf(one.runs, 17)
    assert.isTrue(one.runs.every((run) => run.at < one.completeTo))
    const whole = await almanac.forecast({ limit: 17, event: a.id, to: at(3) })
    assert.isFalse(whole.truncated)
  })

  test('more events than it looks at: those that come next are whole', async ({ assert }) => {
    const { almanac, t } = await setup()
    const listed = t.storage.events.list.bind(t.storage.events)
    const { id } = await almanac.events.create({
      name: 'a',
      handler: 'load',
      trigger: { kind: 'interval', every: '1h' },
    })
    const event = await almanac.events.get(id)
    const copies = (count: number) =>
      Array.from({ length: count }, (_, n) => ({
        ...{ ...event, id: `e${n}`, name: `e${n}` },
        nextRunAt: at(n < 10_000 ? 1 : 3),
      }))
    t.storage.events.list = async (query) =>
      query.limit === 10_001 ? copies(10_001) : listed(query)
    const ahead = await almanac.forecast({ limit: 100_000 })
    assert.deepEqual([ahead.truncated, ahead.completeTo], [true, at(3)])
    assert.lengthOf(ahead.runs, 20_000)
    assert.isTrue(ahead.runs.every((run) => run.at < at(3)))
  })

  test('an event that plain SQL made invalid is told of, and has no run', async ({ assert }) => {
    const storage = new MemoryStorage({ clock: new ManualClock(START) })
    const { almanac, create } = await setup({}, storage)
    const { id } = await create('broken')
    storage.tamper(id, { priority: 77 })
    await almanac.once()
    const { runs, problems } = await almanac.forecast()
    assert.lengthOf(runs, 0)
    assert.match(problems[0].message, /priority \(77\)/)
  })

  test("a trigger that cannot be computed stands in nobody else's way", async ({ assert }) => {
    const { t, almanac, create } = await setup()
    await create('good')
    const bad = await create('bad')
    await t.storage.events.update({
      now: START,
      id: bad.id,
      expectedVersion: 1,
      patch: { trigger: { kind: 'cron', expression: 'broken', timezone: 'UTC' } },
    })
    const { runs, problems } = await almanac.forecast({ to: at(2) })
    assert.deepEqual(
      runs.map(({ name }) => name),
      ['good']
    )
    assert.containSubset(problems, [{ eventId: bad.id, name: 'bad' }])
  })
})

test.group('Forecast | load', () => {
  test('hour by hour, with the durations of the last two weeks', async ({ assert }) => {
    const { t, almanac, create } = await setup()
    await took(t, 'load', 10 * MINUTE)
    await took(t, 'load', 30 * MINUTE)
    await create('a')
    await create('new', { handler: 'slow' })
    const { runs, hours } = await almanac.forecast({ to: at(3) })
    assert.deepEqual(
      runs
        .slice(0, 2)
        .map(({ name, duration }) => [name, duration])
        .sort(),
      [
        ['a', 20 * MINUTE],
        ['new', null],
      ]
    )
    const load = { runs: 2, paused: 0, work: 20 * MINUTE, peak: 1 }
    assert.deepEqual(hours, [
      { at: at(1), local: '2026-01-05T13:00', ...load },
      { at: at(2), local: '2026-01-05T14:00', ...load },
    ])
  })

  test('hours are those of the zone, and work goes on into the next', async ({ assert }) => {
    const { t, almanac, create } = await setup()
    await took(t, 'load', 45 * MINUTE)
    await create('a', { trigger: { kind: 'once', at: at(1) } })
    const { hours } = await almanac.forecast({ to: at(3), timezone: 'Asia/Kolkata' })
    assert.deepEqual(hours, [
      { at: at(0.5), local: '2026-01-05T18:00', runs: 1, paused: 0, work: 30 * MINUTE, peak: 1 },
      { at: at(1.5), local: '2026-01-05T19:00', runs: 0, paused: 0, work: 15 * MINUTE, peak: 1 },
    ])
  })

  test('a repeated hour is two, and a shift of half an hour is passed', async ({ assert }) => {
    const { t, almanac, create } = await setup()
    await took(t, 'load', 30 * MINUTE)
    await create('a', { trigger: { kind: 'interval', every: '30m' }, overlap: 'allow' })
    const berlin = await almanac.forecast({
      from: '2026-10-24T23:00:00Z',
      to: '2026-10-25T03:00:00Z',
      timezone: 'Europe/Berlin',
    })
    assert.deepEqual(
      berlin.hours.map(({ local, runs }) => [local.slice(11), runs]),
      [
        ['01:00', 2],
        ['02:00', 2],
        ['02:00', 2],
        ['03:00', 2],
      ]
    )
    const island = await almanac.forecast({
      from: '2026-10-03T13:00:00Z',
      to: '2026-10-03T18:00:00Z',
      timezone: 'Australia/Lord_Howe',
    })
    assert.equal(
      island.hours.reduce((sum, { work }) => sum + work, 0),
      5 * HOUR
    )
  })

  test('tells where more would run at once than fit', async ({ assert }) => {
    const { t, almanac, create } = await setup({ concurrency: 2 })
    await took(t, 'load', 20 * MINUTE)
    for (const name of ['a', 'b', 'c']) {
      await create(name)
    }
    const two = await almanac.forecast({ to: at(2) })
    assert.equal(two.concurrency, 2)
    assert.deepEqual(two.over, [{ from: at(1), to: at(1) + 20 * MINUTE, peak: 3 }])
    const three = await almanac.forecast({ to: at(2), concurrency: 3 })
    assert.deepEqual(three.over, [])
    await t.storage.nodes.beat({
      now: START,
      node: { id: 'n.1', name: 'n', host: 'h', pid: 1, info: { concurrency: 5 } },
    })
    const nodes = await almanac.forecast({ to: at(2) })
    assert.equal(nodes.concurrency, 5)
  })

  test('a jitter spreads the runs of one slot', async ({ assert }) => {
    const { almanac, create, t } = await setup()
    await took(t, 'load', MINUTE)
    for (let n = 0; n < 40; n++) {
      await create(`e${n}`, { trigger: { kind: 'interval', every: '2h', jitter: '1h' } })
    }
    const { runs, over } = await almanac.forecast({ to: at(3), concurrency: 15 })
    assert.lengthOf(runs, 40)
    assert.isTrue(runs.every((run) => run.at === at(2) && run.overlap === null))
    assert.isAbove(new Set(runs.map((run) => run.availableAt)).size, 20)
    assert.isEmpty(over)
  })

  test('runs of one event wait for each other, or are missed', async ({ assert }) => {
    const { t, almanac, create } = await setup()
    await took(t, 'load', 150 * MINUTE)
    const overlaps = async (event: { id: string }) => {
      const { runs } = await almanac.forecast({ to: at(6), event: event.id })
      return runs.map(({ overlap }) => overlap)
    }
    const [wait, skip, allow] = [
      await create('wait'),
      await create('skip', { overlap: 'skip' }),
      await create('allow', { overlap: 'allow' }),
    ]
    assert.deepEqual(await overlaps(wait), [null, 'waits', 'missed', 'waits', 'missed'])
    assert.deepEqual(await overlaps(skip), [null, 'missed', 'missed', null, 'missed'])
    assert.deepEqual(await overlaps(allow), [null, null, null, null, null])
  })
})

test.group('Forecast | options', () => {
  test('every problem at once', async ({ assert }) => {
    const { almanac } = await setup()
    const options = { from: 'soon', timezone: 'Mars', limit: 0, concurrency: 0, until: 1 } as never
    const error = (await almanac.forecast(options).catch((reason: Error) => reason)) as Error
    for (const field of ['from', 'timezone (Mars)', 'limit (0)', 'concurrency (0)', 'until']) {
      assert.include(error.message, field)
    }
    await assert.rejects(() => almanac.forecast({ to: START - 1 }), /it does not lie after from/)
    await assert.rejects(() => almanac.forecast({ to: at(9_000) }), /more than 366 days/)
  })

  test('only of one source', async ({ assert }) => {
    const { almanac, create } = await setup()
    await create('a')
    const trigger = { kind: 'interval', every: '1h' } as const
    const definition = { name: 'b', handler: 'load', trigger, key: 'b', hash: '1' }
    await almanac.syncSource('other', [definition], { missing: 'delete' })
    const { runs } = await almanac.forecast({ source: 'other', to: at(2) })
    assert.deepEqual(
      runs.map(({ name }) => name),
      ['b']
    )
  })
})
