import { test } from '@japa/runner'
import { legacyGroup } from '../helpers/legacy_group.ts'
import { DAILY, openFacade, problemsOf } from '../helpers/legacy_facade.ts'

const iso = (value: unknown) => String(value).slice(0, 19).replace('T', ' ')
const current = (rows: Record<string, unknown>[]) => rows.filter(({ CURFLG }) => CURFLG === 'Y')

legacyGroup('PKGDWPRC | createJobSchedule', () => {
  test('needs an active flow', async ({ assert }) => {
    const { pkgdwprc, database, schedules } = await openFacade()
    database.insertFlow({ MAPREF: 'OFF', STFLG: 'I' })
    const unknown = await problemsOf(() => pkgdwprc.createJobSchedule({ ...DAILY, mapref: 'NONE' }))
    assert.match(unknown.mapref, /the MAPREF is unknown.*create or activate its flow/)
    const off = await problemsOf(() => pkgdwprc.createJobSchedule({ ...DAILY, mapref: 'OFF' }))
    assert.match(off.mapref, /no active row/)
    assert.deepEqual(schedules(), [])
  })

  test('a first schedule is current, disabled, and gets a new JOBSCHID', async ({ assert }) => {
    const { pkgdwprc, database, schedules, state } = await openFacade({
      timezone: 'Europe/Berlin',
    })
    database.setPool('DWJOBSCHSEQ', 500)
    const saved = await pkgdwprc.createJobSchedule({ ...DAILY, enddt: '2999-12-31' })
    assert.deepEqual(saved, { jobschid: 501, status: 'CREATED' })
    const [row] = schedules()
    assert.containSubset(row, {
      JOBFLWID: 70,
      MAPREF: 'LOAD_SALES',
      FRQCD: 'DL',
      FRQDD: null,
      FRQHH: '6',
      FRQMI: '30',
      STFLG: 'A',
      CURFLG: 'Y',
      SCHFLG: 'N',
      DPND_JOBSCHID: null,
      NXT_RUN_DT: null,
    })
    const dates = database.rows(
      `select cast(STRTDT as char(19)) as S, cast(ENDDT as char(19)) as E from DWJOBSCH`
    )
    const values = Object.values(dates[0]).map(iso)
    assert.deepEqual(values, ['2998-01-01 00:00:00', '2999-12-31 23:59:59'])
    assert.equal(state.syncs, 1)
  })

  test('nothing changed: returns the current id, whatever the spelling', async ({ assert }) => {
    const { pkgdwprc, schedules, state } = await openFacade()
    const first = await pkgdwprc.createJobSchedule({ ...DAILY, enddt: '2999-12-31' })
    for (const input of [
      { ...DAILY, enddt: '2999-12-31' },
      { ...DAILY, frqcd: ' dl ', frqhh: '06', frqmi: '30', frqdd: 'MON', enddt: '2999-12-31' },
      { ...DAILY, mapref: ' LOAD_SALES ', strtdt: '2998-01-01T00:00:00', enddt: '2999-12-31' },
    ]) {
      const again = await pkgdwprc.createJobSchedule(input)
      assert.deepEqual(again, { jobschid: first.jobschid, status: 'UNCHANGED' })
    }
    assert.lengthOf(schedules(), 1)
    assert.equal(state.syncs, 1)
  })

  test('nothing changed: a row of another program, with its midnight and its past start', async ({
    assert,
  }) => {
    const { pkgdwprc, database } = await openFacade()
    const jobschid = database.insertSchedule({
      MAPREF: 'LOAD_SALES',
      FRQHH: '06',
      FRQMI: '30',
      STRTDT: '2020-01-01 00:00:00',
      ENDDT: '2999-12-31 00:00:00',
    })
    const same = { ...DAILY, strtdt: '2020-01-01', enddt: '2999-12-31' }
    assert.deepEqual(await pkgdwprc.createJobSchedule(same), { jobschid, status: 'UNCHANGED' })
    const kept = await pkgdwprc.createJobSchedule({ ...same, frqhh: 7 })
    assert.equal(kept.status, 'UPDATED')
    const moved = await problemsOf(() =>
      pkgdwprc.createJobSchedule({ ...same, strtdt: '2020-01-02' })
    )
    assert.match(moved.strtdt, /before today/)
  })

  test('changed: the old row CURFLG N, a new one Y with SCHFLG N, and LST_RUN_DT goes along', async ({
    assert,
  }) => {
    const { pkgdwprc, database, tables, connection, schedules } = await openFacade()
    const { jobschid: old } = await pkgdwprc.createJobSchedule(DAILY)
    await pkgdwprc.enableDisableSchedule({ mapref: 'LOAD_SALES', flag: 'E' })
    const ran = Date.parse('2998-01-05T06:30:00Z')
    await tables.schedules.markRun(connection.session, old, { lastRun: ran })
    const changed = await pkgdwprc.createJobSchedule({ ...DAILY, frqhh: 7 })
    assert.equal(changed.status, 'UPDATED')
    assert.notEqual(changed.jobschid, old)
    assert.containSubset(schedules(), [
      { JOBSCHID: old, CURFLG: 'N', NXT_RUN_DT: null },
      { JOBSCHID: changed.jobschid, CURFLG: 'Y', SCHFLG: 'N', FRQHH: '7', NXT_RUN_DT: null },
    ])
    const text = database.rows<{ T: string }>(
      'select cast(LST_RUN_DT as char(19)) as T from DWJOBSCH order by JOBSCHID'
    )
    const shown = text.map((row) => iso(Object.values(row)[0]))
    assert.deepEqual(shown, ['2998-01-05 06:30:00', '2998-01-05 06:30:00'])
  })

  test('a replaced schedule keeps its parent and its children', async ({ assert }) => {
    const { pkgdwprc, database, schedules } = await openFacade()
    database.insertSchedule({ JOBSCHID: 900, MAPREF: 'PARENT' })
    const { jobschid: old } = await pkgdwprc.createJobSchedule(DAILY)
    database.insertSchedule({ JOBSCHID: 901, MAPREF: 'CHILD', DPND_JOBSCHID: old })
    database.insertSchedule({ JOBSCHID: 902, MAPREF: 'GONE', DPND_JOBSCHID: old, CURFLG: 'N' })
    await pkgdwprc.createJobDependency({ parentMapref: 'PARENT', childMapref: 'LOAD_SALES' })
    const { jobschid } = await pkgdwprc.createJobSchedule({ ...DAILY, frqmi: 45 })
    const byId = new Map(schedules().map((row) => [Number(row.JOBSCHID), row.DPND_JOBSCHID]))
    assert.equal(Number(byId.get(jobschid)), 900)
    assert.equal(Number(byId.get(901)), jobschid)
    assert.equal(Number(byId.get(902)), old)
  })

  test('of several current rows all are replaced', async ({ assert }) => {
    const { pkgdwprc, database, schedules } = await openFacade()
    database.insertSchedule({ JOBSCHID: 5, MAPREF: 'LOAD_SALES' })
    database.insertSchedule({ JOBSCHID: 6, MAPREF: 'LOAD_SALES' })
    const { jobschid } = await pkgdwprc.createJobSchedule(DAILY)
    assert.deepEqual(
      current(schedules()).map((row) => Number(row.JOBSCHID)),
      [jobschid]
    )
  })

  test('two callers at the same time leave one current row, and lose no children', async ({
    assert,
  }) => {
    const { pkgdwprc, another, database, schedules } = await openFacade()
    const other = await another()
    for (let round = 1; round <= 5; round++) {
      const hours = [round, round + 10, round + 5]
      const saved = await Promise.all(
        hours.map((frqhh, index) =>
          (index % 2 === 0 ? pkgdwprc : other).createJobSchedule({ ...DAILY, frqhh })
        )
      )
      assert.lengthOf(new Set(saved.map(({ jobschid }) => jobschid)), 3)
      const rows = current(schedules()).filter(({ MAPREF }) => MAPREF === 'LOAD_SALES')
      assert.lengthOf(rows, 1)
      if (round === 1) {
        const parent = Number(rows[0].JOBSCHID)
        database.insertSchedule({ JOBSCHID: 9_001, MAPREF: 'CHILD', DPND_JOBSCHID: parent })
      }
      const child = schedules().find(({ MAPREF }) => MAPREF === 'CHILD')!
      assert.equal(Number(child.DPND_JOBSCHID), Number(rows[0].JOBSCHID))
    }
  })

  test('a replacement and a dependency at the same time: both are kept', async ({ assert }) => {
    const { pkgdwprc, another, database, schedules } = await openFacade()
    const other = await another()
    database.insertSchedule({ JOBSCHID: 900, MAPREF: 'PARENT' })
    await pkgdwprc.createJobSchedule(DAILY)
    for (let round = 1; round <= 5; round++) {
      await Promise.all([
        pkgdwprc.createJobSchedule({ ...DAILY, frqhh: round }),
        other.createJobDependency({ parentMapref: 'PARENT', childMapref: 'LOAD_SALES' }),
      ])
      const [row] = current(schedules()).filter(({ MAPREF }) => MAPREF === 'LOAD_SALES')
      assert.equal(row.FRQHH, String(round))
      assert.equal(Number(row.DPND_JOBSCHID), 900)
      await other.removeJobDependency({ childMapref: 'LOAD_SALES' })
    }
  })

  test('a sync that fails does not undo what was stored', async ({ assert }) => {
    const { pkgdwprc, state, logger, schedules } = await openFacade()
    state.syncError = new Error('the store is away')
    const saved = await pkgdwprc.createJobSchedule(DAILY)
    assert.equal(saved.status, 'CREATED')
    assert.lengthOf(schedules(), 1)
    assert.include(logger.messages('warn').join(), 'awaits the next sync')
  })

  test('what cannot be stored leaves nothing', async ({ assert }) => {
    const { pkgdwprc, database, schedules } = await openFacade()
    const { jobschid } = await pkgdwprc.createJobSchedule(DAILY)
    const refused = "new.FRQHH = '7'"
    database.place.refuse('insert', 'DWJOBSCH', refused, 'no space left')
    await assert.rejects(() => pkgdwprc.createJobSchedule({ ...DAILY, frqhh: 7 }), /no space left/)
    assert.containSubset(schedules(), [{ JOBSCHID: jobschid, CURFLG: 'Y' }])
    assert.lengthOf(schedules(), 1)
  })
})

