import { test } from '@japa/runner'
import { createTestAlmanac, ManualClock } from '../../src/testing/main.ts'
import type { EventInput, EventRecord } from '../../src/types/events.ts'
import type { Trigger } from '../../src/types/triggers.ts'

const START = Date.parse('2026-01-05T12:00:00Z')
const HOUR = 3_600_000
const hourly = { kind: 'interval', every: '1h' } as const

async function setup(start = START, config = {}) {
  const clock = new ManualClock(start)
  const t = await createTestAlmanac({ clock, handlers: { load: () => 1 }, config })
  const { almanac } = t
  const create = (name: string, input: Partial<EventInput> = {}) =>
    almanac.events.create({ name, handler: 'load', trigger: hourly, ...input } as EventInput)
  const lines = () => Array.fromAsync(almanac.export())
  return { t, almanac, clock, create, lines }
}

/** Events of every source and state. */
async function filled() {
  const from = await setup()
  const { almanac, create } = from
  const payload = { text: 'a "quoted"\nline, ünïcode', list: [1, null, { deep: true }] }
  await create('full', {
    payload,
    queue: 'mail',
    priority: 2,
    misfire: { policy: 'all', grace: '5m', cap: 7 },
    overlap: 'skip',
    onResume: 'misfire',
    concurrencyKey: 'k',
    timeout: '2m',
    retries: 4,
    maxRuns: 9,
    trigger: {
      kind: 'calendar',
      unit: 'month',
      times: ['06:00'],
      timezone: 'Europe/Berlin',
      monthDays: [31],
      shortMonths: 'clamp',
      startsAt: '2026-01-01T00:00:00Z',
    },
  })
  const paused = await create('paused by hand')
  await almanac.events.pause(paused.id, 'ann')
  const cancelled = await create('cancelled')
  await almanac.events.cancel(cancelled.id)
  const definition = (name: string) => ({ name, handler: 'load', trigger: hourly, key: name })
  const sync = (...names: string[]) =>
    almanac.syncSource(
      'legacy:dw',
      names.map((name) => ({ ...definition(name), hash: `hash of ${name}` })),
      { missing: 'pause' }
    )
  await sync('full', 'gone')
  await sync('full')
  return from
}

const events = (lines: string[]) => lines.slice(1)
const facts = ({ name, source, status, statusBy }: EventRecord) => [name, source, status, statusBy]

