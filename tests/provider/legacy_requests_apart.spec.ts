import { test } from '@japa/runner'
import { LegacyNames } from '../helpers/legacy_names.ts'
import { legacyKinds } from '../helpers/legacy_places.ts'
import { storeClient } from '../../src/store_client.ts'
import { bootApp } from './app.ts'
import { boot, setup, unlessThere, type Places } from './legacy_app.ts'

const [sqlite, postgres, mysql] = await legacyKinds()

const PLACES: (Places & { title: string; connection: string })[] = [
  { title: 'SQLite, one connection', store: sqlite, legacy: sqlite, connection: 'primary' },
  { title: 'PostgreSQL', store: postgres, legacy: sqlite, connection: 'server' },
  { title: 'MariaDB', store: mysql, legacy: postgres, connection: 'server' },
]

for (const places of PLACES) {
  test.group(`Requests on the connection of the store | ${places.title}`, (group) => {
    group.tap((t) => t.timeout(20_000).skip(...unlessThere(places)))

    test('are run on the legacy tables, which have no such table', async ({ assert, fs }) => {
      const { warehouse, app } = await setup(places, {
        source: { requestConnection: places.connection },
        pool: { min: 0, max: 12 },
      })
      warehouse.execute('drop table DWPRCREQ')
      warehouse.insertFlow({ MAPREF: 'LOAD', DWLOGIC: 'insert into SALES values (:param1)' })
      warehouse.insertFlow({ MAPREF: 'NEXT', DWLOGIC: 'insert into SALES values (7)' })
      warehouse.insertSchedule({ MAPREF: 'LOAD', JOBSCHID: 1 })
      warehouse.insertSchedule({ MAPREF: 'NEXT', JOBSCHID: 2, DPND_JOBSCHID: 1 })
      const { almanac, start } = await boot(fs, app)
      const client = await storeClient()
      const ddl = await new LegacyNames('dw').schema(places.store.name)
      await client.rawQuery(/create table DWPRCREQ \([\s\S]+?\n\)/.exec(ddl)![0])
      const row = { MAPREF: 'LOAD', REQUEST_TYPE: 'IMMEDIATE', PAYLOAD: '{"param1":42}' }
      const table = client.getWriteClient()
      const name = places.store.name === 'postgres' ? 'dwprcreq' : 'DWPRCREQ'
      const spelled = (column: string) =>
        places.store.name === 'postgres' ? column.toLowerCase() : column
      const asStored = Object.entries({ ...row, REQUEST_ID: 'R1' }).map(([column, value]) => [
        spelled(column),
        value,
      ])
      await table(name).insert(Object.fromEntries(asStored))

      await start()
      await almanac.once()
      const requests = await table(name).select(spelled('MAPREF'), spelled('STATUS'))
      assert.sameDeepMembers(
        requests.map((each) => Object.values(each as object)),
        [
          ['LOAD', 'DONE'],
          ['NEXT', 'DONE'],
        ]
      )
      assert.lengthOf(warehouse.rows("select * from DWPRCLOG where STATUS = 'PC'"), 2)
      assert.lengthOf(warehouse.rows('select * from SALES'), 2)
    })
  })
}

test.group('Requests on a connection of their own', () => {
  const appWith = (fs: Parameters<typeof bootApp>[0], requestConnection: string) =>
    bootApp(fs, {
      almanac: {
        legacy: {
          sources: { dw: { connection: 'warehouse', timezone: 'UTC', requestConnection } },
        },
      },
      connections: {
        warehouse: `${fs.basePath}/warehouse.sqlite3`,
        same: `${fs.basePath}/./warehouse.sqlite3`,
      },
    })

  test('that is unknown, or the file of the other tables, are refused', async ({ assert, fs }) => {
    const unknown = await appWith(fs, 'elsewhere')
    await assert.rejects(
      unknown.start,
      /legacy.sources.dw.requestConnection is "elsewhere"; give one of/
    )
    const same = await appWith(fs, 'same')
    await assert.rejects(
      same.start,
      /requestConnection is "same", the file of "warehouse"; leave the key out/
    )
  })
})
