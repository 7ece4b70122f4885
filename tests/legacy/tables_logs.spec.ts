import { test } from '@japa/runner'
import { E_LEGACY_FLOW } from '../../src/errors.ts'
import { emptyParams } from '../../src/legacy/params.ts'
import { charactersThatFit, legacyGroup } from '../helpers/legacy_group.ts'
import { NOW, openSource } from './support.ts'

const RUN = {
  prcid: 7,
  jobid: 3,
  jobflwid: 4,
  mapref: 'DIM_STORE',
  sessionid: 7_000_000_000_000_001,
  params: { ...emptyParams(), param1: 'north', param10: 'é'.repeat(300) },
  now: NOW,
}

legacyGroup('Run table', (kind) => {
  test('a run in progress is one row with its parameters, cut to their columns', async ({
    assert,
  }) => {
    const { database, tables, connection } = await openSource()
    await tables.processLogs.insertInProgress(connection.session, RUN)
    const [row] = database.rows('select * from DWPRCLOG')
    assert.deepInclude(row, {
      PRCID: 7,
      JOBID: 3,
      JOBFLWID: 4,
      MAPREF: 'DIM_STORE',
      STATUS: 'IP',
      STRTDT: '2026-03-01 12:00:00.250',
      ENDDT: null,
      RECCRDT: '2026-03-01 12:00:00',
      SESSIONID: 7_000_000_000_000_001,
      PARAM1: 'north',
      PARAM2: null,
      PARAM10: 'é'.repeat(charactersThatFit(kind, 250, 2)),
    })
  })

  test('close ends a run once, with the texts cut to their columns', async ({ assert }) => {
    const { database, tables, connection } = await openSource()
    const { session } = connection
    await tables.processLogs.insertInProgress(session, RUN)
    const end = {
      prcid: 7,
      status: 'FL',
      now: NOW + 1000,
      message: '€'.repeat(500),
      log: 'x'.repeat(5000),
      sourceRows: 10,
      targetRows: 9,
    } as const
    assert.isTrue(await tables.processLogs.close(session, end))
    assert.isFalse(await tables.processLogs.close(session, { ...end, status: 'PC' }))
    assert.isFalse(await tables.processLogs.close(session, { ...end, prcid: 8 }))
    const [row] = database.rows('select * from DWPRCLOG')
    assert.deepInclude(row, {
      STATUS: 'FL',
      ENDDT: '2026-03-01 12:00:01.250',
      RECUPDT: '2026-03-01 12:00:01',
      MSG: '€'.repeat(charactersThatFit(kind, 400, 3)),
      PRCLOG: 'x'.repeat(4000),
      SRCROWS: 10,
      TRGROWS: 9,
    })
  })

  test('an end without counts or message leaves these columns', async ({ assert }) => {
    const { database, tables, connection } = await openSource()
    await tables.processLogs.insertInProgress(connection.session, RUN)
    await tables.processLogs.close(connection.session, { prcid: 7, status: 'PC', now: NOW })
    const [row] = database.rows('select * from DWPRCLOG')
    assert.deepInclude(row, { STATUS: 'PC', MSG: null, SRCROWS: null })
  })

  test('progress columns are used only where they exist', async ({ assert }) => {
    const { database, tables, connection } = await openSource({}, (legacy) => {
      legacy.execute(
        'alter table DWPRCLOG drop column SRCROWS; alter table DWPRCLOG drop column TRGROWS'
      )
    })
    const { session } = connection
    await tables.processLogs.insertInProgress(session, RUN)
    assert.isTrue(
      await tables.processLogs.close(session, {
        prcid: 7,
        status: 'PC',
        now: NOW,
        sourceRows: 1,
        targetRows: 1,
      })
    )
    assert.equal(database.rows('select STATUS from DWPRCLOG')[0].STATUS, 'PC')
  })

  test('find reads a run back', async ({ assert }) => {
    const { database, tables, connection } = await openSource({ timezone: 'Europe/Berlin' })
    const { session } = connection
    assert.isNull(await tables.processLogs.find(session, 7))
    await tables.processLogs.insertInProgress(session, RUN)
    assert.equal(database.rows('select STRTDT from DWPRCLOG')[0].STRTDT, '2026-03-01 13:00:00.250')
    assert.deepEqual(await tables.processLogs.find(session, 7), {
      prcid: 7,
      mapref: 'DIM_STORE',
      jobid: 3,
      jobflwid: 4,
      status: 'IP',
      startedAt: NOW,
      endedAt: null,
      message: null,
      sessionid: 7_000_000_000_000_001,
    })
  })

  test('foreign runs in progress block for 24 hours, ours and ended ones never', async ({
    assert,
  }) => {
    const { database, tables, connection } = await openSource({}, (legacy) =>
      legacy.place.loosen('DWPRCLOG', 'STRTDT')
    )
    const add = (prcid: number, status: string, start: string | null) =>
      database.insert('DWPRCLOG', {
        PRCID: prcid,
        MAPREF: `M${prcid}`,
        STATUS: status,
        STRTDT: start,
        SESSIONID: prcid * 10,
      })
    add(1, 'IP', '2026-03-01 11:59:00')
    add(2, 'IP', '2026-02-28 12:00:00')
    add(3, 'IP', '2026-02-28 12:00:01')
    add(4, 'PC', '2026-03-01 11:59:00')
    add(5, 'IP', '2026-03-01 11:59:00')
    add(6, 'IP', null)
    add(7, 'IP', 'last week')

    const { session } = connection
    const blocking = await tables.processLogs.listBlocking(session, { now: NOW, ours: [5] })
    assert.deepEqual(
      blocking.map(({ prcid }) => prcid),
      [1, 3, 6, 7]
    )
    assert.deepEqual(blocking[0], {
      prcid: 1,
      mapref: 'M1',
      startedAt: Date.parse('2026-03-01T11:59:00Z'),
      sessionid: 10,
    })
    const running = await tables.processLogs.listInProgress(session)
    assert.lengthOf(running, 6)
  })
})