test.group('Export and import | round trip', () => {
  test('gives the same lines again, sources and pauses included', async ({ assert }) => {
    const from = await filled()
    const lines = await from.lines()
    assert.deepEqual(JSON.parse(lines[0]), {
      almanac: 'events',
      format: 1,
      exportedAt: '2026-01-05T12:00:00.000Z',
    })
    const into = await setup(START + 100 * HOUR)
    const report = await into.almanac.import(lines)
    assert.containSubset(report, { applied: true, added: 5, refused: [], conflicts: [] })
    assert.deepEqual(events(await into.lines()), events(lines))
    const [old, moved] = [await from.almanac.events.list(), await into.almanac.events.list()]
    assert.deepEqual(moved.map(facts), old.map(facts))
    assert.includeDeepMembers(moved.map(facts), [
      ['gone', 'legacy:dw', 'paused', 'source'],
      ['paused by hand', 'api', 'paused', 'user'],
    ])
  })

  test('computes the next slots from now and runs nothing of the past', async ({ assert }) => {
    const from = await setup()
    await from.create('hourly')
    await from.create('once', { trigger: { kind: 'once', at: START + HOUR } })
    const later = START + 100.5 * HOUR
    const into = await setup(later)
    await into.almanac.import(await from.lines())
    const moved = await into.almanac.events.list()
    assert.deepEqual(
      moved.map(({ name, status, nextRunAt }) => [name, status, nextRunAt]),
      [
        ['hourly', 'active', START + 101 * HOUR],
        ['once', 'completed', null],
      ]
    )
    await into.t.tick()
    assert.deepEqual(await into.almanac.history(), [])
  })

  test('runs the past where it is told to', async ({ assert }) => {
    const from = await setup()
    await from.create('hourly')
    const paused = await from.create('paused')
    await from.almanac.events.pause(paused.id)
    const into = await setup(START + 10.5 * HOUR)
    const backfillFrom = START + 8 * HOUR
    const report = await into.almanac.import(await from.lines(), { backfillFrom })
    assert.equal(report.backfilled, 3)
    const runs = await into.almanac.history()
    assert.isTrue(runs.every(({ origin, state }) => origin === 'backfill' && state === 'queued'))
  })

  test('what bounds the runs goes along', async ({ assert }) => {
    const from = await setup()
    await from.create('three times', { maxRuns: 3 })
    await from.t.tick('1h')
    await from.t.tick('1h')
    const into = await setup(START + 10 * HOUR)
    await into.almanac.import(await from.lines())
    await into.t.tick('1h')
    await into.t.tick('1h')
    const [event] = await into.almanac.events.list()
    assert.containSubset(event, { runCount: 3, status: 'completed' })
  })

  test('the same import again finds unchanged what ended by it', async ({ assert }) => {
    const from = await setup()
    await from.create('once', { trigger: { kind: 'once', at: '2026-01-05T13:00:00Z' } })
    const lines = await from.lines()
    const into = await setup(START + 2 * HOUR)
    assert.containSubset(await into.almanac.import(lines), { added: 1 })
    const ended = await into.almanac.events.findByName('once')
    assert.equal(ended?.status, 'completed')
    assert.containSubset(await into.almanac.import(lines), { applied: true, unchanged: 1 })
  })

  test('a skipped slot stays skipped, in another store and when it is replaced', async ({
    assert,
  }) => {
    const from = await setup()
    const { id } = await from.create('skipped')
    const { nextRunAt } = await from.almanac.events.skipNext(id, 'ann')
    const lines = await from.lines()
    const into = await setup()
    await into.almanac.import(lines)
    const moved = await into.almanac.events.get(id)
    assert.equal(moved.nextRunAt, nextRunAt)
    assert.containSubset(await into.almanac.import(lines), { unchanged: 1 })

    const other = JSON.stringify({ ...JSON.parse(lines[1]), priority: 3, skippedSlot: null })
    await from.almanac.import([lines[0], other], { onConflict: 'replace' })
    const after = await from.almanac.events.get(id)
    assert.deepEqual([after.priority, after.nextRunAt], [3, nextRunAt])
  })

  test('every field goes along', async ({ assert }) => {
    const config = {
      calendars: { holidays: { dates: ['01-06'] } },
      profiles: { north: { region: 'north' } },
    }
    const trigger: Trigger = {
      kind: 'cron',
      expression: '0 6 * * *',
      timezone: 'Europe/Berlin',
      gap: 'shift',
      overlap: 'both',
      jitter: '5m',
      exclude: { calendars: ['holidays'], dates: ['12-24'], policy: 'next' },
    }
    const rest = { profile: 'north', meta: { owner: 'ann' }, subject: 'north', tags: ['a', 'b'] }
    const from = await setup(START, config)
    await from.create('all', { trigger, payload: { rows: 2 }, ...rest })
    const lines = await from.lines()
    const into = await setup(START, config)
    assert.containSubset(await into.almanac.import(lines), { added: 1, refused: [] })
    assert.deepEqual(events(await into.lines()), events(lines))

    const bare = await setup()
    const { refused } = await bare.almanac.import(lines)
    assert.sameMembers(
      refused.map(({ field, value }) => `${field} ${value}`),
      ['profile north', 'trigger.exclude.calendars[0] holidays']
    )
  })

  test('a source finds its events unchanged', async ({ assert }) => {
    const from = await setup()
    from.almanac.schedule({ name: 'in code', handler: 'load', trigger: hourly })
    await from.almanac.once()
    const into = await setup()
    await into.almanac.import(await from.lines())
    const [before] = await into.almanac.events.list()
    into.almanac.schedule({ name: 'in code', handler: 'load', trigger: hourly })
    await into.almanac.once()
    assert.deepEqual(await into.almanac.events.list(), [before])
  })
})

