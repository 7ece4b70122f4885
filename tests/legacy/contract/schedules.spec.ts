import { test } from '@japa/runner'
import type { Pkgdwprc } from '../../../src/legacy/facade/pkgdwprc.ts'
import type { ScheduleInput } from '../../../src/legacy/facade/schedule_input.ts'
import { frequencyTrigger } from '../../../src/legacy/frequency_codes.ts'
import { preview } from '../../../src/triggers/main.ts'
import { problemsOf } from '../../helpers/legacy_facade.ts'
import { contractGroup, type Contract } from './support.ts'

const DAILY: ScheduleInput = {
  mapref: 'LOAD_SALES',
  frqcd: 'DL',
  frqhh: 6,
  frqmi: 30,
  strtdt: '2998-01-01',
}

/** The old package over tables with one active flow, of JOBID 7. */
function packageOn({ world, database }: Contract): Pkgdwprc {
  database.insertFlow({ MAPREF: 'LOAD_SALES', JOBFLWID: 70, JOBID: 7 })
  database.insertFlow({ MAPREF: 'LOAD_STOCK', JOBFLWID: 71, JOBID: 8 })
  return world.node().adapter.pkgdwprc
}

const versions = ({ requester }: Contract) => requester.table('DWJOBSCH', 'JOBSCHID')

contractGroup('DWJOBSCH, one row per version of a schedule', (open) => {
  test('the current one has CURFLG Y, and SCHFLG Y enables it', async ({ assert }) => {
    const { world, database } = open()
    database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A', CURFLG: 'N' })
    database.insertSchedule({ JOBSCHID: 2, MAPREF: 'A' })
    database.insertSchedule({ JOBSCHID: 3, MAPREF: 'OFF', SCHFLG: 'N' })
    const node = world.node()
    await node.adapter.sync()
    assert.containSubset(node.synced[0], [
      { key: 'A', payload: { jobschid: 2 }, enabled: true },
      { key: 'OFF', payload: { jobschid: 3 }, enabled: false },
    ])
    assert.lengthOf(node.synced[0], 2)
  })

  test('FRQHH and FRQMI are read alike, as text or as numbers', async ({ assert }) => {
    const { world, database } = open()
    const codes = { FRQCD: 'WK', FRQDD: 'MON', FRQHH: '6', FRQMI: '5' }
    database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A', ...codes })
    const node = world.node()
    await node.adapter.sync()
    const from = new Date('2026-03-01T00:00:00Z')
    const [slot] = preview(node.synced[0][0].trigger!, { from, count: 1 })
    assert.equal(slot.toISOString(), '2026-03-02T06:05:00.000Z')
  })

  test('STRTDT and ENDDT bound it, and a row in the table is never refused for its dates', async ({
    assert,
  }) => {
    const { world, database } = open()
    const STRTDT = '2020-01-01 00:00:00'
    database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A', STRTDT, ENDDT: '2020-01-03 12:00:00' })
    database.insertSchedule({
      JOBSCHID: 2,
      MAPREF: 'B',
      STRTDT: '2020-05-01 00:00:00',
      ENDDT: STRTDT,
    })
    const node = world.node()
    await node.adapter.sync()
    const trigger = node.synced[0].find(({ key }) => key === 'A')!.trigger!
    const slots = preview(trigger, { from: new Date('2019-01-01T00:00:00Z'), count: 9 })
    assert.deepEqual(
      slots.map((slot) => slot.toISOString().slice(0, 10)),
      ['2020-01-01', '2020-01-02', '2020-01-03']
    )
    assert.lengthOf(node.synced[0], 2)
  })

  test('NXT_RUN_DT and LST_RUN_DT are kept where they exist', async ({ assert }) => {
    const { world, database, requester } = open()
    world.ledgerFlow('A')
    const STRTDT = '2998-01-01 00:00:00'
    database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A', STRTDT })
    const node = world.node()
    await node.adapter.sync()
    const [planned] = requester.table('DWJOBSCH', 'JOBSCHID')
    assert.match(String(planned.NXT_RUN_DT), /^2998-01-01 06:00:00/)
    assert.isNull(planned.LST_RUN_DT)
    await requester.end(node, requester.ask('IMMEDIATE', 'A'))
    const [ran] = requester.table('DWJOBSCH', 'JOBSCHID')
    const [run] = requester.runs('A')
    assert.equal(String(ran.LST_RUN_DT).slice(0, 19), String(run.STRTDT).slice(0, 19))
    assert.match(String(ran.NXT_RUN_DT), /^2998-01-01 06:00:00/)
  })
})

