import { readFile } from 'node:fs/promises'
import { test } from '@japa/runner'
import BetterSqlite from 'better-sqlite3'
import { SCHEMA_VERSION } from '../../src/storage/contract.ts'
import { schemaDdl } from '../../src/storage/database/schema/ddl.ts'
import { dropSchema, migrateSchema } from '../../src/storage/database/schema/main.ts'
import { TABLES } from '../../src/storage/database/schema/tables.ts'
import { CONNECTION, createDatabase, type TestDatabase } from './support.ts'

const DDL = new URL('../../database/ddl/sqlite.sql', import.meta.url)

const EVENT_OF_V1 = {
  ...{
    id: 'e1',
    name: 'old',
    source: 'api',
    source_key: 'e1',
    name_hash: 'n',
    source_key_hash: 'k',
  },
  ...{ handler: 'noop', trigger_def: '{"kind":"interval","every":60000}', status: 'active' },
  ...{ status_by: 'user', misfire: '{"policy":"once","grace":60000,"cap":100}', overlap: 'wait' },
  ...{ on_resume: 'skip', next_run_at: 60_000, run_count: 0, failure_count: 0, failures_in_row: 0 },
  ...{ created_at: 1, updated_at: 1, version: 1 },
}

/** Every object of a database by its name, with its definition. */
function objectsOf(database: BetterSqlite.Database): Record<string, string> {
  const rows = database
    .prepare(`select name, sql from sqlite_master where sql is not null order by name`)
    .all() as { name: string; sql: string }[]
  const plain = (sql: string) => sql.toLowerCase().replace(/\s+/g, ' ').replace(/\( /g, '(')
  return Object.fromEntries(rows.map(({ name, sql }) => [name, plain(sql).replace(/ \)/g, ')')]))
}

test.group('storage / schema', (group) => {
  let database: TestDatabase
  group.each.setup(async () => {
    database = await createDatabase({ migrated: false })
    return () => database.cleanup()
  })
  const client = () => database.lucid.connection(CONNECTION)

  test('a migration says where it came from, and a second one changes nothing', async ({
    assert,
  }) => {
    const storage = database.storage()
    assert.equal(await storage.schemaVersion(), 0)
    assert.deepEqual(await migrateSchema(client()), { from: 0, to: SCHEMA_VERSION })
    assert.equal(await storage.schemaVersion(), SCHEMA_VERSION)
    await storage.journal.append({
      now: 1,
      entries: [{ kind: 'event.created', actor: 'a', subject: 's' }],
    })
    const again = await migrateSchema(client())
    assert.deepEqual(again, { from: SCHEMA_VERSION, to: SCHEMA_VERSION })
    assert.equal(await storage.journal.lastId(), 1)
  })

  test('it goes to a known version, forwards only', async ({ assert }) => {
    await assert.rejects(() => migrateSchema(client(), { to: 99 }), /to \(99\).*from 1 to/)
    assert.deepEqual(await migrateSchema(client(), { to: 1 }), { from: 0, to: 1 })
    await assert.rejects(() => migrateSchema(client(), { to: 0 }), /forwards only/)
    await assert.rejects(() => migrateSchema(client(), { to: 1.5 }), /forwards only/)
  })

  test('events of version 1 go on as they were, and are adopted in silence', async ({ assert }) => {
    await migrateSchema(client(), { to: 1 })
    await client().table('almanac_events').insert(EVENT_OF_V1)
    await migrateSchema(client())
    const { events } = database.storage()
    const event = await events.find('e1')
    assert.deepEqual(event!.tags, [])
    assert.isNull(event!.meta)
    const { rows } = await events.listForeign({ after: null, limit: 10 })
    assert.equal(await events.adopt(rows.map(({ found }) => ({ id: 'e1', found }))), 1)
    assert.deepEqual(await events.listForeign({ after: null, limit: 10 }), { rows: [], next: null })
    assert.deepEqual(await events.find('e1'), { ...event!, rowHash: rows[0].found })
  })

  test('two processes that migrate at once do it once', async ({ assert }) => {
    const other = database.open().connection(CONNECTION)
    const results = await Promise.all([migrateSchema(client()), migrateSchema(other)])
    assert.deepEqual(results.map(({ from }) => from).sort(), [0, SCHEMA_VERSION])
  })

  test('a migration inside a transaction goes with it', async ({ assert }) => {
    const trx = await client().transaction()
    await migrateSchema(trx)
    await trx.rollback()
    assert.equal(await database.storage().schemaVersion(), 0)
  })

  test('a migration that fails leaves nothing behind', async ({ assert }) => {
    await client().schema.createTable('almanac_journal', (table) => table.integer('id'))
    await assert.rejects(() => migrateSchema(client()), /almanac_journal/)
    assert.equal(await database.storage().schemaVersion(), 0)
    assert.isFalse(await client().schema.hasTable('almanac_events'))
  })

  test('dropping leaves the tables of others', async ({ assert }) => {
    await migrateSchema(client())
    await client().schema.createTable('orders', (table) => table.integer('id'))
    await dropSchema(client())
    const left = await client().getAllTables()
    assert.deepEqual(left, ['orders'])
    await dropSchema(client())
    assert.deepEqual(await migrateSchema(client()), { from: 0, to: SCHEMA_VERSION })
  })

  test('the list of tables is complete', async ({ assert }) => {
    await migrateSchema(client())
    const tables = await client().getAllTables()
    assert.sameMembers(tables, [...TABLES])
  })

  test('the plain SQL makes the same schema', async ({ assert, cleanup }) => {
    await migrateSchema(client())
    const migrated = new BetterSqlite(database.file)
    const plain = new BetterSqlite(':memory:')
    cleanup(() => {
      migrated.close()
      plain.close()
    })
    const sql = await readFile(DDL, 'utf8')
    assert.equal(sql, schemaDdl(client()), 'run scripts/write_ddl.ts')
    plain.exec(sql)
    assert.deepEqual(objectsOf(plain), objectsOf(migrated))
    const meta = 'select * from almanac_meta order by name'
    assert.deepEqual(plain.prepare(meta).all(), migrated.prepare(meta).all())
  })

  test('no name is longer than Oracle takes, and no key has several nullable columns', async ({
    assert,
  }) => {
    await migrateSchema(client())
    const sqlite = new BetterSqlite(database.file, { readonly: true })
    const objects = objectsOf(sqlite)
    sqlite.close()
    const names = Object.entries(objects).flatMap(([name, sql]) => [
      name,
      ...[...sql.matchAll(/`(\w+)`/g)].map(([, column]) => column),
    ])
    assert.deepEqual(
      names.filter((name) => name.length > 30),
      []
    )
    const unique = Object.values(objects).filter((sql) => sql.startsWith('create unique'))
    assert.isAbove(unique.length, 4)
    assert.deepEqual(
      unique.filter((sql) => /\([^)]*,/.test(sql)),
      []
    )
  })
})