test.group('Export and import | conflicts', () => {
  /** A store with an event that differs from the exported one, and one that does not. */
  async function conflicting() {
    const from = await setup()
    await from.create('same')
    await from.create('other', { priority: 3 })
    await from.create('new')
    const lines = await from.lines()
    const into = await setup()
    await into.almanac.import(lines.filter((line) => line.includes('"same"') || line === lines[0]))
    const mine = await into.create('other', { priority: 7 })
    return { into, lines, mine }
  }

  test('are named, and nothing at all is imported by default', async ({ assert }) => {
    const { into, lines, mine } = await conflicting()
    const report = await into.almanac.import(lines)
    assert.containSubset(report, { applied: false, added: 0, unchanged: 1 })
    const line = lines.findIndex((each) => each.includes('"other"')) + 1
    assert.deepEqual(report.conflicts, [
      { line, name: 'other', source: 'api', eventId: mine.id, by: 'name' },
    ])
    assert.lengthOf(await into.almanac.events.list(), 2)
  })

  test('skip leaves what is there', async ({ assert }) => {
    const { into, lines, mine } = await conflicting()
    const report = await into.almanac.import(lines, { onConflict: 'skip' })
    assert.containSubset(report, { applied: true, added: 1, skipped: 1, unchanged: 1 })
    assert.deepEqual(await into.almanac.events.get(mine.id), mine)
  })

  test('replace changes the event that is there', async ({ assert }) => {
    const { into, lines, mine } = await conflicting()
    const report = await into.almanac.import(lines, { onConflict: 'replace', by: 'ann' })
    assert.containSubset(report, { applied: true, added: 1, replaced: 1, unchanged: 1 })
    const after = await into.almanac.events.get(mine.id)
    assert.containSubset(after, { priority: 3, version: 2 })
    const entries = await into.t.storage.journal.read({ after: 0, limit: 100 })
    assert.containSubset(entries.at(-1), {
      kind: 'event.updated',
      actor: 'ann',
      before: { priority: 7 },
      after: { priority: 3 },
    })
    const again = await into.almanac.import(lines, { onConflict: 'replace' })
    assert.containSubset(again, { added: 0, replaced: 0, unchanged: 3 })
  })

  test('replace brings the state along', async ({ assert }) => {
    const from = await setup()
    const paused = await from.create('a')
    await from.almanac.events.pause(paused.id)
    const lines = await from.lines()
    const into = await setup(START + HOUR)
    const cancelled = await into.create('a')
    await into.almanac.events.cancel(cancelled.id)
    await into.almanac.import(lines, { onConflict: 'replace' })
    const after = await into.almanac.events.get(cancelled.id)
    assert.containSubset(after, { status: 'paused', statusBy: 'user', pausedAt: START })
    assert.isNull(after.cancelledAt)
  })

  test('a dry run tells and writes nothing', async ({ assert }) => {
    const { into, lines } = await conflicting()
    const before = await into.lines()
    const report = await into.almanac.import(lines, { onConflict: 'replace', dryRun: true })
    assert.containSubset(report, { dryRun: true, added: 1, replaced: 1, unchanged: 1 })
    assert.deepEqual(await into.lines(), before)
  })

  test('a dry run names what the import would refuse', async ({ assert }) => {
    const { almanac, create, lines } = await setup()
    const { id } = await create('a')
    const { id: b } = await create('b')
    const [header, line] = await lines()
    const changed = (change: object) => JSON.stringify({ ...JSON.parse(line), ...change })
    const crossed = [header, changed({ name: 'b' }), changed({ sourceKey: 'c', enabled: false })]
    for (const dryRun of [true, false]) {
      const report = await almanac.import(crossed, { dryRun, onConflict: 'replace' })
      assert.containSubset(report, { replaced: 0, added: 0 })
      const told = report.refused.map(({ line: at, field }) => `${at} ${field}`)
      assert.sameMembers(told, ['2 name', '3 enabled'])
      const { message } = report.refused.find(({ field }) => field === 'name')!
      assert.include(message, `event ${id} has its key, and ${b} its name`)
    }
  })

  test('of two lines with one id the second gets its own', async ({ assert }) => {
    const { almanac, create, lines } = await setup()
    await create('a')
    const [header, line] = await lines()
    const second = JSON.stringify({ ...JSON.parse(line), name: 'b', sourceKey: 'b' })
    const into = await setup()
    assert.containSubset(await into.almanac.import([header, line, second]), {
      added: 2,
      refused: [],
    })
    assert.lengthOf(await into.almanac.events.list(), 2)
    await almanac.shutdown()
  })

  test('an id that belongs to another event stays with it', async ({ assert }) => {
    const from = await setup()
    const a = await from.create('a')
    const lines = await from.lines()
    await from.almanac.events.update(a.id, { name: 'renamed' })
    const other = lines.map((line) => line.replace('"source":"api"', '"source":"api2"'))
    const report = await from.almanac.import(other)
    assert.equal(report.added, 1)
    const both = await from.almanac.events.list()
    const ids = both.map(({ id }) => id)
    assert.lengthOf(new Set(ids), 2)
    assert.include(ids, a.id)
  })
})