legacyGroup('Count table', () => {
  const counts = {
    jobLogId: 1,
    prcid: 7,
    jobid: 3,
    mapref: 'A',
    sessionid: 1,
    sourceRows: 12,
    targetRows: 11,
    errorRows: 1,
    now: NOW,
  }

  test('one row per run, unless the logic wrote its own', async ({ assert }) => {
    const { database, tables, connection } = await openSource()
    const { session } = connection
    assert.isTrue(await tables.jobLogs.insertIfNone(session, counts))
    assert.isFalse(await tables.jobLogs.insertIfNone(session, { ...counts, jobLogId: 2 }))

    database.insert('DWJOBLOG', { JOBLOGID: 9, PRCID: 8 })
    assert.isTrue(await tables.jobLogs.existsFor(session, 8))
    assert.isFalse(await tables.jobLogs.existsFor(session, 9))
    assert.isFalse(await tables.jobLogs.insertIfNone(session, { ...counts, jobLogId: 3, prcid: 8 }))

    const [row] = database.rows('select * from DWJOBLOG where PRCID = 7')
    assert.deepEqual(row, {
      JOBLOGID: 1,
      PRCDT: '2026-03-01 12:00:00',
      JOBID: 3,
      MAPREF: 'A',
      SRCROWS: 12,
      TRGROWS: 11,
      ERRROWS: 1,
      RECCRDT: '2026-03-01 12:00:00',
      PRCID: 7,
      SESSIONID: 1,
    })
  })
})

legacyGroup('Error table', (kind) => {
  test('the messages are cut to their columns', async ({ assert }) => {
    const { database, tables, connection } = await openSource()
    const { session } = connection
    assert.isFalse(await tables.jobErrors.existsFor(session, 7))
    await tables.jobErrors.insert(session, {
      jobLogId: 1,
      errorId: 2,
      prcid: 7,
      jobid: null,
      mapref: 'A',
      sessionid: 1,
      type: 'CONSTRAINT_VIOLATION',
      dbMessage: 'ü'.repeat(5000),
      message: 'x'.repeat(401),
      now: NOW,
    })
    assert.isTrue(await tables.jobErrors.existsFor(session, 7))
    const [row] = database.rows('select * from DWJOBERR')
    assert.deepInclude(row, {
      JOBLOGID: 1,
      ERRID: 2,
      ERRTYP: 'CONSTRAINT',
      DBERRMSG: 'ü'.repeat(charactersThatFit(kind, 4000, 2)),
      ERRMSG: 'x'.repeat(400),
      KEYVALUE: null,
      PRCDT: '2026-03-01 12:00:00',
    })
  })
})

