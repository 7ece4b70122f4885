import { test } from '@japa/runner'
import type { HandlerContext } from '../../src/types/handlers.ts'
import { createLegacyDatabase } from '../helpers/legacy_database.ts'
import { legacyKinds } from '../helpers/legacy_places.ts'
import { bootApp } from './app.ts'
import { boot, setup, SOURCE, unlessThere, type Places } from './legacy_app.ts'

const [sqlite, postgres, mysql] = await legacyKinds()

const PLACES: (Places & { title: string })[] = [
  { title: 'SQLite, two files', store: sqlite, legacy: sqlite },
  { title: 'PostgreSQL, one connection', store: postgres, legacy: null },
  { title: 'PostgreSQL, two connections', store: postgres, legacy: postgres },
  { title: 'MariaDB, one connection', store: mysql, legacy: null },
  { title: 'MariaDB, two connections', store: mysql, legacy: mysql },
  { title: 'a store on SQLite, legacy tables on PostgreSQL', store: sqlite, legacy: postgres },
  { title: 'a store on SQLite, legacy tables on MariaDB', store: sqlite, legacy: mysql },
  { title: 'a store on PostgreSQL, legacy tables on SQLite', store: postgres, legacy: sqlite },
  { title: 'a store on PostgreSQL, legacy tables on MariaDB', store: postgres, legacy: mysql },
  { title: 'a store on MariaDB, legacy tables on SQLite', store: mysql, legacy: sqlite },
  { title: 'a store on MariaDB, legacy tables on PostgreSQL', store: mysql, legacy: postgres },
]

for (const places of PLACES) {
  test.group(`An app with a legacy source | ${places.title}`, (group) => {
    group.tap((t) => t.timeout(20_000).skip(...unlessThere(places)))

    test('runs requests and takes schedules over', async ({ assert, fs }) => {
      const handlers = [{ mapref: 'EXPORT_*', handler: 'export' }]
      const { warehouse, app } = await setup(places, {
        source: { handlers },
        pool: { min: 0, max: 12 },
      })
      warehouse.insertFlow({ MAPREF: 'LOAD_SALES', DWLOGIC: 'insert into SALES values (:param1)' })
      warehouse.insertFlow({ MAPREF: 'EXPORT_SALES' })
      warehouse.insertSchedule({ MAPREF: 'LOAD_SALES', FRQHH: '6' })
      warehouse.insertRequest({ MAPREF: 'LOAD_SALES', PAYLOAD: '{"params":{"param1":"42"}}' })
      warehouse.insertRequest({ MAPREF: 'EXPORT_SALES' })
      warehouse.insertRequest({ MAPREF: 'NO_SUCH_FLOW' })

      const { almanac, start } = await boot(fs, app)
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
      const taken = { source: 'legacy:dw', sourceKey: 'LOAD_SALES', status: 'active' }
      assert.containSubset(event, taken)
      const { problems } = await almanac.status()
      assert.deepEqual(problems, [])
    })
  })
}

test.group('An app with a legacy source', (group) => {
  group.tap((t) => t.timeout(20_000))

  test('a missing table stops the start of a working process and names itself', async ({
    assert,
    fs,
    cleanup,
  }) => {
    const warehouse = await createLegacyDatabase({ schema: false })
    cleanup(() => warehouse.cleanup())
    const { almanac, start } = await bootApp(fs, {
      connections: { warehouse: warehouse.file },
      almanac: { legacy: { sources: { dw: { ...SOURCE, connection: 'warehouse' } } } },
    })
    await start()
    await assert.rejects(() => almanac.start(), /Legacy source "dw": table DWJOBSCH/)
    assert.equal(almanac.state, 'ready')
  })
})
