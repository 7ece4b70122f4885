import { test } from '@japa/runner'
import type { Pkgdwprc } from '../../src/legacy/facade/pkgdwprc.ts'
import type { Problem } from '../../src/types/triggers.ts'
import { legacyGroup } from '../helpers/legacy_group.ts'
import { DAILY, openFacade } from '../helpers/legacy_facade.ts'
import { startServer } from './http_support.ts'

type Method = Exclude<keyof Pkgdwprc, 'isRunning'>

const circle: Record<string, unknown> = {}
circle.self = circle

const daily = (change: object) => ({ ...DAILY, ...change })
const MAPREF = 'LOAD_SALES'

/** Each is wrong in one thing alone: the method, its input, the field at fault, what the problem says. */
const CALLS: [method: Method, input: unknown, field: string, says: RegExp][] = [
  ['createJobSchedule', undefined, 'input', /give an object/],
  ['createJobSchedule', [DAILY], 'input', /give an object/],
  ['createJobSchedule', daily({ mapref: undefined }), 'mapref', /1 to 100 characters/],
  ['createJobSchedule', daily({ mapref: '   ' }), 'mapref', /name the mapping/],
  ['createJobSchedule', daily({ mapref: 7 }), 'mapref', /name the mapping/],
  ['createJobSchedule', daily({ mapref: 'M'.repeat(101) }), 'mapref', /1 to 100/],
  ['createJobSchedule', daily({ mapref: 'A\nB' }), 'mapref', /without line breaks/],
  ['createJobSchedule', daily({ mapref: 'NO_FLOW' }), 'mapref', /create or activate its flow/],
  ['createJobSchedule', daily({ mapref: "x' or '1'='1" }), 'mapref', /the MAPREF is unknown/],
  ['createJobSchedule', daily({ frqcd: undefined }), 'frqcd', /one of YR, HY, MN/],
  ['createJobSchedule', daily({ frqcd: 'HOURLY' }), 'frqcd', /one of YR, HY, MN/],
  ['createJobSchedule', daily({ frqcd: 3 }), 'frqcd', /one of YR, HY, MN/],
  ['createJobSchedule', daily({ frqcd: 'WK' }), 'frqdd', /WK needs a weekday/],
  ['createJobSchedule', daily({ frqcd: 'FN', frqdd: 'MONDAY' }), 'frqdd', /one of MON, TUE/],
  ['createJobSchedule', daily({ frqcd: 'WK', frqdd: 1 }), 'frqdd', /one of MON, TUE/],
  ['createJobSchedule', daily({ frqcd: 'MN' }), 'frqdd', /from 1 to 31/],
  ['createJobSchedule', daily({ frqcd: 'YR', frqdd: 0 }), 'frqdd', /from 1 to 31/],
  ['createJobSchedule', daily({ frqcd: 'HY', frqdd: '32' }), 'frqdd', /from 1 to 31/],
  ['createJobSchedule', daily({ frqcd: 'MN', frqdd: 1.5 }), 'frqdd', /whole number/],
  [
    'createJobSchedule',
    daily({ frqcd: 'YR', frqdd: 30, strtdt: '2998-02-01' }),
    'frqdd',
    /none of its months has such a day/,
  ],
  ['createJobSchedule', daily({ frqhh: undefined }), 'frqhh', /from 0 to 23/],
  ['createJobSchedule', daily({ frqhh: 24 }), 'frqhh', /from 0 to 23/],
  ['createJobSchedule', daily({ frqhh: -1 }), 'frqhh', /from 0 to 23/],
  ['createJobSchedule', daily({ frqhh: 'six' }), 'frqhh', /whole number/],
  ['createJobSchedule', daily({ frqhh: true }), 'frqhh', /whole number/],
  ['createJobSchedule', daily({ frqmi: null }), 'frqmi', /from 0 to 59/],
  ['createJobSchedule', daily({ frqmi: 60 }), 'frqmi', /from 0 to 59/],
  ['createJobSchedule', daily({ frqmi: Number.NaN }), 'frqmi', /whole number/],
  ['createJobSchedule', daily({ frqcd: 'ID', frqhh: null, frqmi: 0 }), 'frqmi', /from 1 to 99/],
  ['createJobSchedule', daily({ frqcd: 'ID', frqhh: -1, frqmi: 100 }), 'frqmi', /from 1 to 99/],
  ['createJobSchedule', daily({ strtdt: null }), 'strtdt', /give a date/],
  ['createJobSchedule', daily({ strtdt: '01/03/2998' }), 'strtdt', /give a date/],
  ['createJobSchedule', daily({ strtdt: '2998-02-30' }), 'strtdt', /give a date/],
  ['createJobSchedule', daily({ strtdt: 20_260_301 }), 'strtdt', /give a date/],
  ['createJobSchedule', daily({ strtdt: new Date(Number.NaN) }), 'strtdt', /give a date/],
  ['createJobSchedule', daily({ strtdt: '2020-01-01' }), 'strtdt', /before today/],
  ['createJobSchedule', daily({ enddt: 'never' }), 'enddt', /give a date/],
  ['createJobSchedule', daily({ enddt: '2997-12-31' }), 'enddt', /does not lie after STRTDT/],
  ['createJobSchedule', daily({ enddt: '2998-01-01' }), 'enddt', /does not lie after STRTDT/],
  ['createJobSchedule', daily({ timezone: 'UTC' }), 'timezone', /the field is unknown/],
  ['createJobDependency', {}, 'parentMapref', /name the mapping/],
  ['createJobDependency', { parentMapref: 'A', childMapref: '' }, 'childMapref', /name the map/],
  ['createJobDependency', { parentMapref: 'A', childMapref: 'X' }, 'childMapref', /no current/],
  ['createJobDependency', { parentMapref: 'A', childMapref: 'A' }, 'parentMapref', /a loop/],
  ['removeJobDependency', { childMapref: 'X' }, 'childMapref', /no current schedule/],
  ['enableDisableSchedule', { mapref: 'A', flag: 'Y' }, 'flag', /write "E" or "D"/],
  ['enableDisableSchedule', { mapref: 'A', flag: true }, 'flag', /write "E" or "D"/],
  ['enableDisableSchedule', { mapref: 'X', flag: 'E' }, 'mapref', /no current schedule/],
  ['scheduleJob', { mapref: '' }, 'mapref', /name the mapping/],
  ['queueImmediateJob', { mapref: 'NO_FLOW' }, 'mapref', /the MAPREF is unknown/],
  ['queueImmediateJob', { mapref: MAPREF, params: 'a=1' }, 'params', /give an object/],
  ['queueImmediateJob', { mapref: MAPREF, params: ['a'] }, 'params', /give an object/],
  ['queueImmediateJob', { mapref: MAPREF, params: circle }, 'params', /plain data/],
  ['queueImmediateJob', { mapref: MAPREF, params: { a: 1n } }, 'params', /plain data/],
  ['queueImmediateJob', { mapref: MAPREF, params: { a: Infinity } }, 'params', /plain data/],
  ['queueImmediateJob', { mapref: MAPREF, params: { PARAM1: 1, param1: 2 } }, 'params', /twice/],
  ['queueImmediateJob', { mapref: MAPREF, params: { a: 'x'.repeat(3_000) } }, 'params', /less/],
  ['queueHistoryJob', { mapref: MAPREF, startDate: '2026-13-01' }, 'startDate', /give a date/],
  [
    'queueHistoryJob',
    { mapref: MAPREF, startDate: '2026-02-01', endDate: '2026-01-31' },
    'endDate',
    /before the first day/,
  ],
  ['queueHistoryJob', { mapref: MAPREF, truncate: 'yes' }, 'truncate', /write "Y" or "N"/],
  ['queueReportRequest', { reportId: '' }, 'reportId', /give the report's id/],
  ['queueReportRequest', { reportId: 'r'.repeat(94) }, 'reportId', /1 to 93 characters/],
  ['queueReportRequest', { reportId: 1, payload: 2 }, 'payload', /give an object/],
  ['queueStopRequest', { mapref: MAPREF, startTime: 'today' }, 'startTime', /give a date/],
  ['queueStopRequest', { mapref: MAPREF, force: 1 }, 'force', /write "Y" or "N"/],
  ['stopRunningJob', { mapref: null }, 'mapref', /name the mapping/],
  ['processJobFlow', { mapref: MAPREF, parameters: {} }, 'parameters', /the field is unknown/],
  ['processHistoricalData', { mapref: MAPREF, endDate: 5 }, 'endDate', /give a date/],
  ['createJobLog', { prcid: 'one' }, 'prcid', /whole number/],
  ['createJobLog', { prcid: 99 }, 'prcid', /no such run/],
  ['createJobLog', { prcid: 1, targetRows: -1 }, 'targetRows', /from 0/],
  ['logJobError', { prcid: 1, message: '' }, 'message', /give a text/],
  ['logJobError', { prcid: 1, message: 'm', type: 'MUCH_TOO_LONG' }, 'type', /1 to 10/],
]

legacyGroup('Malformed calls of PKGDWPRC', () => {
  test(`${CALLS.length} are refused alone, with field, value and remedy`, async ({ assert }) => {
    const { pkgdwprc, database, state } = await openFacade({ maxPayload: 2_000 })
    database.insertSchedule({ JOBSCHID: 901, MAPREF: 'A' })
    database.insert('DWPRCLOG', { PRCID: 1, MAPREF: 'A', STATUS: 'IP' })
    const tables = ['DWJOBSCH', 'DWPRCREQ', 'DWJOBLOG', 'DWJOBERR']
    const all = () => tables.map((table) => database.rows(`select * from ${table}`))
    const before = all()
    for (const [method, input, field, says] of CALLS) {
      const problems = await refusal(() => (pkgdwprc[method] as Call).call(pkgdwprc, input))
      const found = problems.find((problem) => problem.field === field)
      const shown = JSON.stringify(problems)
      assert.isDefined(found, `${method} ${field}: ${shown}`)
      assert.match(found!.message, says, `${method} ${field}`)
      assert.isString(found!.value)
      const others = problems.filter((problem) => problem.field !== field)
      if (isObject(input)) {
        assert.isEmpty(
          others.filter((problem) => problem.field !== 'childMapref'),
          `${method} ${field}: ${shown}`
        )
      }
    }
    assert.deepEqual(all(), before)
    assert.equal(state.syncs, 0)
    const { status } = await pkgdwprc.createJobSchedule(DAILY)
    assert.equal(status, 'CREATED')
  })
})

const JOB = {
  MAPREF,
  FRQCD: 'DL',
  FRQDD: null,
  FRQHH: 6,
  FRQMI: '0',
  STRTDT: '2998-01-01',
  ENDDT: null,
}
const job = (change: object) => ({ ...JOB, ...change })

/** Each body, and the fields at fault. */
const BODIES: [path: string, body: unknown, ...fields: string[]][] = [
  ['/save_job_schedule', [], 'body', 'MAPREF', 'FRQCD', 'STRTDT'],
  ['/save_job_schedule', {}, 'MAPREF', 'FRQCD', 'STRTDT'],
  ['/save_job_schedule', job({ MAPREF: {} }), 'MAPREF'],
  ['/save_job_schedule', job({ MAPREF: ['A'] }), 'MAPREF'],
  ['/save_job_schedule', job({ MAPREF: 'NO_FLOW', FRQHH: 25 }), 'MAPREF', 'FRQHH'],
  ['/save_job_schedule', job({ FRQCD: 'DAILY' }), 'FRQCD'],
  ['/save_job_schedule', job({ FRQCD: 'WK', FRQDD: 'XXX' }), 'FRQDD'],
  ['/save_job_schedule', job({ FRQHH: { $gt: 0 }, FRQMI: true }), 'FRQHH', 'FRQMI'],
  ['/save_job_schedule', job({ FRQHH: '' }), 'FRQHH'],
  ['/save_job_schedule', job({ STRTDT: 1 }), 'STRTDT'],
  ['/save_job_schedule', job({ STRTDT: '2020-01-01' }), 'STRTDT'],
  ['/save_job_schedule', job({ ENDDT: '2900-01-01' }), 'ENDDT'],
  ['/save_parent_child_job', {}, 'PARENT_MAP_REFERENCE', 'CHILD_MAP_REFERENCE'],
  [
    '/save_parent_child_job',
    { PARENT_MAP_REFERENCE: 'A', CHILD_MAP_REFERENCE: 9 },
    'CHILD_MAP_REFERENCE',
  ],
  [
    '/save_parent_child_job',
    { PARENT_MAP_REFERENCE: 'X', CHILD_MAP_REFERENCE: 'A' },
    'PARENT_MAP_REFERENCE',
  ],
  ['/enable_disable_job', { MAPREF: 'A' }, 'JOB_FLG'],
  ['/enable_disable_job', { MAPREF: 'A', JOB_FLG: 'X' }, 'JOB_FLG'],
  ['/enable_disable_job', { MAPREF: 'X', JOB_FLG: 'D' }, 'MAPREF'],
  ['/schedule-job-immediately', {}, 'mapref'],
  ['/schedule-job-immediately', { mapref: MAPREF, loadType: 'full' }, 'loadType'],
  [
    '/schedule-job-immediately',
    { mapref: MAPREF, loadType: 'history', startDate: 'x', truncateLoad: 'maybe' },
    'startDate',
    'truncateLoad',
  ],
  ['/schedule-job-immediately', { mapref: 'NO_FLOW' }, 'mapref'],
  ['/stop-running-job', { mapref: MAPREF, startDate: 'x' }, 'startDate'],
  ['/stop-running-job', { mapref: MAPREF, force: 3 }, 'force'],
]

test.group('Malformed bodies of the old routes', () => {
  test(`${BODIES.length} are refused alone, with the old field names`, async ({ assert, fs }) => {
    const { post, warehouse } = await startServer(fs)
    warehouse.insertSchedule({ JOBSCHID: 901, MAPREF: 'A' })
    for (const [path, body, ...fields] of BODIES) {
      const reply = await post(path, body)
      const told = `${path} ${JSON.stringify(body)}: ${reply.text}`
      assert.equal(reply.status, 400, told)
      assert.isFalse(reply.body.success, told)
      const errors = reply.body.errors as Problem[]
      assert.includeMembers(
        errors.map(({ field }) => field),
        fields,
        told
      )
      for (const { field, value, message } of errors) {
        assert.include(reply.body.message, `${field} (${value}): ${message}`, told)
      }
      const twice = errors.length - new Set(errors.map(({ field }) => field)).size
      assert.equal(twice, 0, told)
    }
    assert.lengthOf(warehouse.rows('select * from DWJOBSCH'), 1)
    assert.lengthOf(warehouse.rows('select * from DWPRCREQ'), 0)
    const { status } = await post('/save_job_schedule', JOB)
    assert.equal(status, 200)
  })
})

type Call = (input: unknown) => Promise<unknown>

async function refusal(call: () => Promise<unknown>): Promise<Problem[]> {
  try {
    await call()
  } catch (error) {
    const { code, problems } = error as { code?: string; problems?: Problem[] }
    if (code !== 'E_INVALID_INPUT' || !problems) {
      throw error
    }
    return problems
  }
  return []
}

function isObject(input: unknown): boolean {
  return input !== undefined && !Array.isArray(input)
}
