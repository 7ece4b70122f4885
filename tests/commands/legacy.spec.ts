import { test } from '@japa/runner'
import type { FileSystem } from '@japa/file-system'
import LegacyRequests from '../../commands/legacy_requests.ts'
import LegacyRun from '../../commands/legacy_run.ts'
import LegacySchedules from '../../commands/legacy_schedules.ts'
import LegacyStop from '../../commands/legacy_stop.ts'
import LegacySync from '../../commands/legacy_sync.ts'
import { createLegacyDatabase, type LegacyDatabase } from '../helpers/legacy_database.ts'
import { setup } from './ace.ts'

async function legacy(
  fs: FileSystem,
  cleanup: (callback: () => Promise<void>) => void,
  more: object = {}
) {
  const warehouse = await createLegacyDatabase()
  cleanup(() => warehouse.cleanup())
  warehouse.insertFlow({ MAPREF: 'LOAD_SALES' })
  const source = { connection: 'warehouse', timezone: 'UTC', runners: { sql: true }, ...more }
  const booted = await setup(fs, {
    connections: { warehouse: warehouse.file },
    almanac: { legacy: { sources: { dw: source } } },
  })
  return { ...booted, warehouse }
}

function requests(warehouse: LegacyDatabase) {
  return warehouse.rows<Record<string, string>>('select * from DWPRCREQ order by REQUESTED_AT')
}

test.group('legacy:sync and legacy:schedules', () => {
  test('print the difference, and what is at fault', async ({ assert, fs, cleanup }) => {
    const { run, warehouse, almanac } = await legacy(fs, cleanup)
    warehouse.insertSchedule({ JOBSCHID: 1, MAPREF: 'LOAD_SALES' })
    warehouse.insertSchedule({ JOBSCHID: 2, MAPREF: 'B', DPND_JOBSCHID: 1, SCHFLG: 'N' })
    const first = await run(LegacySync, ['--json'])
    assert.equal(first.exitCode, 0)
    assert.deepEqual(first.json(), {
      added: ['B', 'LOAD_SALES'],
      changed: [],
      removed: [],
      unchanged: 0,
      problems: [],
    })
    assert.lengthOf(await almanac.events.list(), 2)
    warehouse.execute("update DWJOBSCH set FRQHH = '7' where JOBSCHID = 1")
    warehouse.execute('update DWJOBSCH set DPND_JOBSCHID = 2 where JOBSCHID = 2')
    const second = await run(LegacySync)
    assert.equal(second.exitCode, 2)
    assert.include(second.text, 'changed  LOAD_SALES')
    assert.include(second.text, 'B > B')

    const listed = await run(LegacySchedules, ['--json', '--mapref=B'])
    assert.containSubset(listed.json(), [
      { jobschid: 2, mapref: 'B', enabled: false, parent: 'B', problems: [] },
    ])
    const table = await run(LegacySchedules)
    assert.include(table.text, 'every day at 07:00')
  })

  test('a source must be known', async ({ assert, fs, cleanup }) => {
    const { run } = await legacy(fs, cleanup)
    const unknown = await run(LegacySync, ['--source=other'])
    assert.equal(unknown.exitCode, 1)
    assert.include(unknown.text, 'There is no legacy source "other"; configured: dw')
    const none = await setup(fs)
    const nothing = await none.run(LegacySchedules, ['--json'])
    assert.equal(nothing.exitCode, 1)
    assert.containSubset(nothing.json(), { error: { code: 'E_LEGACY_SOURCE' } })
  })
})

test.group('legacy:run and legacy:stop', () => {
  test('queue requests', async ({ assert, fs, cleanup }) => {
    const { run, warehouse } = await legacy(fs, cleanup)
    const queued = await run(LegacyRun, ['LOAD_SALES', '--json', '--params={"param1":"x"}'])
    assert.equal(queued.exitCode, 0)
    assert.containSubset(queued.json(), { status: 'NEW', result: null })
    await run(LegacyRun, ['LOAD_SALES', '--history', '--from=2026-01-01', '--truncate'])
    const stop = await run(LegacyStop, ['LOAD_SALES', '--date=2026-03-01', '--force'])
    assert.include(stop.text, '"LOAD_SALES" NEW')
    const rows = requests(warehouse).map(({ REQUEST_TYPE, PAYLOAD }) => [
      REQUEST_TYPE,
      JSON.parse(PAYLOAD),
    ])
    assert.deepEqual(rows, [
      ['IMMEDIATE', { params: { param1: 'x' } }],
      ['HISTORY', { start_date: '2026-01-01', truncate_flag: 'Y' }],
      ['STOP', { start_timestamp: '2026-03-01', force: 'Y' }],
    ])
  })

  test('exit by the end that they wait for', async ({ assert, fs, cleanup }) => {
    const { run, warehouse, almanac } = await legacy(fs, cleanup)
    for (const end of ['DWJOBSCHSEQ', 'DWPRCLOGSEQ', 'DWJOBLOGSEQ', 'DWJOBERRSEQ']) {
      warehouse.setPool(end, 100)
    }
    const late = await run(LegacyRun, ['LOAD_SALES', '--wait', '--timeout=1ms'])
    assert.equal(late.exitCode, 7)
    await almanac.once()
    const working = run(LegacyRun, ['LOAD_SALES', '--wait', '--json'])
    const { exitCode, json } = await served(almanac, working)
    assert.equal(exitCode, 0)
    assert.containSubset(json(), { status: 'DONE', result: { status: 'PC' } })
    warehouse.execute("update DWJOBFLW set DWLOGIC = 'insert into NOWHERE values (1)'")
    const failed = await served(almanac, run(LegacyRun, ['LOAD_SALES', '--wait']))
    assert.equal(failed.exitCode, 2)
    assert.include(failed.text, 'FAILED')
  })

  test('refuse what is wrong, with its remedy', async ({ assert, fs, cleanup }) => {
    const { run, warehouse } = await legacy(fs, cleanup)
    for (const argv of [
      ['NO_FLOW'],
      ['LOAD_SALES', '--params=[1]'],
      ['LOAD_SALES', '--params={'],
      ['LOAD_SALES', '--history', '--from=soon'],
      ['LOAD_SALES', '--wait', '--timeout=soon'],
    ]) {
      const refused = await run(LegacyRun, argv)
      assert.equal(refused.exitCode, 1, argv.join(' '))
    }
    assert.lengthOf(requests(warehouse), 0)
  })
})

