import { test } from '@japa/runner'
import { AppFactory } from '@adonisjs/core/factories/app'
import { EmitterFactory } from '@adonisjs/core/factories/events'
import { LoggerFactory } from '@adonisjs/core/factories/logger'
import { Database } from '@adonisjs/lucid/database'
import { dialectOf } from '../../src/storage/database/dialect.ts'
import { LucidSession, sessionOf } from '../../src/storage/database/lucid_session.ts'
import type { KnexClient } from '../../src/storage/database/sqlite_handle.ts'
import { StatementCancel } from '../../src/storage/database/statement_cancel.ts'
import { ManualClock } from '../../src/testing/manual_clock.ts'
import { requires } from '../helpers/services.ts'

const postgres = await requires('postgresql')
const mariadb = await requires('mariadb')
const BASE_URL = new URL('../../', import.meta.url)

const DATABASES = [
  {
    title: 'SQLite',
    skip: false,
    reason: undefined,
    dialect: 'sqlite',
    config: {
      client: 'better-sqlite3',
      connection: { filename: ':memory:' },
      useNullAsDefault: true,
    },
  },
  {
    title: 'PostgreSQL',
    skip: !postgres.available,
    reason: postgres.reason,
    dialect: 'postgres',
    config: { client: 'pg', connection: postgres.location },
  },
  {
    title: 'MariaDB',
    skip: !mariadb.available,
    reason: mariadb.reason,
    dialect: 'mysql',
    config: { client: 'mysql2', connection: mariadb.location },
  },
] as const

for (const { title, skip, reason, dialect, config } of DATABASES) {
  test.group(`sql session on ${title}`, (group) => {
    let lucid: Database
    let session: LucidSession
    const table = `almanac_session_${process.pid}`
    group.tap((t) => t.skip(skip, reason))
    group.each.setup(async () => {
      const app = new AppFactory().create(BASE_URL)
      lucid = new Database(
        // Lucid's config types have no URL; knex takes it
        { connection: 'db', connections: { db: config as never } },
        new LoggerFactory().merge({ enabled: false }).create(),
        new EmitterFactory().create(app)
      )
      session = new LucidSession({ client: lucid.connection('db') })
      await session.query(`create table ${table} (id integer primary key, name varchar(50))`)
      return async () => {
        await session.query(`drop table ${table}`)
        await lucid.manager.closeAll()
      }
    })
    const names = async () => {
      const { rows } = await session.query(`select name from ${table} order by id`)
      return rows.map(({ name }) => name)
    }

    test('rows and counts have one form', async ({ assert }) => {
      assert.equal(session.dialect, dialect)
      const insert = await session.query(`insert into ${table} values (?, ?), (?, ?)`, [
        1,
        'a',
        2,
        'b',
      ])
      assert.deepEqual(insert, { rows: [], affected: 2 })
      const select = await session.query(
        `select id, name from ${table} where id > ? order by id`,
        [0]
      )
      assert.deepEqual(
        select.rows.map((row) => ({ ...row })),
        [
          { id: 1, name: 'a' },
          { id: 2, name: 'b' },
        ]
      )
      assert.equal(select.affected, 0)
      const update = await session.query(`update ${table} set name = ? where id < ?`, ['c', 9])
      assert.deepEqual(update, { rows: [], affected: 2 })
      const none = await session.query(`delete from ${table} where id = ?`, [77])
      assert.deepEqual(none, { rows: [], affected: 0 })
      await session.query(`update ${table} set name = ? where id = ?`, [null, 1])
      assert.deepEqual(await names(), [null, 'c'])
    })

    test('a question mark in a text, a name or a comment is no binding', async ({ assert }) => {
      const text = `insert into ${table} values (1, 'it''s? really??'), (?, ?) -- why? "no"`
      await session.query(text, [2, 'bound?'])
      await session.query(`insert into ${table} /* ? */ values (3, 'plain?')`)
      assert.deepEqual(await names(), [`it's? really??`, 'bound?', 'plain?'])
      const { rows } = await session.query(`select 'a?' as one, count(*) as two from ${table}`)
      assert.equal(rows[0].one, 'a?')
    })

    test('a transaction commits, and a throw rolls it back', async ({ assert }) => {
      const insert = `insert into ${table} values (?, ?)`
      const result = await session.transaction(async (trx) => {
        await trx.query(insert, [1, 'kept'])
        const { affected } = await trx.query(insert, [2, 'kept too'])
        return affected
      })
      assert.equal(result, 1)
      const failing = session.transaction(async (trx) => {
        await trx.query(insert, [3, 'lost'])
        throw new Error('no')
      })
      await assert.rejects(() => failing, 'no')
      assert.deepEqual(await names(), ['kept', 'kept too'])
    })

    test('transactions are flat', async ({ assert }) => {
      const nested = session.transaction((trx) => trx.transaction(async () => 1))
      await assert.rejects(() => nested, /inside a transaction/)
      const client = await lucid.connection('db').transaction()
      const inner = sessionOf(client)
      await inner.query(`insert into ${table} values (?, ?)`, [1, 'gone'])
      await assert.rejects(() => inner.transaction(async () => 1), /inside a transaction/)
      await client.rollback()
      assert.deepEqual(await names(), [])
    })

    test('its clock is the database’s', async ({ assert }) => {
      const before = Date.now()
      const now = await session.now()
      assert.isTrue(Number.isInteger(now))
      assert.closeTo(now, before, 5_000)
    })

    test('a failing statement says why and gives its connection back', async ({ assert }) => {
      for (let round = 0; round < 12; round++) {
        await assert.rejects(() => session.query('select nonsense from nowhere'), /nowhere/)
      }
      assert.deepEqual(await names(), [])
    })

    test('nothing is begun for a signal that has aborted', async ({ assert }) => {
      const signal = AbortSignal.abort(new Error('stop'))
      const insert = session.query(`insert into ${table} values (1, 'a')`, [], { signal })
      await assert.rejects(() => insert, 'stop')
      assert.deepEqual(await names(), [])
    })

    test('a signal that does not abort changes nothing', async ({ assert }) => {
      const { signal } = new AbortController()
      await session.query(`insert into ${table} values (?, ?)`, [1, 'a'], { signal })
      await session.cancel()
      assert.deepEqual(await names(), ['a'])
    })
  })
}