legacyGroup('PKGDWPRC | validation on create', () => {
  test('tells every problem at once, each with its field, value and remedy', async ({ assert }) => {
    const { pkgdwprc, schedules } = await openFacade()
    const bad = {
      mapref: '',
      frqcd: 'XX',
      frqhh: 99,
      frqmi: 'soon',
      strtdt: '2020-01-01',
      enddt: '2019-01-01',
      colour: 'red',
    }
    const found = await problemsOf(() => pkgdwprc.createJobSchedule(bad as never))
    assert.sameMembers(Object.keys(found), ['mapref', 'frqcd', 'strtdt', 'enddt', 'colour'])
    const times = { ...DAILY, frqcd: 'MN', frqdd: 32, frqhh: 24, frqmi: 60 }
    const second = await problemsOf(() => pkgdwprc.createJobSchedule(times))
    assert.sameMembers(Object.keys(second), ['frqdd', 'frqhh', 'frqmi'])
    assert.match(second.frqhh, /from 0 to 23/)
    assert.deepEqual(schedules(), [])
  })

  const good: [string, object][] = [
    ['WK and FN need MON..SUN', { frqcd: 'WK', frqdd: 'mon' }],
    ['FN', { frqcd: 'FN', frqdd: 'SUN' }],
    ['YR, HY, MN need a day 1..31', { frqcd: 'YR', frqdd: '31' }],
    ['HY', { frqcd: 'HY', frqdd: 1 }],
    ['MN', { frqcd: 'MN', frqdd: '31' }],
    ['hour 0 and minute 0', { frqhh: 0, frqmi: 0 }],
    ['hour 23 and minute 59 as texts', { frqhh: '23', frqmi: '59' }],
    ['ID with an hour', { frqcd: 'ID', frqhh: 1, frqmi: 59 }],
    ['ID may leave the hour empty', { frqcd: 'ID', frqhh: null, frqmi: 1 }],
    [
      'ID may give hour -1, and 99 where the column holds two characters',
      {
        frqcd: 'ID',
        frqhh: -1,
        frqmi: 99,
      },
    ],
    [
      'a start with its time, as a Date or with an offset',
      {
        strtdt: new Date('2998-01-01T05:00:00Z'),
        enddt: '2998-01-01T07:00:00+01:00',
      },
    ],
  ]
  test('takes every form that the rules allow', async ({ assert }) => {
    const { pkgdwprc } = await openFacade()
    for (const [name, input] of good) {
      const saved = await pkgdwprc.createJobSchedule({ ...DAILY, ...input })
      if (name === 'a start with its time, as a Date or with an offset') {
        assert.equal(saved.status, 'UPDATED')
      }
      assert.isAbove(saved.jobschid, 0, name)
    }
  })

  test('STRTDT may be today in the zone of the tables, and not yesterday', async ({ assert }) => {
    const { pkgdwprc, connection } = await openFacade({ timezone: 'Pacific/Kiritimati' })
    const now = await connection.now()
    const day = (instant: number) => connection.wallClock.render(instant).slice(0, 10)
    const yesterday = await problemsOf(() =>
      pkgdwprc.createJobSchedule({ ...DAILY, strtdt: day(now - 86_400_000) })
    )
    assert.match(yesterday.strtdt, new RegExp(`before today, ${day(now)}`))
    const saved = await pkgdwprc.createJobSchedule({ ...DAILY, strtdt: day(now) })
    assert.equal(saved.status, 'CREATED')
  })
})