contractGroup('LST_RUN_DT and NXT_RUN_DT that do not exist', (open) => {
  test('are not missed', async ({ assert }) => {
    const { world, database, requester } = await open.apart((prepared) => {
      prepared.execute('alter table DWJOBSCH drop column LST_RUN_DT')
      prepared.execute('alter table DWJOBSCH drop column NXT_RUN_DT')
    })
    world.ledgerFlow('A')
    database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A' })
    const node = world.node()
    await node.adapter.sync()
    const { STATUS } = await requester.end(node, requester.ask('IMMEDIATE', 'A'))
    assert.equal(STATUS, 'DONE')
  })
})

contractGroup('A warehouse without DWPRCREQ', (open) => {
  test('runs its schedules, and says what is off', async ({ assert }) => {
    const { world, database, requester } = await open.apart((prepared) =>
      prepared.execute('drop table DWPRCREQ')
    )
    world.ledgerFlow('A')
    database.insertSchedule({ JOBSCHID: 7, MAPREF: 'A' })
    const node = world.node()
    await node.adapter.sync()
    await world.fire('A', Date.UTC(2026, 2, 1, 6, 0), 7)
    await node.run()
    assert.lengthOf(world.ledger(), 1)
    assert.equal(requester.runs('A')[0].STATUS, 'PC')
    const table = database.names.sql('DWPRCREQ')
    assert.match(
      node.adapter.status().notes.join(),
      new RegExp(`are off: there is no table ${table}`)
    )
  })
})