for (const [{ title, skip, reason, config }, nap] of [
  [DATABASES[1], 'select pg_sleep(60)'],
  [DATABASES[2], 'select sleep(60)'],
] as const) {
  test.group(`cancelling on ${title}`, (group) => {
    let lucid: Database
    group.tap((t) => t.skip(skip, reason))
    group.each.setup(() => {
      const app = new AppFactory().create(BASE_URL)
      lucid = new Database(
        { connection: 'db', connections: { db: config as never } },
        new LoggerFactory().merge({ enabled: false }).create(),
        new EmitterFactory().create(app)
      )
      return () => lucid.manager.closeAll()
    })

    /** Resolves when the database has begun the statement. */
    async function begun(session: LucidSession) {
      const listing =
        title === 'PostgreSQL'
          ? `select count(*) as n from pg_stat_activity where query = '${nap}' and state = 'active'`
          : `select count(*) as n from information_schema.processlist where info = '${nap}'`
      for (;;) {
        const { rows } = await session.query(listing)
        if (Number(rows[0].n) > 0) {
          return
        }
      }
    }

    test('an abort ends the statement that is running', async ({ assert }) => {
      const session = new LucidSession({ client: lucid.connection('db') })
      const controller = new AbortController()
      const running = session.query(nap, [], { signal: controller.signal })
      await begun(session)
      controller.abort(new Error('timed out'))
      await assert.rejects(() => running, 'timed out')
    })

    test('an aborted statement leaves a connection that works', async ({ assert }) => {
      // One connection: a cancel that came too late would end the next statement on it
      const session = new LucidSession({ client: lucid.connection('db') })
      const single = await lucid.connection('db').transaction()
      const inside = new LucidSession({ client: single })
      for (let round = 0; round < 5; round++) {
        const controller = new AbortController()
        const quick = inside.query('select 1 as n', [], { signal: controller.signal })
        controller.abort(new Error('stop'))
        await quick.catch((error: Error) => assert.equal(error.message, 'stop'))
        if (title === 'PostgreSQL') {
          await inside.query('rollback')
        }
        const { rows } = await inside.query('select 2 as n')
        assert.equal(Number(rows[0].n), 2)
      }
      await single.rollback()
      assert.isAbove(await session.now(), 0)
    })

    test('so does cancel(), inside a transaction as well', async ({ assert }) => {
      const client = await lucid.connection('db').transaction()
      const session = new LucidSession({ client })
      const outcome = session.query(nap).then(
        () => 'ended',
        (error: Error) => error.message
      )
      const watcher = new LucidSession({ client: lucid.connection('db') })
      await begun(watcher)
      await session.cancel()
      // MariaDB's sleep() is not an error when it is interrupted
      assert.match(await outcome, /canceling statement|interrupted|ended/)
      await client.rollback()
    })
  })
}

