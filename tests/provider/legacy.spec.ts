import { test } from '@japa/runner'
import type { HandlerContext } from '../../src/types/handlers.ts'
import { createLegacyDatabase } from '../helpers/legacy_database.ts'
import { bootApp } from './app.ts'

const SOURCE = { connection: 'warehouse', timezone: 'UTC', runners: { sql: true } }

async function setup() {
  const warehouse = await createLegacyDatabase()
  warehouse.setPool('DWPRCLOGSEQ', 100)
  warehouse.setPool('DWJOBLOGSEQ', 100)
  warehouse.setPool('DWJOBERRSEQ', 100)
  warehouse.execute('create table SALES (AMOUNT number)')
  return warehouse
}

test.group('An app with a legacy source', (group) => {
  group.tap((t) => t.timeout(20_000))

  test('runs requests and takes schedules over', async ({ assert, fs, cleanup }) => {
    const warehouse = await setup()
    cleanup(() => warehouse.cleanup())
    warehouse.insertFlow({ MAPREF: 'LOAD_SALES', DWLOGIC: 'insert into SALES values (:param1)' })
    warehouse.insertFlow({ MAPREF: 'EXPORT_SALES' })
    warehouse.insertSchedule({ MAPREF: 'LOAD_SALES', FRQHH: '6' })
    warehouse.insertRequest({ MAPREF: 'LOAD_SALES', PAYLOAD: '{"params":{"param1":"42"}}' })
    warehouse.insertRequest({ MAPREF: 'EXPORT_SALES' })
    warehouse.insertRequest({ MAPREF: 'NO_SUCH_FLOW' })

    const handlers = [{ mapref: 'EXPORT_*', handler: 'export' }]
    const { almanac, start } = await bootApp(fs, {
      connections: { warehouse: warehouse.file },
      almanac: { legacy: { sources: { dw: { ...SOURCE, handlers } } } },
    })
    const exported: unknown[] = []
    almanac.register('export', ({ payload }: HandlerContext<{ mapref: string }>) => {
      exported.push(payload.mapref)
      return { sourceRows: 3, targetRows: 3 }
    })
    await start()
    await almanac.once()

    const requests = warehouse.rows('select MAPREF, STATUS from DWPRCREQ order by MAPREF')
    assert.deepEqual(requests, [
      { MAPREF: 'EXPORT_SALES', STATUS: 'DONE' },
      { MAPREF: 'LOAD_SALES', STATUS: 'DONE' },
      { MAPREF: 'NO_SUCH_FLOW', STATUS: 'FAILED' },
    ])
    assert.deepEqual(exported, ['EXPORT_SALES'])
    assert.lengthOf(warehouse.rows('select * from SALES where AMOUNT = 42'), 1)
    assert.lengthOf(warehouse.rows("select * from DWPRCLOG where STATUS = 'PC'"), 2)
    const [event] = await almanac.events.list()
    assert.containSubset(event, { source: 'legacy:dw', sourceKey: 'LOAD_SALES', status: 'active' })
    const { problems } = await almanac.status()
    assert.deepEqual(problems, [])
  })

  test('a missing table stops the start of a working process and names itself', async ({
    assert,
    fs,
    cleanup,
  }) => {
    const warehouse = await createLegacyDatabase({ schema: false })
    cleanup(() => warehouse.cleanup())
    const { almanac, start } = await bootApp(fs, {
      connections: { warehouse: warehouse.file },
      almanac: { legacy: { sources: { dw: SOURCE } } },
    })
    await start()
    await assert.rejects(() => almanac.start(), /Legacy source "dw": table DWJOBSCH/)
    assert.equal(almanac.state, 'ready')
  })
})