test.group('Export and import | bad lines', () => {
  test('each is refused alone, with line, field, value and remedy', async ({ assert }) => {
    const from = await setup()
    await from.create('a')
    await from.create('b')
    const [header, a, b] = await from.lines()
    const changed = (line: string, fields: object) =>
      JSON.stringify({ ...(JSON.parse(line) as object), ...fields })
    const lines = [
      `\uFEFF${header}`,
      '',
      a,
      '{broken',
      '[1]',
      changed(b, { priority: 99, status: 'asleep', colour: 'red' }),
      changed(b, { trigger: { kind: 'cron', expression: '99 * * * *', timezone: 'UTC' } }),
      a,
      changed(b, { handler: 'elsewhere' }),
    ]
    const into = await setup()
    const report = await into.almanac.import(lines)
    assert.equal(report.added, 2)
    assert.deepEqual(report.unknownHandlers, ['elsewhere'])
    assert.deepEqual(
      report.refused.map(({ line, field }) => [line, field]),
      [
        [4, 'line'],
        [5, 'line'],
        [6, 'status'],
        [6, 'colour'],
        [6, 'priority'],
        [7, 'trigger.expression'],
        [8, 'name'],
      ]
    )
    const [json, , status] = report.refused
    assert.match(json.message, /it is not JSON .*correct the line/)
    assert.deepEqual([json.value, status.value], ['{broken', 'asleep'])
    assert.match(status.message, /write "active" or "paused"/)
  })

  test('what is no export, or one of a newer version, is refused as a whole', async ({
    assert,
  }) => {
    const { almanac, create, lines } = await setup()
    await create('a')
    const [header, line] = await lines()
    const newer = header.replace('"format":1', '"format":2')
    await assert.rejects(() => almanac.import([newer, line]), /it has format 2, .* reads up to 1/)
    await assert.rejects(() => almanac.import([line]), /the first line must be the header/)
    await assert.rejects(() => almanac.import(['nonsense']), /the first line must be the header/)
    await assert.rejects(() => almanac.import([]), /there is no line in it/)
    await assert.rejects(
      () => almanac.import([header], { onConflict: 'ask', dry: true } as never),
      /onConflict \(ask\).*|dry \(true\)/
    )
  })
})

test.group('Export', () => {
  test('loses no event whose name several sources share, over pages', async ({ assert }) => {
    const { almanac, lines } = await setup()
    for (const source of ['s1', 's2', 's3']) {
      const definitions = Array.from({ length: 700 }, (_, n) => {
        const name = `event ${n % 500}${n < 500 ? '' : ' more'}`
        return { name, handler: 'load', trigger: hourly, key: name, hash: '1' }
      })
      await almanac.syncSource(source, definitions, { missing: 'delete' })
    }
    const exported = await lines()
    const all = events(exported).map((line) => JSON.parse(line) as EventRecord)
    assert.lengthOf(all, 2_100)
    assert.lengthOf(new Set(all.map(({ id }) => id)), 2_100)
    const one = await Array.fromAsync(almanac.export({ source: 's2' }))
    assert.lengthOf(one, 701)
  })
})