test.group('sql session on SQLite', (group) => {
  let lucid: Database
  group.each.setup(() => {
    const app = new AppFactory().create(BASE_URL)
    lucid = new Database(
      { connection: 'db', connections: { db: { ...DATABASES[0].config } } },
      new LoggerFactory().create(),
      new EmitterFactory().create(app)
    )
    return () => lucid.manager.closeAll()
  })

  test('what a data statement returns counts as changed', async ({ assert }) => {
    const session = sessionOf(lucid.connection('db'))
    await session.query('create table t (id integer, data blob)')
    const insert = 'insert into t values (?, ?), (?, ?) returning id'
    const blob = new Uint8Array([1, 2])
    const { rows, affected } = await session.query(insert, [true, blob, new Date(7), null])
    assert.deepEqual(rows, [{ id: 1 }, { id: 7 }])
    assert.equal(affected, 2)
    const read = await session.query('with x as (select 5 as n) select n from x where n = ?', [5n])
    assert.deepEqual(read, { rows: [{ n: 5 }], affected: 0 })
  })

  test('several statements in one text are refused', async ({ assert }) => {
    const session = sessionOf(lucid.connection('db'))
    await assert.rejects(() => session.query('select 1; select 2'), /more than one statement/)
  })

  test('a database that Almanac does not know is refused', ({ assert }) => {
    const client = Object.create(lucid.connection('db'), { dialect: { value: { name: 'mssql' } } })
    assert.throws(() => sessionOf(client), /connection "db".*"mssql"/)
  })
})

test.group('cancelling a statement', () => {
  const oracle = dialectOf({ dialect: { name: 'oracledb' }, connectionName: 'db' })
  const knex = {} as KnexClient

  test('Oracle interrupts on the connection itself, again until the statement answers', async ({
    assert,
  }) => {
    const clock = new ManualClock()
    let breaks = 0
    const connection = { break: async () => void breaks++ }
    const controller = new AbortController()
    const cancel = new StatementCancel(
      { dialect: oracle, knex, connection, clock },
      controller.signal
    )
    await clock.advance(1_000)
    assert.equal(breaks, 0)
    controller.abort('cancelled')
    await clock.settle()
    assert.equal(breaks, 1)
    await clock.advance(500)
    assert.equal(breaks, 2)
    await cancel.settled()
    await clock.advance(5_000)
    assert.equal(breaks, 2)
  })

  test('the connection is lent again only when no request is under way', async ({ assert }) => {
    const clock = new ManualClock()
    const answer = Promise.withResolvers<void>()
    const connection = { break: () => answer.promise }
    const controller = new AbortController()
    const cancel = new StatementCancel(
      { dialect: oracle, knex, connection, clock },
      controller.signal
    )
    controller.abort('cancelled')
    let settled = false
    const settling = cancel.settled().then(() => (settled = true))
    await clock.settle()
    assert.isFalse(settled)
    answer.reject(new Error('gone'))
    await settling
    await clock.advance(5_000)
  })
})