legacyGroup('PKGDWPRC | enableDisableSchedule', () => {
  test('sets SCHFLG on the current row, and NXT_RUN_DT with it', async ({ assert }) => {
    const { pkgdwprc, database, schedules, state } = await openFacade()
    const { jobschid } = await pkgdwprc.createJobSchedule(DAILY)
    const enabled = await pkgdwprc.enableDisableSchedule({ mapref: 'LOAD_SALES', flag: 'E' })
    assert.deepEqual(enabled, { jobschid, changed: true })
    assert.equal(schedules()[0].SCHFLG, 'Y')
    const [next] = database.rows('select cast(NXT_RUN_DT as char(19)) as T from DWJOBSCH')
    assert.equal(iso(Object.values(next)[0]), '2998-01-01 06:30:00')
    const again = await pkgdwprc.enableDisableSchedule({ mapref: 'LOAD_SALES', flag: 'E' })
    assert.isFalse(again.changed)
    await pkgdwprc.enableDisableSchedule({ mapref: 'LOAD_SALES', flag: 'D' })
    assert.containSubset(schedules()[0], { SCHFLG: 'N', NXT_RUN_DT: null })
    assert.equal(state.syncs, 3)
  })

  test('needs a current schedule', async ({ assert }) => {
    const { pkgdwprc, database } = await openFacade()
    database.insertSchedule({ MAPREF: 'LOAD_SALES', CURFLG: 'N' })
    const found = await problemsOf(() =>
      pkgdwprc.enableDisableSchedule({ mapref: 'LOAD_SALES', flag: 'E' })
    )
    assert.match(found.mapref, /no current schedule; create one first/)
  })
})