contractGroup('create_job_schedule', (open) => {
  test('makes a current row that is not enabled, and returns its JOBSCHID', async ({ assert }) => {
    const contract = open()
    const { jobschid, status } = await packageOn(contract).createJobSchedule(DAILY)
    assert.equal(status, 'CREATED')
    const [row] = versions(contract)
    assert.equal(Number(row.JOBSCHID), jobschid)
    assert.containSubset(row, { MAPREF: 'LOAD_SALES', FRQCD: 'DL', CURFLG: 'Y', SCHFLG: 'N' })
    assert.deepEqual([Number(row.FRQHH), Number(row.FRQMI)], [6, 30])
    assert.match(String(row.STRTDT), /^2998-01-01/)
  })

  test('names the flow, or its job where the table has JOBID in its place', async ({ assert }) => {
    const contract = open()
    await packageOn(contract).createJobSchedule(DAILY)
    const [row] = versions(contract)
    const baseline = contract.generation === 'dms_baseline'
    assert.equal(Number(baseline ? row.JOBID : row.JOBFLWID), baseline ? 7 : 70)
  })

  test('needs an active flow', async ({ assert }) => {
    const contract = open()
    const pkgdwprc = packageOn(contract)
    contract.database.insertFlow({ MAPREF: 'STOPPED', STFLG: 'I' })
    for (const mapref of ['NOWHERE', 'STOPPED']) {
      const problems = await problemsOf(() => pkgdwprc.createJobSchedule({ ...DAILY, mapref }))
      assert.match(problems.mapref, /create or activate its flow first/)
    }
    assert.isEmpty(versions(contract))
  })

  test('returns the current id where nothing changed', async ({ assert }) => {
    const contract = open()
    const pkgdwprc = packageOn(contract)
    const first = await pkgdwprc.createJobSchedule(DAILY)
    const again = await pkgdwprc.createJobSchedule({ ...DAILY, frqhh: '06' })
    assert.deepEqual(again, { jobschid: first.jobschid, status: 'UNCHANGED' })
    assert.lengthOf(versions(contract), 1)
  })

  test('replaces what changed: the old row CURFLG N, the new one CURFLG Y and SCHFLG N', async ({
    assert,
  }) => {
    const contract = open()
    const pkgdwprc = packageOn(contract)
    const first = await pkgdwprc.createJobSchedule(DAILY)
    await pkgdwprc.enableDisableSchedule({ mapref: 'LOAD_SALES', flag: 'E' })
    const second = await pkgdwprc.createJobSchedule({ ...DAILY, frqhh: 7 })
    assert.equal(second.status, 'UPDATED')
    assert.notEqual(second.jobschid, first.jobschid)
    const [old, current] = versions(contract)
    assert.containSubset(old, { CURFLG: 'N' })
    assert.containSubset(current, { CURFLG: 'Y', SCHFLG: 'N' })
  })

  const REFUSED: [title: string, change: Partial<ScheduleInput>, field: string][] = [
    ['MAPREF is given', { mapref: '' }, 'mapref'],
    ['FRQCD is one of the seven', { frqcd: 'XX' }, 'frqcd'],
    ['WK needs MON to SUN', { frqcd: 'WK', frqdd: '1' }, 'frqdd'],
    ['FN needs MON to SUN', { frqcd: 'FN' }, 'frqdd'],
    ['YR needs a day from 1 to 31', { frqcd: 'YR', frqdd: 'MON' }, 'frqdd'],
    ['HY needs a day from 1 to 31', { frqcd: 'HY', frqdd: 32 }, 'frqdd'],
    ['MN needs a day from 1 to 31', { frqcd: 'MN' }, 'frqdd'],
    ['the hour is 0 to 23', { frqhh: 24 }, 'frqhh'],
    ['the minute is 0 to 59', { frqmi: 60 }, 'frqmi'],
    ['ID without an hour takes minutes from 1', { frqcd: 'ID', frqhh: null, frqmi: 0 }, 'frqmi'],
    ['STRTDT is given', { strtdt: null as never }, 'strtdt'],
    ['STRTDT is not before today', { strtdt: '2020-01-01' }, 'strtdt'],
    ['ENDDT is empty or after STRTDT', { enddt: '2997-01-01' }, 'enddt'],
  ]
  test('validates its input: each field that is at fault is named', async ({ assert }) => {
    const contract = open()
    const pkgdwprc = packageOn(contract)
    for (const [title, change, field] of REFUSED) {
      const problems = await problemsOf(() => pkgdwprc.createJobSchedule({ ...DAILY, ...change }))
      assert.property(problems, field, title)
    }
    assert.isEmpty(versions(contract))
  })

  test('an interval of minutes is 1 to 999, to 99 where the column holds two characters', async ({
    assert,
  }) => {
    const contract = open()
    const pkgdwprc = packageOn(contract)
    const every = (frqmi: number) => ({ ...DAILY, frqcd: 'ID', frqhh: -1, frqmi })
    const most = contract.generation === 'dw' ? 99 : 999
    const problems = await problemsOf(() => pkgdwprc.createJobSchedule(every(most + 1)))
    assert.match(problems.frqmi, new RegExp(`from 1 to ${most}`))
    const { status } = await pkgdwprc.createJobSchedule(every(most))
    assert.equal(status, 'CREATED')
  })
})

contractGroup('create_job_dependency', (open) => {
  test("sets the child's DPND_JOBSCHID to the parent's JOBSCHID", async ({ assert }) => {
    const contract = open()
    const pkgdwprc = packageOn(contract)
    const { jobschid } = await pkgdwprc.createJobSchedule(DAILY)
    await pkgdwprc.createJobSchedule({ ...DAILY, mapref: 'LOAD_STOCK' })
    await pkgdwprc.createJobDependency({ parentMapref: 'LOAD_SALES', childMapref: 'LOAD_STOCK' })
    const [parent, child] = versions(contract)
    assert.equal(Number(child.DPND_JOBSCHID), jobschid)
    assert.isNull(parent.DPND_JOBSCHID)
  })

  test('needs a current schedule of both', async ({ assert }) => {
    const contract = open()
    const pkgdwprc = packageOn(contract)
    await pkgdwprc.createJobSchedule(DAILY)
    const pairs = [
      { parentMapref: 'LOAD_SALES', childMapref: 'LOAD_STOCK' },
      { parentMapref: 'LOAD_STOCK', childMapref: 'LOAD_SALES' },
    ]
    for (const pair of pairs) {
      const problems = await problemsOf(() => pkgdwprc.createJobDependency(pair))
      assert.match(Object.values(problems).join(), /no current schedule/)
    }
  })
})