legacyGroup('Flow table', () => {
  test('the active flow of a MAPREF is the current one that is switched on', async ({ assert }) => {
    const { database, tables, connection } = await openSource()
    const { session } = connection
    database.insertFlow({ JOBFLWID: 1, MAPREF: 'A', CURFLG: 'N' })
    database.insertFlow({ JOBFLWID: 2, MAPREF: 'A', STFLG: 'I' })
    database.insertFlow({ JOBFLWID: 3, MAPREF: 'A', JOBID: 30, DWLOGIC: 'delete from T' })
    database.insertFlow({ JOBFLWID: 4, MAPREF: 'B' })
    database.insertFlow({ JOBFLWID: 5, MAPREF: 'B' })

    const flow = {
      jobflwid: 3,
      jobid: 30,
      mapref: 'A',
      trgschm: 'MAIN',
      trgtbtyp: 'TBL',
      trgtbnm: 'TARGET',
      dwlogic: 'delete from T',
    }
    assert.deepEqual(await tables.flows.active(session, 'A'), { kind: 'active', flow })
    assert.deepEqual(await tables.flows.activeFlow(session, 'A'), flow)
    assert.deepEqual(await tables.flows.active(session, 'B'), { kind: 'many', ids: [4, 5] })
    assert.deepEqual(await tables.flows.active(session, 'C'), { kind: 'none' })
  })

  test('no flow, or several, is an error that says where to look', async ({ assert }) => {
    const { database, tables, connection } = await openSource()
    const { session } = connection
    database.insertFlow({ JOBFLWID: 4, MAPREF: 'B' })
    database.insertFlow({ JOBFLWID: 5, MAPREF: 'B' })
    database.insertFlow({ JOBFLWID: 6, MAPREF: 'C', STFLG: 'I' })
    await assert.rejects(
      () => tables.flows.activeFlow(session, 'C'),
      /MAPREF "C": DWJOBFLW has no active row for it \(CURFLG = 'Y' and STFLG = 'A'\)/i
    )
    await assert.rejects(
      () => tables.flows.activeFlow(session, 'D'),
      /MAPREF "D": the MAPREF is unknown: DWJOBFLW has no row for it/i
    )
    const several = await tables.flows.activeFlow(session, 'B').catch((error: unknown) => error)
    assert.instanceOf(several, E_LEGACY_FLOW)
    assert.match((several as Error).message, /has 2 active rows .*: 4, 5; keep one/)
  })
})

