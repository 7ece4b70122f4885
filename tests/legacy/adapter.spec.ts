import { test, getActiveTest } from '@japa/runner'
import { Counters } from '../../src/counters.ts'
import { LegacyAdapter } from '../../src/legacy/adapter.ts'
import { resolveLegacyConfig, type LegacySourceInput } from '../../src/legacy/config.ts'
import type { LegacyClient } from '../../src/legacy/tables/client.ts'
import { TestAlmanac } from '../../src/testing/main.ts'
import { activeKind, legacyGroup, PatientClock } from '../helpers/legacy_group.ts'
import {
  createLegacyDatabase,
  legacyDriver,
  type LegacyDatabase,
} from '../helpers/legacy_database.ts'

const NOON = Date.UTC(2026, 0, 5, 12)

type Row = Record<string, string | number | null>

async function open(): Promise<{ database: LegacyDatabase; test: TestAlmanac }> {
  const database = await createLegacyDatabase({ kind: activeKind() })
  const almanac = new TestAlmanac({
    clock: new PatientClock(NOON),
    config: { retry: { retries: 0 } },
  })
  getActiveTest()?.cleanup(async () => {
    await almanac[Symbol.asyncDispose]()
    await database.cleanup()
  })
  return { database, test: almanac }
}

function attach(
  { almanac, clock, logger }: TestAlmanac,
  client: LegacyClient,
  options: Partial<LegacySourceInput> & { name?: string } = {}
): LegacyAdapter {
  const { name = 'dw', ...source } = options
  const runners = { sql: true }
  const input = { connection: 'warehouse', timezone: 'UTC', runners, ...source }
  const config = resolveLegacyConfig({ sources: { [name]: input } }).sources.get(name)!
  const deps = { client, driver: legacyDriver, clock, logger, counters: new Counters() }
  const adapter = new LegacyAdapter({ scheduler: almanac, config, ...deps })
  adapter.attach()
  return adapter
}

