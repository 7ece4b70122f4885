import { test } from '@japa/runner'
import { EventManager } from '../../src/events/event_manager.ts'
import type { LegacySourceInput } from '../../src/legacy/config.ts'
import { ScheduleSync, type ScheduleTarget } from '../../src/legacy/schedule_sync.ts'
import { MemoryStorage } from '../../src/storage/memory/main.ts'
import { TriggerManager } from '../../src/triggers/trigger_manager.ts'
import type { EventRecord } from '../../src/types/events.ts'
import type { HandlerDefinition } from '../../src/types/handlers.ts'
import type { AlmanacEvents, Notifier } from '../../src/types/notifications.ts'
import { legacyGroup } from '../helpers/legacy_group.ts'
import type { LegacyDatabase } from '../helpers/legacy_database.ts'
import { legacySource, ManualClock, NOW, openSource, RecordingLogger } from './support.ts'

/** The sync of one legacy source into a real event manager. */
async function world(
  input: Partial<LegacySourceInput> = {},
  prepare: (database: LegacyDatabase) => void = () => {}
) {
  const { database, connection, tables } = await openSource(input, prepare)
  const clock = new ManualClock(NOW)
  const storage = new MemoryStorage({ clock })
  const synced: AlmanacEvents['source:synced'][] = []
  const notifier: Notifier = {
    emit(name, data) {
      if (name === 'source:synced') {
        synced.push(data as AlmanacEvents['source:synced'])
      }
    },
  }
  const logger = new RecordingLogger()
  const events = new EventManager({
    storage,
    triggers: new TriggerManager(),
    notifier,
    clock,
    logger,
    config: { maxPayload: 10_000, maxMeta: 1_000, profiles: {} },
    handlers: {
      has: (name) => name === 'legacy.flow',
      get: () => ({ queue: 'default', priority: 5 }) as HandlerDefinition,
      nameOf: String,
    },
    wake: () => {},
  })
  const syncWith = (change: Partial<LegacySourceInput> = input) =>
    new ScheduleSync({
      source: legacySource(change),
      connection,
      tables,
      target: events,
      logger,
    })
  const sync = syncWith()
  const find = async (mapref: string): Promise<EventRecord> => {
    const event = await events.findByName(mapref, 'legacy:dw')
    if (!event) {
      throw new Error(`no event for ${mapref}`)
    }
    return event
  }
  return { database, storage, events, sync, syncWith, synced, find, logger, connection, tables }
}

/** Dates as the texts that an owner may have chosen to keep. */
function loosen({ place }: LegacyDatabase): void {
  place.loosen('DWJOBSCH', 'STRTDT')
  place.loosen('DWJOBSCH', 'ENDDT')
}

const counts = (outcome: Awaited<ReturnType<ScheduleSync['run']>>) => ({
  added: outcome.added.length,
  changed: outcome.changed.length,
  removed: outcome.removed.length,
  unchanged: outcome.unchanged,
})

