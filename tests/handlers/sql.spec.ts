import { test } from '@japa/runner'
import type { QueryClientContract } from '@adonisjs/lucid/types/database'
import { sqlHandler } from '../../src/handlers/sql/handler.ts'
import { Failed } from '../../src/jobs/outcome.ts'
import { sessionOf } from '../../src/storage/database/lucid_session.ts'
import { createServerDatabase } from '../helpers/server_database.ts'
import { requires, type Service } from '../helpers/services.ts'
import { createDatabase, CONNECTION } from '../storage/support.ts'
import { Attempt, read } from './support.ts'

const postgres = await requires('postgresql')
const mariadb = await requires('mariadb')

const STATEMENTS = {
  add: 'insert into stock (sku, amount) values (:sku, :amount)',
  move: `update stock set amount = amount - :by where sku = :from;
    update stock set amount = amount + :by where sku = :to`,
  purge: 'delete from stock where amount < ?',
  list: 'select * from stock',
  wrong: 'update nowhere set a = 1',
}

const KINDS = [
  { title: 'SQLite', service: null, wait: null, listing: null },
  {
    title: 'PostgreSQL',
    service: postgres,
    wait: 'select pg_sleep(60), 4711 as marker',
    listing: `select 1 from pg_stat_activity where state = 'active' and pid <> pg_backend_pid() and query like '%4711 as marker%'`,
  },
  {
    title: 'MariaDB',
    service: mariadb,
    wait: 'select sleep(60), 4711 as marker',
    listing: `select 1 from information_schema.processlist where id <> connection_id() and info like '%4711 as marker%'`,
  },
]

/** An empty database of its own. */
async function open(service: Service | null) {
  if (service) {
    const database = await createServerDatabase(service, { migrated: false })
    return { client: database.client(), drop: () => database.drop() }
  }
  const database = await createDatabase({ migrated: false })
  return { client: database.lucid.connection(CONNECTION), drop: () => database.cleanup() }
}

for (const { title, service, wait, listing } of KINDS) {
  test.group(`almanac.sql | on ${title}`, (group) => {
    let client: QueryClientContract
    let drop: () => Promise<void>
    group.tap((each) => each.skip(service?.available === false, service?.reason ?? ''))
    group.each.setup(async () => {
      ;({ client, drop } = await open(service))
      await client.rawQuery('create table stock (sku varchar(20) primary key, amount integer)')
      await client.rawQuery(`insert into stock values ('a', 10), ('b', 1)`)
      return drop
    })

    function run(payload: object, settings: object = {}) {
      const keys = { connections: ['main'], statements: STATEMENTS, ...settings }
      const { sql } = read({ builtIn: { sql: keys } })
      const handler = sqlHandler({ config: sql!, sessionOf: () => sessionOf(client) })
      return new Attempt(handler, payload)
    }

    const stock = async () => {
      const rows = await client.from('stock').select('*').orderBy('sku')
      return Object.fromEntries(rows.map(({ sku, amount }) => [sku, amount]))
    }

    test('runs statements of config with their binds, and counts rows', async ({ assert }) => {
      const statements = [
        { statement: 'add', binds: { sku: 'c', amount: 0 } },
        { statement: 'move', binds: { by: 4, from: 'a', to: 'b' } },
        { statement: 'purge', binds: [1] },
        { statement: 'list' },
      ]
      const { result, error } = await run({ statements }).done
      assert.isNull(error)
      assert.deepEqual(result, {
        affected: 4,
        statements: [
          { statement: '"add"', affected: 1, selected: 0 },
          { statement: '"move", part 1', affected: 1, selected: 0 },
          { statement: '"move", part 2', affected: 1, selected: 0 },
          { statement: '"purge"', affected: 1, selected: 0 },
          { statement: '"list"', affected: 0, selected: 2 },
        ],
      })
      assert.deepEqual(await stock(), { a: 6, b: 5 })
    })

    test('one that fails takes all back', async ({ assert }) => {
      const statements = [{ statement: 'purge', binds: [5] }, { statement: 'wrong' }]
      const { error } = await run({ statements }).done
      assert.match(error.message, /^"wrong": .*nowhere/)
      assert.notInstanceOf(error, Failed)
      assert.deepEqual(await stock(), { a: 10, b: 1 })
    })

    test('a value is never read as SQL', async ({ assert }) => {
      const binds = { sku: `'); drop table x--`, amount: 3 }
      const { result } = await run({ statement: 'add', binds }).done
      assert.equal(result.affected, 1)
      assert.property(await stock(), binds.sku)
    })

    test('{why} fails for good, and nothing runs')
      .with([
        { why: 'a name without a value', payload: { statement: 'add', binds: { sku: 'x' } } },
        {
          why: 'a value without a name',
          payload: { statement: 'add', binds: { sku: 'x', amount: 1, more: 2 } },
        },
        { why: 'a list for names', payload: { statement: 'add', binds: ['x', 1] } },
        { why: 'a value too few', payload: { statement: 'purge', binds: [] } },
        { why: 'a value too many', payload: { statement: 'purge', binds: [1, 2] } },
        { why: 'a name for a place', payload: { statement: 'purge', binds: { a: 1 } } },
        { why: 'a commit', payload: { text: 'delete from stock; commit' } },
        { why: 'a rollback', payload: { text: 'rollback' } },
        {
          why: 'a switch of autocommit',
          payload: { text: 'set autocommit = 0; delete from stock; set @@autocommit = 1; bad' },
        },
        { why: 'a prepared transaction', payload: { text: `prepare transaction 'a'` } },
        { why: 'a quote that does not end', payload: { text: `select 'open` } },
        { why: 'no statement', payload: { text: ' ; ' } },
      ])
      .run(async ({ assert }, { payload }) => {
        const { error } = await run(payload, { allowText: true }).done
        assert.instanceOf(error, Failed)
        assert.deepEqual(await stock(), { a: 10, b: 1 })
      })

    test('a text runs where config allows it', async ({ assert }) => {
      const payload = { text: 'delete from stock where sku = :sku', binds: { sku: 'a' } }
      assert.instanceOf(await run(payload).error, Failed)
      const { result } = await run(payload, { allowText: true }).done
      assert.equal(result.affected, 1)
    })

    test('an attempt that lost its lease does not commit', async ({ assert }) => {
      const attempt = run({
        statements: [{ statement: 'purge', binds: [5] }, { statement: 'list' }],
      })
      await attempt.line(/"purge"/)
      attempt.controller.abort('lease lost')
      assert.equal(await attempt.error, 'lease lost')
      assert.deepEqual(await stock(), { a: 10, b: 1 })
    })

    if (wait && listing) {
      test('a statement that is cancelled is gone from the server', async ({ assert }) => {
        const count = async () => {
          const answer = await client.rawQuery(listing)
          return (answer.rows ?? answer[0]).length as number
        }
        const statements = [{ statement: 'purge', binds: [5] }, { text: wait }]
        const attempt = run({ statements }, { allowText: true })
        while ((await count()) === 0) {
          // Each look is a round trip to the server
        }
        attempt.controller.abort('cancelled')
        assert.equal(await attempt.error, 'cancelled')
        assert.equal(await count(), 0)
        assert.deepEqual(await stock(), { a: 10, b: 1 })
      })
    }
  })
}