legacyGroup('Schedule table', () => {
  test('current rows are listed with their wall clocks', async ({ assert }) => {
    const { database, tables, connection } = await openSource({}, (legacy) => {
      legacy.place.loosen('DWJOBSCH', 'STRTDT')
      legacy.place.loosen('DWJOBSCH', 'ENDDT')
    })
    database.insertSchedule({ JOBSCHID: 2, MAPREF: 'B', FRQCD: 'ID', FRQHH: null, FRQMI: '15' })
    database.insertSchedule({
      JOBSCHID: 1,
      MAPREF: 'A',
      FRQDD: 'MON',
      ENDDT: '2026-12-31',
      DPND_JOBSCHID: 2,
      SCHFLG: 'N',
    })
    database.insertSchedule({ JOBSCHID: 3, MAPREF: 'A', CURFLG: 'N' })
    database.insertSchedule({ JOBSCHID: 4, MAPREF: 'C', STRTDT: 'soon', ENDDT: 'never' })

    const rows = await tables.schedules.listCurrent(connection.session)
    assert.deepEqual(
      rows.map((row) => row.jobschid),
      [1, 2, 4]
    )
    assert.deepEqual(rows[0], {
      jobschid: 1,
      jobflwid: 1,
      mapref: 'A',
      frqcd: 'DL',
      frqdd: 'MON',
      frqhh: '6',
      frqmi: '0',
      strtdt: '2026-01-01T00:00:00',
      enddt: '2026-12-31',
      current: true,
      schflg: 'N',
      enabled: false,
      dpndJobschid: 2,
      nextRun: null,
      problems: [],
    })
    assert.isNull(rows[1].frqhh)
    assert.lengthOf(rows[2].problems, 2)
    assert.match(rows[2].problems[0], /^STRTDT: "soon" is no date/i)
  })

  test('any version is found by its id, the current one by its MAPREF', async ({ assert }) => {
    const { database, tables, connection } = await openSource()
    const { session } = connection
    database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A', CURFLG: 'N' })
    database.insertSchedule({ JOBSCHID: 2, MAPREF: 'A' })
    database.insertSchedule({ JOBSCHID: 3, MAPREF: 'A' })

    assert.deepInclude(await tables.schedules.findById(session, 1), { current: false })
    assert.isNull(await tables.schedules.findById(session, 99))
    assert.deepInclude(await tables.schedules.findCurrent(session, 'A'), { jobschid: 3 })
    assert.isNull(await tables.schedules.findCurrent(session, 'Z'))
  })

  test('children are found through every version of their parent', async ({ assert }) => {
    const { database, tables, connection } = await openSource()
    database.insertSchedule({ JOBSCHID: 1, MAPREF: 'P', CURFLG: 'N' })
    database.insertSchedule({ JOBSCHID: 2, MAPREF: 'P' })
    database.insertSchedule({ JOBSCHID: 10, MAPREF: 'OLD_LINK', DPND_JOBSCHID: 1 })
    database.insertSchedule({ JOBSCHID: 11, MAPREF: 'NEW_LINK', DPND_JOBSCHID: 2 })
    database.insertSchedule({ JOBSCHID: 12, MAPREF: 'TWICE', DPND_JOBSCHID: 1 })
    database.insertSchedule({ JOBSCHID: 13, MAPREF: 'TWICE', DPND_JOBSCHID: 2 })
    database.insertSchedule({ JOBSCHID: 16, MAPREF: 'MOVED', DPND_JOBSCHID: 2 })
    database.insertSchedule({ JOBSCHID: 17, MAPREF: 'MOVED', DPND_JOBSCHID: 10 })
    database.insertSchedule({ JOBSCHID: 14, MAPREF: 'GONE', DPND_JOBSCHID: 1, CURFLG: 'N' })
    database.insertSchedule({ JOBSCHID: 15, MAPREF: 'OTHER', DPND_JOBSCHID: 10 })

    const children = await tables.schedules.listChildren(connection.session, 'P')
    assert.deepEqual(
      children.map((row) => [row.mapref, row.jobschid]),
      [
        ['OLD_LINK', 10],
        ['NEW_LINK', 11],
        ['TWICE', 13],
      ]
    )
    assert.deepEqual(await tables.schedules.listChildren(connection.session, 'NONE'), [])
  })

  test('the last and the next run are kept where their columns exist', async ({ assert }) => {
    const { database, tables, connection } = await openSource({ timezone: 'Europe/Berlin' })
    const { session } = connection
    database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A' })
    assert.isTrue(tables.schedules.keepsRunTimes)
    assert.isTrue(
      await tables.schedules.markRun(session, 1, { lastRun: NOW, nextRun: NOW + 3_600_000 })
    )
    assert.isFalse(await tables.schedules.markRun(session, 2, { lastRun: NOW }))
    const read = () => database.rows('select LST_RUN_DT, NXT_RUN_DT from DWJOBSCH')[0]
    assert.deepEqual(read(), {
      LST_RUN_DT: '2026-03-01 13:00:00.250',
      NXT_RUN_DT: '2026-03-01 14:00:00.250',
    })
    await tables.schedules.markRun(session, 1, { nextRun: null })
    assert.deepEqual(read(), { LST_RUN_DT: '2026-03-01 13:00:00.250', NXT_RUN_DT: null })
  })

  test('an older table without these columns is left alone', async ({ assert }) => {
    const { database, tables, connection } = await openSource({}, (legacy) => {
      legacy.execute(
        `alter table DWJOBSCH drop column LST_RUN_DT; alter table DWJOBSCH drop column NXT_RUN_DT;
         alter table DWJOBSCH drop column STFLG`
      )
    })
    database.insert('DWJOBSCH', { JOBSCHID: 1, MAPREF: 'A', CURFLG: 'Y', SCHFLG: 'Y' })
    assert.isFalse(tables.schedules.keepsRunTimes)
    assert.isFalse(await tables.schedules.markRun(connection.session, 1, { lastRun: NOW }))
    assert.lengthOf(await tables.schedules.listCurrent(connection.session), 1)
  })
})