legacyGroup('Schedule sync', () => {
  test('a current row becomes an event of its source', async ({ assert }) => {
    const { database, sync, find } = await world({ timezone: 'Europe/Berlin' }, loosen)
    database.insertSchedule({
      JOBSCHID: 7,
      MAPREF: 'DIM_STORE',
      FRQCD: 'WK',
      FRQDD: 'TUE',
      FRQHH: '06',
      FRQMI: '30',
      STRTDT: '2026-01-01 10:15:20',
      ENDDT: '2026-12-31',
    })
    assert.deepEqual(counts(await sync.run()), { added: 1, changed: 0, removed: 0, unchanged: 0 })
    const event = await find('DIM_STORE')
    assert.deepInclude(event, {
      source: 'legacy:dw',
      sourceKey: 'DIM_STORE',
      handler: 'legacy.flow',
      overlap: 'wait',
      concurrencyKey: 'legacy:dw:DIM_STORE',
      status: 'active',
      nextRunAt: Date.parse('2026-03-03T05:30:00Z'),
    })
    assert.deepEqual(event.payload, { source: 'dw', mapref: 'DIM_STORE', jobschid: 7 })
    assert.deepInclude(event.trigger, {
      kind: 'frequency',
      code: 'WK',
      day: 'TUE',
      timezone: 'Europe/Berlin',
      end: '2026-12-31T23:59:59',
    })
  })

  test('the dialect of the source decides what a code means: {dialect}')
    .with([
      { dialect: 'standard', nextRunAt: '2026-03-09T06:30:00Z' },
      { dialect: 'dbms_scheduler', nextRunAt: '2026-03-09T06:30:20Z' },
      { dialect: 'apscheduler', nextRunAt: '2026-03-02T06:30:00Z' },
    ] as const)
    .run(async ({ assert }, { dialect, nextRunAt }) => {
      const { database, sync, find } = await world({ dialect })
      database.insertSchedule({
        JOBSCHID: 7,
        MAPREF: 'DIM_STORE',
        FRQCD: 'FN',
        FRQDD: 'MON',
        FRQHH: '06',
        FRQMI: '30',
        STRTDT: '2026-02-23 00:00:20',
      })
      const { problems } = await sync.run()

      assert.deepEqual(problems, [])
      const event = await find('DIM_STORE')
      assert.deepInclude(event.trigger, { kind: 'frequency', code: 'FN', dialect })
      assert.equal(event.nextRunAt, Date.parse(nextRunAt))
    })

  test('a code that only apscheduler takes is a problem to the others', async ({ assert }) => {
    for (const dialect of ['standard', 'dbms_scheduler', 'apscheduler'] as const) {
      const { database, sync } = await world({ dialect })
      database.insertSchedule({ JOBSCHID: 7, MAPREF: 'A', FRQCD: 'XX' })
      const { problems, added } = await sync.run()
      assert.equal(problems.length, dialect === 'apscheduler' ? 0 : 1, dialect)
      assert.lengthOf(added, 1 - problems.length)
    }
  })

  test('an unchanged table changes nothing, our own writes included', async ({ assert }) => {
    const { database, sync, connection, tables, find } = await world()
    database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A' })
    await sync.run()
    await tables.schedules.markRun(connection.session, 1, { lastRun: NOW, nextRun: NOW + 1 })
    database.execute("update DWJOBSCH set RECUPDT = '2026-03-01 00:00:00', STFLG = 'X'")
    const before = await find('A')
    assert.deepEqual(counts(await sync.run()), { added: 0, changed: 0, removed: 0, unchanged: 1 })
    assert.deepEqual(await find('A'), before)
  })

  test('an edit of {0} in place is seen at the next sync')
    .with<[string, string | number | null][]>([
      ['JOBFLWID', 99],
      ['FRQCD', 'ID'],
      ['FRQDD', '3'],
      ['FRQHH', '7'],
      ['FRQMI', '5'],
      ['STRTDT', '2026-02-01 00:00:00'],
      ['ENDDT', '2027-01-01 00:00:00'],
      ['SCHFLG', 'N'],
      ['DPND_JOBSCHID', 4],
    ])
    .run(async ({ assert }, [column, value]) => {
      const { database, sync, find } = await world()
      database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A' })
      await sync.run()
      const before = await find('A')
      database.execute(`update DWJOBSCH set ${column} = ?`, value)
      assert.deepInclude(counts(await sync.run()), { changed: 1 })
      const after = await find('A')
      assert.notEqual(after.sourceHash, before.sourceHash)
      assert.equal(after.id, before.id)
      assert.equal(after.status, column === 'SCHFLG' ? 'paused' : 'active')
    })

  test('a new version updates the event of its MAPREF', async ({ assert }) => {
    const { database, sync, find } = await world()
    database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A', FRQHH: '6' })
    await sync.run()
    const before = await find('A')
    database.execute("update DWJOBSCH set CURFLG = 'N'")
    database.insertSchedule({ JOBSCHID: 2, MAPREF: 'A', FRQHH: '8' })
    await sync.run()
    const after = await find('A')
    assert.equal(after.id, before.id)
    assert.deepInclude(after.payload, { jobschid: 2 })
    assert.equal(after.nextRunAt, Date.parse('2026-03-02T08:00:00Z'))
  })

  test('disable, enable and removal', async ({ assert }) => {
    const { database, sync, find } = await world()
    database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A' })
    database.insertSchedule({ JOBSCHID: 2, MAPREF: 'B', SCHFLG: 'N' })
    database.insertSchedule({ JOBSCHID: 3, MAPREF: 'C', SCHFLG: null })
    await sync.run()
    assert.deepInclude(await find('B'), { status: 'paused', statusBy: 'source' })
    assert.deepInclude(await find('C'), { status: 'paused', statusBy: 'source' })

    database.execute("update DWJOBSCH set SCHFLG = 'N' where MAPREF = 'A'")
    database.execute("update DWJOBSCH set SCHFLG = 'Y' where MAPREF = 'B'")
    await sync.run()
    assert.deepInclude(await find('A'), { status: 'paused' })
    assert.deepInclude(await find('B'), { status: 'active' })

    database.execute("delete from DWJOBSCH where MAPREF = 'B'")
    await sync.run()
    assert.deepInclude(await find('B'), { status: 'paused' }, 'its history stays with it')
  })

  test('of two current rows the higher JOBSCHID counts, and the other is reported', async ({
    assert,
  }) => {
    const { database, sync, find, synced } = await world()
    database.insertSchedule({ JOBSCHID: 5, MAPREF: 'A', FRQHH: '5' })
    database.insertSchedule({ JOBSCHID: 9, MAPREF: 'A', FRQHH: '9' })
    database.insertSchedule({ JOBSCHID: 7, MAPREF: 'A', FRQHH: '7' })
    const { problems } = await sync.run()
    const winner = await find('A')
    assert.deepInclude(winner.payload, { jobschid: 9 })
    assert.deepEqual(
      problems.map(({ key, message }) => [key, /JOBSCHID \d+/.exec(message)?.[0]]),
      [
        ['A', 'JOBSCHID 5'],
        ['A', 'JOBSCHID 7'],
      ]
    )
    assert.match(problems[0].message, /JOBSCHID 7 is current too and counts/)
    assert.deepEqual(synced[0].problems, problems)
  })

  test('a bad row is reported alone, the others are synced: {0}')
    .with<[string, Record<string, string | null>, RegExp][]>([
      ['unknown code', { FRQCD: 'XX' }, /FRQCD "?'?XX/],
      ['no code', { FRQCD: null }, /FRQCD/],
      ['impossible day', { FRQCD: 'MN', FRQDD: '32' }, /32/],
      ['no weekday', { FRQCD: 'WK', FRQDD: null }, /day/],
      ['hour', { FRQHH: '25' }, /25/],
      ['text for a number', { FRQMI: 'x' }, /FRQMI/],
      ['start', { STRTDT: 'soon' }, /STRTDT: "soon" is no date/i],
      ['no start', { STRTDT: null }, /STRTDT/],
      ['end', { ENDDT: '2026-02-30' }, /ENDDT: "2026-02-30" is no date/i],
    ])
    .run(async ({ assert }, [, change, message]) => {
      const { database, sync, events, find, synced, storage } = await world({}, loosen)
      database.insertSchedule({ JOBSCHID: 1, MAPREF: 'BAD', ...change })
      database.insertSchedule({ JOBSCHID: 2, MAPREF: 'GOOD' })
      const { problems } = await sync.run()

      assert.lengthOf(problems, 1)
      assert.equal(problems[0].key, 'BAD')
      assert.match(problems[0].message, /^schedule of MAPREF "BAD" \(JOBSCHID 1\): /)
      assert.match(problems[0].message, message)
      assert.deepInclude(await find('GOOD'), { status: 'active' })
      assert.isNull(await events.findByName('BAD', 'legacy:dw'))
      assert.deepEqual(synced[0].problems, problems)
      const journal = await storage.journal.read({ after: 0, limit: 100 })
      const entry = journal.find(({ kind }) => kind === 'source.problem')
      assert.deepInclude(entry, { subject: 'legacy:dw', actor: 'legacy:dw' })
    })

  test('a row that turns bad leaves its event as it was; disabled, it pauses it', async ({
    assert,
  }) => {
    const { database, sync, find } = await world()
    database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A' })
    await sync.run()
    const before = await find('A')
    database.execute("update DWJOBSCH set FRQCD = 'XX'")
    await sync.run()
    assert.deepEqual(await find('A'), before)

    database.execute("update DWJOBSCH set SCHFLG = 'N'")
    const { problems } = await sync.run()
    assert.deepEqual(problems, [])
    assert.deepInclude(await find('A'), { status: 'paused' })

    database.execute("update DWJOBSCH set SCHFLG = 'Y', FRQCD = 'DL'")
    await sync.run()
    assert.deepInclude(await find('A'), { status: 'active' })
  })

  test('rows without MAPREF are reported by their id', async ({ assert }) => {
    const { database, sync } = await world()
    database.insertSchedule({ JOBSCHID: 4, MAPREF: null })
    database.insertSchedule({ JOBSCHID: 5, MAPREF: '  ' })
    const { problems, added } = await sync.run()
    assert.sameMembers(
      problems.map(({ key }) => key),
      ['JOBSCHID 4', 'JOBSCHID 5']
    )
    assert.lengthOf(added, 0)
  })

  test('a child keeps its own slots, unless config says no', async ({ assert }) => {
    const { database, sync, syncWith, find } = await world()
    database.insertSchedule({ JOBSCHID: 1, MAPREF: 'PARENT' })
    database.insertSchedule({ JOBSCHID: 2, MAPREF: 'CHILD', DPND_JOBSCHID: 1 })
    await sync.run()
    assert.deepInclude(await find('CHILD'), { status: 'active' })

    await syncWith({ dependents: { ownSlots: false } }).run()
    assert.deepInclude(await find('CHILD'), { status: 'paused' })
    assert.deepInclude(await find('PARENT'), { status: 'active' })
  })

  test('another zone in config is a change of every event', async ({ assert }) => {
    const { database, sync, syncWith, find } = await world()
    database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A' })
    await sync.run()
    assert.deepInclude(await find('A'), { nextRunAt: Date.parse('2026-03-02T06:00:00Z') })
    await syncWith({ timezone: 'Asia/Tokyo' }).run()
    assert.deepInclude(await find('A'), { nextRunAt: Date.parse('2026-03-01T21:00:00Z') })
  })

  test('two sources with one MAPREF have two events', async ({ assert }) => {
    const { database, sync, events, connection, tables, logger } = await world()
    database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A' })
    const south = new ScheduleSync({
      source: { ...legacySource(), name: 'south' },
      connection,
      tables,
      target: events,
      logger,
    })
    await sync.run()
    await south.run()
    const [one, two] = await Promise.all(
      ['legacy:dw', 'legacy:south'].map((source) => events.findByName('A', source))
    )
    assert.notEqual(one?.id, two?.id)
    assert.equal(two?.concurrencyKey, 'legacy:south:A')
  })

  test('every row of a large table is synced', async ({ assert }) => {
    const { database, sync } = await world()
    const daily = { FRQCD: 'DL', FRQHH: '6', FRQMI: '0', STRTDT: '2026-01-01 00:00:00' }
    const rows = Array.from({ length: 1500 }, (_, index) => ({
      JOBSCHID: index + 1,
      MAPREF: `M${index}`,
      CURFLG: 'Y',
      SCHFLG: 'Y',
      ...daily,
    }))
    database.insertMany('DWJOBSCH', rows)
    assert.deepInclude(counts(await sync.run()), { added: 1500 })
    assert.deepInclude(counts(await sync.run()), { unchanged: 1500 })
  })
})

legacyGroup('Schedule sync | calls at once', () => {
  /** A target whose syncs end when the test says so. */
  function heldTarget() {
    const seen: string[][] = []
    const gates: PromiseWithResolvers<void>[] = []
    const target: ScheduleTarget = {
      async syncSource(_source, definitions) {
        seen.push(definitions.map(({ key }) => key))
        const gate = Promise.withResolvers<void>()
        gates.push(gate)
        arrived.shift()?.resolve()
        await gate.promise
        return { added: [], changed: [], removed: [], unchanged: 0, problems: [] }
      },
    }
    const arrived: PromiseWithResolvers<void>[] = []
    const arrival = () => {
      const next = Promise.withResolvers<void>()
      arrived.push(next)
      return next.promise
    }
    return { target, seen, gates, arrival }
  }

  test('a call during a sync gets one that begins after it', async ({ assert }) => {
    const { database, connection, tables } = await openSource()
    const { target, seen, gates, arrival } = heldTarget()
    const deps = {
      source: legacySource(),
      connection,
      tables,
      target,
      logger: new RecordingLogger(),
    }
    const sync = new ScheduleSync(deps)
    database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A' })

    const first = arrival()
    const running = sync.run()
    await first
    database.insertSchedule({ JOBSCHID: 2, MAPREF: 'B' })
    const second = arrival()
    const following = [sync.run(), sync.run()]
    gates[0].resolve()
    await running
    await second
    gates[1].resolve()
    await Promise.all(following)
    assert.deepEqual(seen, [['A'], ['A', 'B']])
  })

  test('a sync that fails holds up no later one', async ({ assert }) => {
    const { connection, tables } = await openSource()
    const { target, seen, gates, arrival } = heldTarget()
    const deps = {
      source: legacySource(),
      connection,
      tables,
      target,
      logger: new RecordingLogger(),
    }
    const sync = new ScheduleSync(deps)
    const first = arrival()
    const running = sync.run()
    await first
    const second = arrival()
    const following = sync.run()
    gates[0].reject(new Error('store away'))
    await assert.rejects(() => running, 'store away')
    await second
    gates[1].resolve()
    await following
    assert.lengthOf(seen, 2)
  })
})
