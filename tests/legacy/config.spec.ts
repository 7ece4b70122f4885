import { test } from '@japa/runner'
import { E_INVALID_CONFIG } from '../../src/errors.ts'
import { Handler } from '../../src/handler.ts'
import { resolveLegacyConfig, type LegacyInput } from '../../src/legacy/config.ts'
import { DW_PRESET } from '../../src/legacy/preset.ts'
import { legacySource } from './support.ts'

class Export extends Handler {
  async handle() {}
}

/** The message that one source is refused with. */
function refusal(source: object): string {
  try {
    const input = { connection: 'warehouse', timezone: 'UTC', ...source }
    resolveLegacyConfig({ sources: { dw: input } } as LegacyInput)
  } catch (error) {
    if (error instanceof E_INVALID_CONFIG) {
      return error.message.replace('config/almanac.ts: legacy.sources.dw.', '')
    }
    throw error
  }
  return 'accepted'
}

test.group('Legacy config', () => {
  test('nothing configured is no source', ({ assert }) => {
    assert.equal(resolveLegacyConfig(undefined).sources.size, 0)
    assert.equal(resolveLegacyConfig({}).sources.size, 0)
    assert.equal(resolveLegacyConfig({ sources: {} }).sources.size, 0)
  })

  test('the defaults', ({ assert }) => {
    const { isIdempotent, checkpointOf, ...config } = legacySource()
    assert.deepEqual(config, {
      name: 'dw',
      connection: 'warehouse',
      preset: 'dw',
      timezone: 'UTC',
      dialect: 'standard',
      shortMonths: 'skip',
      runners: { sql: false, plsql: false, python: null },
      flows: [],
      retry: null,
      stopGrace: 5_000,
      handlers: [],
      pollInterval: 1_000,
      syncInterval: 60_000,
      maxPayload: 1_048_576,
      ids: { kind: 'pool', entities: DW_PRESET.sequences },
      tables: DW_PRESET.tables,
      requests: true,
      requestsRequired: false,
      requestConnection: null,
      ignoreTypes: [],
      unknownTypes: 'fail',
      slotGuard: true,
      dependents: { ownSlots: true },
      history: { onError: 'stop' },
      requestTypes: new Map(),
      reports: null,
    })
    assert.isFalse(isIdempotent('ANY'))
    assert.isNull(checkpointOf('ANY'))
  })

  test('intervals follow the rest of the config, unless given', ({ assert }) => {
    const defaults = { pollInterval: 250, syncInterval: 30_000 }
    assert.deepInclude(legacySource({}, defaults), defaults)
    assert.deepInclude(legacySource({ pollInterval: '2s', syncInterval: '5m' }, defaults), {
      pollInterval: 2_000,
      syncInterval: 300_000,
    })
  })

  test('everything can be said', ({ assert }) => {
    const config = legacySource({
      preset: 'dw',
      timezone: 'Europe/Berlin',
      dialect: 'standard',
      shortMonths: 'clamp',
      runners: { sql: true },
      maxPayload: 1000,
      requests: true,
      slotGuard: false,
      dependents: { ownSlots: false },
      ids: { kind: 'sequence', entities: { processLog: 'RUN_SEQ' } },
    })
    assert.deepInclude(config, {
      timezone: 'Europe/Berlin',
      dialect: 'standard',
      shortMonths: 'clamp',
      runners: { sql: true, plsql: false, python: null },
      maxPayload: 1000,
      requestsRequired: true,
      slotGuard: false,
      dependents: { ownSlots: false },
    })
    assert.deepEqual(config.ids, {
      kind: 'sequence',
      entities: { ...DW_PRESET.sequences, processLog: 'RUN_SEQ' },
    })
  })

  test('flows have their runner and their checkpoint by MAPREF, the first that says it', ({
    assert,
  }) => {
    const { flows, checkpointOf } = legacySource({
      flows: [
        { mapref: 'FACT_*', checkpoint: { column: 'REGION, ID' } },
        { mapref: 'FACT_A', runner: 'python', checkpoint: { strategy: 'NONE' } },
        { mapref: '*', runner: 'sql' },
      ],
    })
    assert.deepEqual(
      flows.map(({ runner }) => runner),
      [null, 'python', 'sql']
    )
    assert.deepEqual(checkpointOf('FACT_A'), { strategy: 'AUTO', columns: ['REGION', 'ID'] })
    assert.isNull(checkpointOf('DIM'))
  })

  test('retries are those of the source, else those of all sources', ({ assert }) => {
    const source = { connection: 'warehouse', timezone: 'UTC', requests: false }
    const { sources } = resolveLegacyConfig({
      retry: { retries: 2, delay: '1s' },
      sources: {
        a: source,
        b: { ...source, retry: false },
        c: { ...source, retry: { retries: 5, jitter: 0 } },
      },
    })
    const common = { backoff: 'exponential', maxDelay: 900_000 }
    assert.deepEqual(
      [...sources.values()].map(({ retry }) => retry),
      [
        { ...common, retries: 2, delay: 1_000, jitter: 0.2 },
        null,
        { ...common, retries: 5, delay: 10_000, jitter: 0 },
      ]
    )
  })

  test('handlers are bound by MAPREF, pattern or RegExp', ({ assert }) => {
    const { handlers } = legacySource({
      handlers: [
        { mapref: 'EXPORT_A', handler: 'export' },
        { mapref: 'LOAD.*_X', handler: Export },
        { mapref: /^agg_/gi, handler: 'aggregate' },
      ],
    })
    assert.deepEqual(
      handlers.map(({ pattern }) => pattern),
      ['EXPORT_A', 'LOAD.*_X', '/^agg_/gi']
    )
    const [exact, wild, expression] = handlers
    assert.isTrue(exact.matches('EXPORT_A'))
    assert.isFalse(exact.matches('EXPORT_AB'))
    assert.isTrue(wild.matches('LOAD.anything_X'))
    assert.isFalse(wild.matches('LOADxanything_X'), 'a dot is a dot')
    assert.isFalse(wild.matches('xLOAD._X'))
    assert.equal(wild.handler, Export)
    // a global RegExp would remember where it stopped
    assert.isTrue(expression.matches('AGG_1'))
    assert.isTrue(expression.matches('AGG_1'))
  })

  test('idempotent flows are named the same way', ({ assert }) => {
    const { isIdempotent } = legacySource({ idempotent: ['DIM_*', /STAGE/] })
    assert.isTrue(isIdempotent('DIM_STORE'))
    assert.isTrue(isIdempotent('THE_STAGE_1'))
    assert.isFalse(isIdempotent('FACT'))
  })

  test('a schema stands before every name that has none', ({ assert }) => {
    const tables = { DWPRCREQ: 'app.REQUESTS', DWJOBLOG: 'LOGS' }
    const pool = legacySource({ schema: 'DWADM', tables })
    assert.equal(pool.tables.jobSchedules.name, 'DWADM.DWJOBSCH')
    assert.equal(pool.tables.requests.name, 'app.REQUESTS')
    assert.equal(pool.tables.jobLogs.name, 'DWADM.LOGS')
    assert.equal(pool.ids.entities.jobLog, 'DWJOBLOGSEQ', 'a row of the pool')
    assert.isFalse(legacySource({ schema: 'DWADM' }).requestsRequired)
    const ids = { kind: 'sequence', entities: { jobLog: 'app.LOGS' } } as const
    const { entities } = legacySource({ schema: 'DWADM', preset: 'dms', ids }).ids
    assert.containSubset(entities, { jobLog: 'app.LOGS', jobError: 'DWADM.DMS_JOBERRSEQ' })
  })

  test('types of requests are compared in upper case, without spaces around them', ({ assert }) => {
    const { ignoreTypes } = legacySource({ ignoreTypes: [' file_upload ', 'FILE_UPLOAD', 'Mail'] })
    assert.deepEqual(ignoreTypes, ['FILE_UPLOAD', 'MAIL'])
  })

  test('a request connection that is the connection is none', ({ assert }) => {
    assert.isNull(legacySource({ requestConnection: 'warehouse' }).requestConnection)
    assert.equal(legacySource({ requestConnection: 'app' }).requestConnection, 'app')
  })

  test('tables and columns can have other names', ({ assert }) => {
    const { tables, requestsRequired } = legacySource({
      tables: {
        DWPRCREQ: 'app.REQUESTS',
        DWPRCLOG: { columns: { MSG: 'REMARK' } },
        DWJOBSCH: { name: 'SCHEDULES' },
      },
      ids: { table: 'IDS' },
    })
    assert.equal(tables.requests.name, 'app.REQUESTS')
    assert.isTrue(requestsRequired)
    assert.equal(tables.processLogs.name, 'DWPRCLOG')
    assert.containSubset(tables.processLogs.columns.message, {
      name: 'REMARK',
      type: 'text',
      length: 400,
    })
    assert.equal(tables.processLogs.columns.prcid.name, 'PRCID')
    assert.equal(tables.jobSchedules.name, 'SCHEDULES')
    assert.equal(tables.idPool.name, 'IDS')
    assert.equal(DW_PRESET.tables.requests.name, 'DWPRCREQ', 'the preset is as it was')
  })

  test('a wrong value is refused under its own name: {0}')
    .with<[string, object, RegExp][]>([
      ['connection', { connection: '' }, /^connection is ''; name a connection/],
      ['connection', { connection: undefined }, /^connection is undefined/],
      ['timezone', { timezone: undefined }, /^timezone is undefined; give the IANA zone/],
      ['timezone', { timezone: 'Mars/Olympus' }, /^timezone is 'Mars\/Olympus'/],
      ['preset', { preset: 'dwh' }, /^preset is 'dwh'; give one of dw, dms/],
      ['schema', { schema: 'DW.X' }, /^schema is 'DW\.X'; give the name of a schema/],
      ['schema', { schema: 7 }, /^schema is 7; give the name/],
      ['requestConnection', { requestConnection: '' }, /^requestConnection is ''; name a conn/],
      ['ignoreTypes', { ignoreTypes: 'FILE_UPLOAD' }, /^ignoreTypes is 'FILE_UPLOAD'; give a list/],
      ['ignoreTypes', { ignoreTypes: [''] }, /^ignoreTypes is \[ '' \]; give a list of request/],
      [
        'unknownTypes',
        { unknownTypes: 'keep' },
        /^unknownTypes is 'keep'; give one of fail, leave/,
      ],
      [
        'dialect',
        { dialect: 'oracle' },
        /^dialect is 'oracle'; give one of standard, dbms_scheduler, apscheduler/,
      ],
      ['shortMonths', { shortMonths: 'last' }, /^shortMonths is 'last'/],
      ['runners', { runners: { plsq: true } }, /^runners\.plsq .*did you mean "plsql"/],
      ['runners', { runners: { python: true } }, /^runners\.python is true; give \{ connections/],
      ['runners', { runners: { python: {} } }, /^runners\.python\.connections is undefined/],
      [
        'runners',
        { runners: { python: { connections: 'a-b' } } },
        /^runners\.python\.connections is 'a-b'; name the Python module/,
      ],
      [
        'runners',
        { runners: { python: { connections: 'a', interpreter: 'python3 -c x' } } },
        /^runners\.python\.interpreter is 'python3 -c x'; name a program/,
      ],
      [
        'runners',
        { runners: { python: { connections: 'a', path: ['lib'] } } },
        /^runners\.python\.path .*absolute folders/,
      ],
      [
        'runners',
        { runners: { python: { connections: 'a', secretEnv: { KEY: 5 } } } },
        /^runners\.python\.secretEnv\.KEY is not a text/,
      ],
      [
        'runners',
        { runners: { python: { connections: 'a', grace: 'soon' } } },
        /^runners\.python\.grace is 'soon'/,
      ],
      ['flows', { flows: {} }, /^flows is \{\}; give a list/],
      ['flows', { flows: [{ runner: 'sql' }] }, /^flows\[0\]\.mapref is undefined/],
      [
        'flows',
        { flows: [{ mapref: 'A', runner: 'perl' }] },
        /^flows\[0\]\.runner is 'perl'; give one of sql, plsql, python/,
      ],
      [
        'flows',
        { flows: [{ mapref: 'A', checkpoint: { strategy: 'KEY' } }] },
        /^flows\[0\]\.checkpoint\.column is undefined; the strategy KEY needs/,
      ],
      [
        'flows',
        { flows: [{ mapref: 'A', checkpoint: { strategy: 'ROWS' } }] },
        /^flows\[0\]\.checkpoint\.strategy is 'ROWS'; give one of AUTO, KEY, PYTHON, NONE/,
      ],
      [
        'flows',
        { flows: [{ mapref: 'A', checkpoint: { column: 5 } }] },
        /^flows\[0\]\.checkpoint\.column is 5; give the name/,
      ],
      ['retry', { retry: true }, /^retry is true; give an object/],
      ['retry', { retry: { retries: -1 } }, /^retry\.retries is -1/],
      ['retry', { retry: { delays: 5 } }, /^retry\.delays .*did you mean "delay"/],
      ['stopGrace', { stopGrace: 'never' }, /^stopGrace is 'never'/],
      ['runners', { runners: { sql: 'yes' } }, /^runners\.sql is 'yes'; give true or false/],
      ['pollInterval', { pollInterval: '5 parsecs' }, /^pollInterval is '5 parsecs'/],
      ['pollInterval', { pollInterval: 1 }, /^pollInterval is 1; give at least 10 ms/],
      ['syncInterval', { syncInterval: 10 }, /^syncInterval is 10/],
      ['syncInterval', { syncInterval: '7s' }, /^syncInterval is '7s'; give an even part/],
      ['maxPayload', { maxPayload: 0 }, /^maxPayload is 0/],
      ['requests', { requests: 'no' }, /^requests is 'no'/],
      ['slotGuard', { slotGuard: 1 }, /^slotGuard is 1/],
      ['dependents', { dependents: { ownSlot: true } }, /^dependents\.ownSlot .*"ownSlots"/],
      ['idempotent', { idempotent: 'DIM_*' }, /^idempotent is 'DIM_\*'; give a list/],
      ['idempotent', { idempotent: [''] }, /^idempotent\[0\] is ''; give a MAPREF/],
      ['handlers', { handlers: { A: 'b' } }, /^handlers is .*; give a list/],
      ['handlers', { handlers: ['A'] }, /^handlers\[0\] is 'A'; give an object/],
      [
        'handlers',
        { handlers: [{ mapref: 5, handler: 'x' }] },
        /^handlers\[0\]\.mapref is 5; give a MAPREF/,
      ],
      [
        'handlers',
        { handlers: [{ mapref: 'A', handler: '' }] },
        /^handlers\[0\]\.handler is ''; give the name/,
      ],
      [
        'handlers',
        { handlers: [{ mapref: 'A', handler: () => {} }] },
        /^handlers\[0\]\.handler is \[Function/,
      ],
      [
        'handlers',
        { handlers: [{ mapref: 'A', handler: 'x', then: 1 }] },
        /^handlers\[0\]\.then is not a known key/,
      ],
      ['tables', { tables: { DWPRCRQ: 'X' } }, /^tables\.DWPRCRQ .*did you mean "DWPRCREQ"/],
      ['tables', { tables: { DWPRCREQ: 'A; drop' } }, /^tables\.DWPRCREQ is 'A; drop'/],
      ['tables', { tables: { DWPRCREQ: 5 } }, /^tables\.DWPRCREQ is 5; give an object/],
      ['tables', { tables: { DWPRCREQ: { name: '' } } }, /^tables\.DWPRCREQ\.name is ''/],
      [
        'tables',
        { tables: { DWPRCREQ: { columns: { MAPREF: 'a.b' } } } },
        /^tables\.DWPRCREQ\.columns\.MAPREF is 'a\.b'; give a column name/,
      ],
      [
        'tables',
        { tables: { DWPRCREQ: { columns: { MAP: 'b' } } } },
        /^tables\.DWPRCREQ\.columns\.MAP is not a known key/,
      ],
      ['ids', { ids: { kind: 'clock' } }, /^ids\.kind is 'clock'; give one of pool, sequence/],
      ['ids', { ids: { table: 7 } }, /^ids\.table is 7/],
      ['ids', { ids: { entities: { run: 'X' } } }, /^ids\.entities\.run is not a known key/],
      ['ids', { ids: { entities: { jobLog: '' } } }, /^ids\.entities\.jobLog is ''/],
      [
        'history',
        { history: { onError: 'skip' } },
        /^history\.onError is 'skip'; give one of stop/,
      ],
      ['a type', { requestTypes: { STOP: 'x' } }, /^requestTypes\.STOP .*none of IMMEDIATE/],
      ['its handler', { requestTypes: { LOAD: 7 } }, /^requestTypes\.LOAD is 7; give the name/],
      [
        'a type that is ignored',
        { ignoreTypes: ['load'], requestTypes: { LOAD: 'x' } },
        /^requestTypes\.LOAD is 'x'; take LOAD out of ignoreTypes/,
      ],
      ['reports', { reports: {} }, /^reports\.folder is undefined; say where the files go/],
      ['a folder', { reports: { folder: 'here' } }, /^reports\.folder is 'here'; give an absolute/],
      [
        'a report',
        { reports: { folder: '/r', define: { A: { sql: '' } } } },
        /define\.A\.sql is ''/,
      ],
      [
        'a URL',
        { reports: { folder: '/r', url: 'example.com' } },
        /^reports\.url is 'example\.com'; give the address of the downloads/,
      ],
      [
        'a URL that goes on',
        { reports: { folder: '/r', url: 'https://dw.test/reports?' } },
        /^reports\.url is 'https:\/\/dw\.test\/reports\?'; give the address of the downloads/,
      ],
      ['a key of reports', { reports: { folder: '/r', keeps: 1 } }, /keeps .*did you mean "keep"/],
      ['a key', { pollIntervall: '1s' }, /^pollIntervall .*did you mean "pollInterval"/],
    ])
    .run(({ assert }, [, source, expected]) => {
      assert.match(refusal(source), expected)
    })

  test('the name of a source is a part of keys', ({ assert }) => {
    const source = { connection: 'a', timezone: 'UTC' }
    for (const name of ['', '1st', 'a:b', 'x'.repeat(32)]) {
      assert.throws(
        () => resolveLegacyConfig({ sources: { [name]: source } }),
        /legacy\.sources is a source named/
      )
    }
    assert.isTrue(
      resolveLegacyConfig({ sources: { 'north-1_b': source } }).sources.has('north-1_b')
    )
  })

  test('what is no object is refused', ({ assert }) => {
    assert.throws(() => resolveLegacyConfig('dw' as never), /legacy is 'dw'; give an object/)
    assert.throws(
      () => resolveLegacyConfig({ sources: { dw: null as never } }),
      /legacy\.sources\.dw\.connection is undefined/
    )
    assert.throws(
      () => resolveLegacyConfig({ source: {} } as never),
      /legacy\.source is not a known key; did you mean "sources"/
    )
  })

  test('a request table has exactly one poller', ({ assert }) => {
    const one = { connection: 'a', timezone: 'UTC' }
    const two = (other: object) => () =>
      resolveLegacyConfig({ sources: { one, two: { ...one, ...other } } }).sources.size
    assert.throws(two({}), /legacy\.sources\.two is on the same connection .* as "one"/)
    assert.throws(two({ tables: { DWPRCREQ: 'dwprcreq' } }), /exactly one poller/)
    assert.equal(two({ connection: 'b' })(), 2)
    assert.equal(two({ requests: false })(), 2)
    assert.equal(two({ tables: { DWPRCREQ: 'OTHER_QUEUE' } })(), 2)
  })
})