legacyGroup('PKGDWPRC | createJobDependency', () => {
  test("sets the child's DPND_JOBSCHID to the parent's JOBSCHID; both need a current schedule", async ({
    assert,
  }) => {
    const { pkgdwprc, database, schedules } = await openFacade()
    database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A' })
    database.insertSchedule({ JOBSCHID: 2, MAPREF: 'B' })
    const link = { parentMapref: 'A', childMapref: 'B' }
    const saved = await pkgdwprc.createJobDependency(link)
    assert.deepEqual(saved, { jobschid: 2, dpndJobschid: 1, changed: true })
    const again = await pkgdwprc.createJobDependency(link)
    assert.isFalse(again.changed)
    assert.equal(Number(schedules()[1].DPND_JOBSCHID), 1)
    const none = await problemsOf(() =>
      pkgdwprc.createJobDependency({ parentMapref: 'X', childMapref: 'Y' })
    )
    assert.sameMembers(Object.keys(none), ['parentMapref', 'childMapref'])
    const removed = await pkgdwprc.removeJobDependency({ childMapref: 'B' })
    assert.deepEqual(removed, { jobschid: 2, dpndJobschid: null, changed: true })
  })

  test('loops are refused at any depth, through any version of a parent', async ({ assert }) => {
    const { pkgdwprc, database, schedules } = await openFacade()
    database.insertSchedule({ JOBSCHID: 1, MAPREF: 'S0', CURFLG: 'N' })
    database.insertSchedule({ JOBSCHID: 100, MAPREF: 'S0' })
    for (let step = 1; step <= 30; step++) {
      const DPND_JOBSCHID = step === 1 ? 1 : 99 + step
      database.insertSchedule({ JOBSCHID: 100 + step, MAPREF: `S${step}`, DPND_JOBSCHID })
    }
    const before = schedules()
    const self = await problemsOf(() =>
      pkgdwprc.createJobDependency({ parentMapref: 'S3', childMapref: 'S3' })
    )
    assert.match(self.parentMapref, /a loop, S3 > S3/)
    const found = await problemsOf(() =>
      pkgdwprc.createJobDependency({ parentMapref: 'S30', childMapref: 'S0' })
    )
    assert.match(found.parentMapref, /a loop, S0 > S1 > .* > S30 > S0/)
    assert.deepEqual(schedules(), before)
  })

  test('two links that form a loop together: one is refused', async ({ assert }) => {
    const { pkgdwprc, another, database } = await openFacade()
    const other = await another()
    database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A' })
    database.insertSchedule({ JOBSCHID: 2, MAPREF: 'B' })
    for (let round = 0; round < 5; round++) {
      const ends = await Promise.allSettled([
        pkgdwprc.createJobDependency({ parentMapref: 'A', childMapref: 'B' }),
        other.createJobDependency({ parentMapref: 'B', childMapref: 'A' }),
      ])
      assert.sameMembers(
        ends.map(({ status }) => status),
        ['fulfilled', 'rejected']
      )
      database.execute('update DWJOBSCH set DPND_JOBSCHID = null')
    }
  })
})