contractGroup('enable_disable_schedule', (open) => {
  test('sets SCHFLG of the current row to Y and to N', async ({ assert }) => {
    const contract = open()
    const pkgdwprc = packageOn(contract)
    await pkgdwprc.createJobSchedule(DAILY)
    await pkgdwprc.createJobSchedule({ ...DAILY, frqmi: 31 })
    for (const [flag, SCHFLG] of [
      ['E', 'Y'],
      ['D', 'N'],
    ] as const) {
      await pkgdwprc.enableDisableSchedule({ mapref: 'LOAD_SALES', flag })
      const [old, current] = versions(contract)
      assert.containSubset(current, { CURFLG: 'Y', SCHFLG })
      assert.equal(old.SCHFLG, 'N')
    }
  })
})

contractGroup(
  'A schedule table that names the job',
  (open) => {
    test('refuses a flow without JOBID, naming it', async ({ assert }) => {
      const contract = open()
      const pkgdwprc = packageOn(contract)
      contract.database.insertFlow({ MAPREF: 'NO_JOB', JOBFLWID: 99, JOBID: null })
      const problems = await problemsOf(() =>
        pkgdwprc.createJobSchedule({ ...DAILY, mapref: 'NO_JOB' })
      )
      assert.match(problems.mapref, /JOBFLWID 99.* has no JOBID, which the schedule table needs/)
    })

    test('finds STRDT, ENABLEFLG and no STFLG by looking, with nothing in config', async ({
      assert,
    }) => {
      const { world, database } = open()
      database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A', STRTDT: '2026-05-01 00:00:00' })
      const node = world.node()
      await node.adapter.sync()
      assert.deepEqual(node.adapter.status().notes, [])
      assert.containSubset(node.synced[0], [{ key: 'A', enabled: true }])
      const from = new Date('2026-01-01T00:00:00Z')
      const [slot] = preview(node.synced[0][0].trigger!, { from, count: 1 })
      assert.equal(slot.toISOString().slice(0, 10), '2026-05-01')
    })
  },
  ({ generation }) => generation === 'dms_baseline'
)

test.group('Frequency codes', () => {
  const at = (frqcd: string, dialect: 'standard' | 'dbms_scheduler' | 'apscheduler', row = {}) => {
    const codes = { frqcd, frqdd: '15', frqhh: 6, frqmi: 30, enddt: null, ...row }
    const trigger = frequencyTrigger(
      { ...codes, strtdt: '2026-01-01T00:00:00' },
      { timezone: 'UTC', dialect, shortMonths: 'skip' }
    )
    const slots = preview(trigger, { from: new Date('2026-01-01T00:00:00Z'), count: 3 })
    return slots.map((slot) => slot.toISOString().slice(5, 16))
  }

  test('DL is daily, MN monthly, WK weekly, ID hourly or every few minutes', ({ assert }) => {
    assert.deepEqual(at('DL', 'standard'), ['01-01T06:30', '01-02T06:30', '01-03T06:30'])
    assert.deepEqual(at('MN', 'standard'), ['01-15T06:30', '02-15T06:30', '03-15T06:30'])
    const monday = { frqdd: 'MON' }
    assert.deepEqual(at('WK', 'standard', monday), ['01-05T06:30', '01-12T06:30', '01-19T06:30'])
    assert.deepEqual(at('ID', 'standard'), ['01-01T00:30', '01-01T01:30', '01-01T02:30'])
    const minutes = { frqhh: -1, frqmi: 20 }
    assert.deepEqual(at('ID', 'dbms_scheduler', minutes).length, 3)
  })

  test('YR, HY and FN differ between the PL/SQL package and the Python service', ({ assert }) => {
    assert.notDeepEqual(at('YR', 'dbms_scheduler'), at('YR', 'apscheduler'))
    assert.deepEqual(at('HY', 'apscheduler').slice(0, 2), ['01-15T06:30', '07-15T06:30'])
    const monday = { frqdd: 'MON' }
    assert.deepEqual(at('FN', 'apscheduler', monday), at('WK', 'apscheduler', monday))
    assert.notDeepEqual(at('FN', 'dbms_scheduler', monday), at('WK', 'dbms_scheduler', monday))
  })
})