test.group('legacy:requests', () => {
  test('lists and shows rows with age and owner', async ({ assert, fs, cleanup }) => {
    const { run, warehouse } = await legacy(fs, cleanup)
    warehouse.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A', PAYLOAD: '{"a":1}' })
    const claim = { STATUS: 'CLAIMED', CLAIMED_BY: 'java-17', CLAIMED_AT: '2026-01-01 00:00:00' }
    warehouse.insertRequest({ REQUEST_ID: 'R2', MAPREF: 'B', ...claim })
    const listed = await run(LegacyRequests, ['list', '--json'])
    assert.containSubset(listed.json(), { requests: [{ requestId: 'R1', owner: null }], left: {} })
    const table = await run(LegacyRequests, ['--status=CLAIMED'])
    for (const part of ['R2', 'stale', 'java-17']) {
      assert.include(table.text, part)
    }
    assert.notInclude(table.text, 'R1')
    const shown = await run(LegacyRequests, ['show', 'R1'])
    assert.include(shown.text, 'Payload    {"a":1}')
    const json = await run(LegacyRequests, ['show', 'R1', '--json'])
    assert.containSubset(json.json(), { requestId: 'R1', payload: '{"a":1}', result: null })
  })

  test('tells how many requests of unknown types are left NEW', async ({ assert, fs, cleanup }) => {
    const { run, warehouse } = await legacy(fs, cleanup, { unknownTypes: 'leave' })
    for (const REQUEST_TYPE of ['LAUNCH', ' launch', 'IMMEDIATE']) {
      warehouse.insertRequest({ MAPREF: 'A', REQUEST_TYPE })
    }
    const listed = await run(LegacyRequests, ['--json', '--type=launch'])
    assert.deepEqual((listed.json() as { left: object }).left, { LAUNCH: 2 })
    assert.lengthOf((listed.json() as { requests: object[] }).requests, 1)
    const table = await run(LegacyRequests, [])
    assert.include(table.text, '2 of the unknown type LAUNCH are left NEW to other programs')
  })

  test('retries and releases, and never a foreign live claim without --force', async ({
    assert,
    fs,
    cleanup,
  }) => {
    const { run, warehouse } = await legacy(fs, cleanup)
    const now = new Date().toISOString().slice(0, 19).replace('T', ' ')
    const claim = { STATUS: 'CLAIMED', CLAIMED_BY: 'java-17', CLAIMED_AT: now }
    warehouse.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A', STATUS: 'FAILED' })
    warehouse.insertRequest({ REQUEST_ID: 'R2', MAPREF: 'B', ...claim })
    const retried = await run(LegacyRequests, ['retry', 'R1'])
    assert.include(retried.text, 'Request "R1" is NEW')
    const refused = await run(LegacyRequests, ['release', 'R2', '--json'])
    assert.equal(refused.exitCode, 1)
    assert.containSubset(refused.json(), { error: { code: 'E_LEGACY_CONFLICT' } })
    const status = () => requests(warehouse).map(({ STATUS }) => STATUS)
    assert.sameMembers(status(), ['NEW', 'CLAIMED'])
    const released = await run(LegacyRequests, ['release', 'R2', '--force'])
    assert.equal(released.exitCode, 0)
    assert.deepEqual(status(), ['NEW', 'NEW'])
    for (const argv of [['show'], ['retry', 'nobody'], ['drop', 'R1'], ['list', '--limit=0']]) {
      const wrong = await run(LegacyRequests, argv)
      assert.equal(wrong.exitCode, 1, argv.join(' '))
    }
  })
})

/** Lets the app work through rounds until a command that waits has ended. */
async function served<T>(almanac: { once(): Promise<unknown> }, command: Promise<T>): Promise<T> {
  let isOver = false
  const ended = command.finally(() => (isOver = true))
  while (!isOver) {
    await almanac.once()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return ended
}