legacyGroup('PKGDWPRC | scheduleJob, scheduleAllJobs', () => {
  test('read the table now, and tell how the schedule stands', async ({ assert }) => {
    const { pkgdwprc, database, state } = await openFacade()
    database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A', STRTDT: '2998-01-01 00:00:00' })
    database.insertSchedule({ JOBSCHID: 2, MAPREF: 'B', SCHFLG: 'N', DPND_JOBSCHID: 1 })
    database.insertSchedule({ JOBSCHID: 3, MAPREF: 'C', FRQCD: 'ZZ' })
    const a = await pkgdwprc.scheduleJob({ mapref: 'A' })
    assert.containSubset(a, {
      jobschid: 1,
      scheduled: true,
      nextRunAt: Date.parse('2998-01-01T06:00:00Z'),
    })
    const b = await pkgdwprc.scheduleJob({ mapref: 'B' })
    assert.containSubset(b, { scheduled: false, enabled: false, parent: 'A', nextRunAt: null })
    const c = await pkgdwprc.scheduleJob({ mapref: 'C' })
    assert.isFalse(c.scheduled)
    assert.match(c.problems[0], /"ZZ" is not a frequency code/)
    const none = await problemsOf(() => pkgdwprc.scheduleJob({ mapref: 'D' }))
    assert.match(none.mapref, /no current schedule/)
    assert.equal(state.syncs, 4)
    const all = await pkgdwprc.scheduleAllJobs()
    assert.deepEqual(all, { added: 0, changed: 0, removed: 0, unchanged: 1, problems: [] })
  })
})
