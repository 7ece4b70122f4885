import { test } from '@japa/runner'
import type { Pkgdwprc } from '../../src/legacy/facade/pkgdwprc.ts'
import type { Problem } from '../../src/types/triggers.ts'
import type { Row } from '../helpers/legacy_database.ts'
import { legacyGroup } from '../helpers/legacy_group.ts'
import { DAILY, openFacade } from '../helpers/legacy_facade.ts'
import { createLegacyWorld } from '../helpers/legacy_world.ts'
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
  [
    'queueHistoryJob',
    { mapref: MAPREF, startDate: '0206-01-01', endDate: '2026-01-31' },
    'startDate',
    /more than the 36525 of a century; correct/,
  ],
  ['queueHistoryJob', { mapref: MAPREF, truncate: 'yes' }, 'truncate', /write "Y" or "N"/],
  ['queueReportRequest', { reportId: '' }, 'reportId', /give the report's id/],
  ['queueReportRequest', { reportId: 'r'.repeat(94) }, 'reportId', /1 to 93 characters/],
  ['queueReportRequest', { reportId: 1, payload: 2 }, 'payload', /give an object/],
  [
    'queueReportRequest',
    { reportId: 1, payload: { format: 'pdf' } },
    'payload',
    /"pdf" is none of/,
  ],
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

legacyGroup('Malformed bodies of the old routes', () => {
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

/** Each row is wrong in one thing alone: what it says, and what its refusal must say of field, value and remedy. */
const ROWS: [row: Row, field: RegExp, value: RegExp, remedy: RegExp][] = [
  ...[
    'LAUNCH',
    'IMMEDIATELY',
    'imm ediate',
    "x'; drop table DWPRCREQ; --",
    'STOP,',
    '𝔰𝔱𝔬𝔭',
    '0',
  ].map((REQUEST_TYPE): [Row, RegExp, RegExp, RegExp] => [
    { REQUEST_TYPE },
    /^REQUEST_TYPE /,
    new RegExp(REQUEST_TYPE.replace(/[^\w]/gu, '.')),
    /is unknown; use IMMEDIATE/,
  ]),
  [{ REQUEST_TYPE: '  ' }, /^REQUEST_TYPE /, /" *" is unknown/, /use IMMEDIATE/],
  [{ MAPREF: '   ' }, /^MAPREF /, /is empty/, /name the flow/],
  [{ MAPREF: 'NOWHERE' }, /MAPREF "NOWHERE"/, /unknown/, /has no row for it/],
  [{ MAPREF: 'load_sales' }, /MAPREF "load_sales"/, /unknown/, /has no row for it/],
  [{ MAPREF: 'INACTIVE' }, /MAPREF "INACTIVE"/, /no active row/, /STFLG = 'A'/i],
  [{ MAPREF: 'TWICE' }, /MAPREF "TWICE"/, /2 active rows/, /keep one/],
  [{ MAPREF: 'NO_LOGIC' }, /MAPREF "NO_LOGIC"/, /DWLOGIC|logic/i, /handler/],
  ...(
    [
      ['{"params":', /Unexpected|JSON/],
      ['{params: 1}', /Unexpected|Expected/],
      ["{'param1': 'x'}", /Unexpected|Expected/],
      ['param1=x', /Unexpected/],
      ['{"a":1}{"b":2}', /Unexpected/],
      ['{"a":NaN}', /Unexpected/],
      ['<xml/>', /Unexpected/],
      ['{"a":"\\u12"}', /Bad|Unexpected/],
      ['undefined', /undefined/],
    ] as const
  ).map(([PAYLOAD, value]): [Row, RegExp, RegExp, RegExp] => [
    { PAYLOAD },
    /^PAYLOAD is not JSON/,
    value,
    /give an object, not "/,
  ]),
  ...(
    [
      ['[]', /an array, \[\]/],
      ['["a"]', /an array, \["a"\]/],
      ['"text"', /a string, text/],
      ['7', /a number, 7/],
      ['true', /a boolean, true/],
    ] as const
  ).map(([PAYLOAD, value]): [Row, RegExp, RegExp, RegExp] => [
    { PAYLOAD },
    /^PAYLOAD is/,
    value,
    /give a JSON object/,
  ]),
  [{ PAYLOAD: `{"a":"${'x'.repeat(3_000)}"}` }, /^PAYLOAD has/, /30\d\d/, /maxPayload; send less/],
  [{ PAYLOAD: `{"a":"${'ü'.repeat(1_500)}"}` }, /^PAYLOAD has/, /30\d\d/, /maxPayload; send less/],
  [{ PAYLOAD: '{"params":"x"}' }, /^PAYLOAD\.params/, /x is not an object/, /give \{"param1"/],
  [{ PAYLOAD: '{"params":["x"]}' }, /^PAYLOAD\.params/, /\["x"\] is not/, /give \{"param1"/],
  [{ PAYLOAD: '{"PARAMS":3}' }, /^PAYLOAD\.PARAMS/, /3 is not an object/, /give \{"param1"/],
  [{ PAYLOAD: '{"params":{"PARAM1":1,"param1":2}}' }, /^PAYLOAD/, /param1 twice/, /give it once/],
  [{ PAYLOAD: '{"Param10":1,"PARAM10":2}' }, /^PAYLOAD/, /param10 twice/, /give it once/],
  ...['today', '01/03/2026', '2026-02-30', '2026-13-01', '20260301', 20_260_301, true, {}].map(
    (start): [Row, RegExp, RegExp, RegExp] => [
      { REQUEST_TYPE: 'STOP', PAYLOAD: JSON.stringify({ start_timestamp: start }) },
      /^PAYLOAD\.start_timestamp/,
      new RegExp(String(typeof start === 'object' ? '{}' : start)),
      /give "2026-03-01"/,
    ]
  ),
  [{ REQUEST_TYPE: 'STOP', MAPREF: ' ' }, /^MAPREF/, /is empty/, /name the flow/],
  [
    { REQUEST_TYPE: 'STOP', PAYLOAD: '{"force"' },
    /^PAYLOAD is not JSON/,
    /force/,
    /give an object/,
  ],
  ...(['maybe', 2, {}] as const).map((force): [Row, RegExp, RegExp, RegExp] => [
    { REQUEST_TYPE: 'STOP', PAYLOAD: JSON.stringify({ force }) },
    /^PAYLOAD\.force/,
    /"(maybe|2|\{\})"/,
    /neither "Y" nor "N"/,
  ]),
  ...(
    [
      ['HISTORY', { truncate_flag: 'perhaps' }, /truncate_flag "perhaps"/, /neither "Y" nor "N"/],
      ['HISTORY', { start_date: '31-Jan-2026' }, /start_date "31-Jan-2026"/, /give "2026-03-01"/],
      ['HISTORY', { on_error: 'retry' }, /on_error "retry"/, /neither "stop" nor "continue"/],
      ['REPORT', { format: 'pdf' }, /reportId is not given/, /give the id of the report/],
      ['REPORT', { reportId: 'R', format: 'pdf' }, /format "pdf"/, /none of csv, xlsx, jsonl/],
      ['REPORT', { reportId: 'R', row_limit: -1 }, /row_limit "-1"/, /at least 1/],
      ['REPORT', { reportId: 'R', params: { a: [] } }, /PAYLOAD\.a/, /single value/],
    ] as const
  ).map(([REQUEST_TYPE, payload, value, remedy]): [Row, RegExp, RegExp, RegExp] => [
    { REQUEST_TYPE, PAYLOAD: JSON.stringify(payload) },
    /^PAYLOAD/,
    value,
    remedy,
  ]),
  // REFRESH_SCHEDULE asks for nothing that could be wrong: its payload is not read
  ...(
    [
      ['{"file"', /^PAYLOAD is not JSON/, /file/, /give an object/],
      ['["a"]', /^PAYLOAD is/, /an array, \["a"\]/, /give a JSON object/],
    ] as const
  ).map(([PAYLOAD, ...says]): [Row, RegExp, RegExp, RegExp] => [
    { REQUEST_TYPE: 'FILE_UPLOAD', PAYLOAD },
    ...says,
  ]),
  [{ REQUEST_TYPE: 'FILE_UPLOAD', MAPREF: ' ' }, /^MAPREF/, /is empty/, /name the flow/],
  [{ REQUEST_TYPE: 'STOP', PAYLOAD: '"now"' }, /^PAYLOAD is a string/, /now/, /give a JSON object/],
]

legacyGroup('Malformed rows of the request table', () => {
  test(`${ROWS.length} are refused alone, with field, value and remedy`, async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow(MAPREF)
    world.database.insertFlow({ MAPREF: 'INACTIVE', STFLG: 'I' })
    world.database.insertFlow({ MAPREF: 'TWICE' })
    world.database.insertFlow({ MAPREF: 'TWICE' })
    world.database.insertFlow({ MAPREF: 'NO_LOGIC', DWLOGIC: null })
    ROWS.forEach(([row], index) =>
      world.database.insertRequest({
        MAPREF,
        ...row,
        REQUEST_ID: `B${String(index).padStart(3, '0')}`,
      })
    )
    world.database.insertRequest({ REQUEST_ID: 'GOOD', MAPREF })
    const node = world.node({
      source: { maxPayload: 2_000, requestTypes: { FILE_UPLOAD: 'upload' } },
      handlers: { upload: async () => ({}) },
    })
    for (let round = 0; round < ROWS.length && world.request('GOOD').STATUS !== 'DONE'; round++) {
      await node.run()
    }
    for (const [index, [row, ...says]] of ROWS.entries()) {
      const { STATUS, result } = world.request(`B${String(index).padStart(3, '0')}`)
      const told = `${JSON.stringify(row).slice(0, 80)}: ${String(result.message)}`
      assert.equal(STATUS, 'FAILED', told)
      for (const part of says) {
        assert.match(String(result.message), part, told)
      }
    }
    assert.equal(world.request('GOOD').STATUS, 'DONE')
    assert.lengthOf(world.ledger(), 1)
    assert.equal(node.counters.get('legacy.refused'), ROWS.length)
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