legacyGroup('Legacy adapter | in the scheduler', () => {
  test('a schedule fires, runs, and leaves its rows', async ({ assert }) => {
    const { database, test: t } = await open()
    database.execute('create table LEDGER (PRCID bigint)')
    database.insertFlow({ MAPREF: 'A', DWLOGIC: 'insert into LEDGER values (:prcid)' })
    const jobschid = database.insertSchedule({
      MAPREF: 'A',
      FRQCD: 'DL',
      FRQHH: '13',
      FRQMI: '30',
      STRTDT: '2026-01-01 00:00:00',
    })
    const adapter = attach(t, database.client())
    const outcome = await adapter.sync()
    assert.lengthOf(outcome.added, 1)
    assert.isEmpty(await t.tick('1h'))
    assert.lengthOf(await t.tick('30m'), 1)

    const [row] = database.rows<Row>('select * from DWPRCREQ')
    assert.containSubset(row, { REQUEST_ID: `S:${jobschid}:202601051330`, STATUS: 'DONE' })
    const [run] = database.rows<Row>('select * from DWPRCLOG')
    assert.containSubset(run, { STATUS: 'PC', MAPREF: 'A' })
    assert.deepEqual(database.rows('select * from LEDGER'), [{ PRCID: run.PRCID }])
    const [event] = await t.almanac.events.list({ source: 'legacy:dw' })
    assert.containSubset(event, { name: 'A', lastOutcome: 'succeeded' })
  })

  test('a slot that ran elsewhere is missed', async ({ assert }) => {
    const { database, test: t } = await open()
    database.insertFlow({ MAPREF: 'A' })
    database.insertSchedule({ JOBSCHID: 5, MAPREF: 'A', FRQHH: '13', FRQMI: '0' })
    await attach(t, database.client()).sync()
    database.insertRequest({ REQUEST_ID: 'S:5:202601051300', MAPREF: 'A', STATUS: 'DONE' })
    const [id] = await t.tick('1h')
    assert.containSubset(await t.almanac.executions.find(id), {
      state: 'missed',
      reason: 'ran elsewhere',
    })
    assert.isEmpty(database.rows('select * from DWPRCLOG'))
  })

  test('two sources of one app share the handler and nothing else', async ({ assert }) => {
    const { database, test: t } = await open()
    const other = await createLegacyDatabase({ kind: activeKind() })
    getActiveTest()?.cleanup(() => other.cleanup())
    for (const each of [database, other]) {
      each.insertFlow({ MAPREF: 'A' })
      each.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
      each.insertSchedule({ MAPREF: 'A' })
    }
    const adapters = [
      attach(t, database.client(), { name: 'east' }),
      attach(t, other.client(), { name: 'west', connection: 'west' }),
    ]
    await Promise.all(adapters.map((adapter) => adapter.sync()))
    await t.tick()
    for (const each of [database, other]) {
      assert.equal(each.rows<Row>('select STATUS from DWPRCREQ')[0].STATUS, 'DONE')
      assert.lengthOf(each.rows('select * from DWPRCLOG'), 1)
    }
    const events = await t.almanac.events.list({})
    assert.sameMembers(
      events.map(({ source }) => source),
      ['legacy:east', 'legacy:west']
    )
  })

  test('working: it syncs, recovers and takes requests by itself', async ({ assert }) => {
    const { database, test: t } = await open()
    database.insertFlow({ MAPREF: 'A' })
    database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const adapter = attach(t, database.client(), { pollInterval: '1s', syncInterval: '10s' })
    const closed = { source: 'dw', open: false, notes: [], running: [], left: {} }
    assert.deepEqual(adapter.status(), closed)
    await t.almanac.start()
    await t.recorder.waitFor('execution:succeeded')
    assert.containSubset(adapter.status(), { open: true, running: [] })

    database.insertSchedule({ MAPREF: 'A' })
    await t.clock.advance(11_000)
    await t.recorder.waitFor('source:synced', ({ added }) => added === 1)
    await t.almanac.stop({ deadline: 0 })
  })

  test('a missing table stops the start and is named', async ({ assert }) => {
    const { database, test: t } = await open()
    attach(t, database.client(), { tables: { DWJOBSCH: { name: 'NOWHERE' } } })
    await assert.rejects(() => t.almanac.start(), /Legacy source "dw": table NOWHERE/)
  })

  test('a database that is away does not stop the start', async ({ assert }) => {
    const { database, test: t } = await open()
    database.insertFlow({ MAPREF: 'A' })
    database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    let down = true
    const client = new Proxy(database.client(), {
      get: (target, key) => {
        if (down && ['from', 'table', 'rawQuery'].includes(String(key))) {
          throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
        }
        const member: unknown = Reflect.get(target, key, target)
        return typeof member === 'function' ? member.bind(target) : member
      },
    })
    attach(t, client)
    await t.almanac.start()
    assert.isTrue(t.logger.messages('warn').some((text) => /cannot be reached yet/.test(text)))
    await t.clock.advance(2_000)
    down = false
    await t.clock.advance(10_000)
    await t.recorder.waitFor('execution:succeeded')
    assert.equal(database.rows<Row>('select STATUS from DWPRCREQ')[0].STATUS, 'DONE')
    await t.almanac.stop({ deadline: 0 })
  })

  test('without requests it is no source of work', async ({ assert }) => {
    const { database, test: t } = await open()
    database.insertFlow({ MAPREF: 'A' })
    database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    attach(t, database.client(), { requests: false })
    await t.tick()
    assert.equal(database.rows<Row>('select STATUS from DWPRCREQ')[0].STATUS, 'NEW')
  })

  test('a drain hands back what has not begun', async ({ assert }) => {
    const { database, test: t } = await open()
    const started = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    t.almanac.register('slow', async () => {
      started.resolve()
      await release.promise
    })
    database.insertFlow({ MAPREF: 'SLOW' })
    database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'SLOW' })
    attach(t, database.client(), { handlers: [{ mapref: 'SLOW', handler: 'slow' }] })
    await t.almanac.start()
    await started.promise
    const stopped = t.almanac.stop({ deadline: 5_000 })
    release.resolve()
    await t.clock.advance(100)
    await stopped
    assert.equal(database.rows<Row>('select STATUS from DWPRCREQ')[0].STATUS, 'DONE')
  })
})
