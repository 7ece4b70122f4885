import { test } from '@japa/runner'
import { LoggerFactory } from '@adonisjs/core/factories/logger'
import BetterSqlite from 'better-sqlite3'
import { SystemClock } from '../../src/clock.ts'
import { LucidSession } from '../../src/storage/database/lucid_session.ts'
import { StoreConnection } from '../../src/storage/database/connection.ts'
import { dialectOf } from '../../src/storage/database/dialect.ts'
import { statementOf, type SqliteHandle } from '../../src/storage/database/sqlite_handle.ts'
import { firstNumber } from '../../src/storage/database/work.ts'
import {
  CONNECTION,
  createDatabase,
  execution,
  ImpatientClock,
  openLucid,
  type TestDatabase,
} from './support.ts'

test.group('storage / a database that cannot be had', (group) => {
  let database: TestDatabase
  group.each.setup(async () => {
    database = await createDatabase()
    return () => database.cleanup()
  })

  test('a write waits for another writer', async ({ assert }) => {
    const other = await database.open().connection(CONNECTION).transaction()
    await other.rawQuery(`update almanac_meta set amount = amount where name = 'journal_id'`)
    const clock = new ImpatientClock()
    let released: Promise<void> | undefined
    clock.onWait = () => (released ??= other.rollback())
    const storage = database.storage({ clock })
    await storage.executions.enqueue({ now: 1, executions: [execution()] })
    await released
    assert.isAbove(clock.waits, 0)
    assert.lengthOf(await storage.executions.list({}), 1)
  })

  test('reading does not wait for a writer', async ({ assert }) => {
    const other = await database.open().connection(CONNECTION).transaction()
    await other.rawQuery(`update almanac_meta set amount = 7 where name = 'journal_id'`)
    const clock = new ImpatientClock()
    assert.equal(await database.storage({ clock }).journal.lastId(), 0)
    assert.equal(clock.waits, 0)
    await other.rollback()
  })

  test('a lock that stays is told of, and nothing was done', async ({ assert }) => {
    const other = await database.open().connection(CONNECTION).transaction()
    await other.rawQuery(`update almanac_meta set amount = 7 where name = 'journal_id'`)
    await database.lucid.rawQuery('pragma busy_timeout = 0')
    const storage = database.storage({ clock: new ImpatientClock() })
    const enqueue = () => storage.executions.enqueue({ now: 1, executions: [execution()] })
    await assert.rejects(enqueue, /executions\.enqueue.*database is locked/)
    await other.rollback()
    assert.deepEqual(await storage.executions.list({}), [])
    await enqueue()
    assert.lengthOf(await storage.executions.list({}), 1)
  })

  test('a closed connection is told of', async ({ assert }) => {
    const storage = database.storage()
    await database.lucid.manager.close(CONNECTION)
    const count = () => storage.executions.countByState()
    await assert.rejects(count, /cannot be reached.*"almanac" is closed/)
  })

  test('a database whose folder is gone is told of', async ({ assert }) => {
    const lucid = openLucid('/nowhere/at/all/store.sqlite3')
    const count = () => database.storage({ lucid }).executions.countByState()
    const error = await count().catch((reason: unknown) => reason)
    assert.equal((error as { code?: string }).code, 'E_STORAGE_UNAVAILABLE')
    await lucid.manager.closeAll()
  })

  test('a file that others use in its old mode works as well', async ({ assert, cleanup }) => {
    const other = new BetterSqlite(database.file)
    cleanup(() => void other.close())
    await database.lucid.manager.closeAll()
    other.pragma('journal_mode = DELETE')
    other.exec('begin')
    other.prepare('select * from almanac_meta').all()
    const lucid = database.open()
    const storage = database.storage({ lucid })
    const mode = async () => {
      const [row] = await lucid.rawQuery('pragma journal_mode')
      return row.journal_mode
    }
    assert.deepEqual(await storage.executions.list({}), [])
    assert.equal(await mode(), 'delete')
    other.exec('commit')
    assert.deepEqual(await storage.executions.list({}), [])
    assert.equal(await mode(), 'wal')
  })

  test('statements that read together read one state', async ({ assert }) => {
    const client = database.lucid.connection(CONNECTION)
    const connection = new StoreConnection({
      client,
      connectionName: CONNECTION,
      dialect: dialectOf(client),
      clock: new SystemClock(),
      logger: new LoggerFactory().create(),
    })
    const other = database.storage({ lucid: database.open() })
    const entries = [{ kind: 'event.created' as const, actor: 'a', subject: 's' }]
    const sql = 'select count(*) from almanac_journal'
    const counts = await connection.snapshot('test', async (work) => {
      const before = await firstNumber(work, sql)
      await other.journal.append({ now: 1, entries })
      return [before, await firstNumber(work, sql)]
    })
    assert.deepEqual(counts, [0, 0])
    assert.equal(await connection.read('test', (work) => firstNumber(work, sql)), 1)
  })

  test('a session repeats a statement that meets another writer', async ({ assert }) => {
    const other = await database.open().connection(CONNECTION).transaction()
    await other.rawQuery(`update almanac_meta set amount = 7 where name = 'journal_id'`)
    const clock = new ImpatientClock()
    let released: Promise<void> | undefined
    clock.onWait = () => (released ??= other.rollback())
    const session = new LucidSession({ client: database.lucid.connection(CONNECTION), clock })
    const { affected } = await session.query('update almanac_meta set amount = amount')
    await released
    const { rows } = await session.query('select name from almanac_meta')
    assert.equal(affected, rows.length)
    assert.isAbove(clock.waits, 0)
  })

  test('prepared statements are kept, and not without end', ({ assert, cleanup }) => {
    const handle = new BetterSqlite(':memory:') as unknown as SqliteHandle & { close(): void }
    cleanup(() => handle.close())
    const first = statementOf(handle, 'select 0 as n')
    assert.strictEqual(statementOf(handle, 'select 0 as n'), first)
    for (let n = 1; n <= 300; n++) {
      assert.deepEqual(statementOf(handle, `select ${n} as n`).all(), [{ n }])
    }
    assert.notStrictEqual(statementOf(handle, 'select 0 as n'), first)
    assert.deepEqual(statementOf(handle, 'select 0 as n').all(), [{ n: 0 }])
  })

  test('missing tables are no outage: the error says what is missing', async ({ assert }) => {
    await database.lucid.rawQuery('drop table almanac_executions')
    await assert.rejects(() => database.storage().executions.countByState(), /no such table/)
  })

  test('a unit that fails leaves nothing behind and gives its connection back', async ({
    assert,
  }) => {
    const storage = database.storage()
    const executions = [execution(), execution({ concurrencyKey: '' })]
    for (let round = 0; round < 3; round++) {
      await assert.rejects(
        () => storage.executions.enqueue({ now: 1, executions }),
        /concurrencyKey is empty/
      )
    }
    assert.deepEqual(await storage.executions.list({}), [])
    await storage.executions.enqueue({ now: 1, executions: [execution()] })
  })

  test('the package’s tables are refused where they cannot live', async ({ assert }) => {
    const client = database.lucid.connection(CONNECTION)
    const elsewhere = Object.create(client, { dialect: { value: { name: 'mssql' } } })
    const stranger = Object.create(database.lucid, { connection: { value: () => elsewhere } })
    assert.throws(() => database.storage({ lucid: stranger }), /connection "almanac".*"mssql"/)
    for (const name of ['oracledb', 'libsql']) {
      const unfit = Object.create(client, { dialect: { value: { name } } })
      const other = Object.create(database.lucid, { connection: { value: () => unfit } })
      assert.throws(() => database.storage({ lucid: other }), /better-sqlite3", "pg" or "mysql2"/)
    }
  })
})
