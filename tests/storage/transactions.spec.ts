import { test } from '@japa/runner'
import { SystemClock } from '../../src/clock.ts'
import { newId } from '../../src/ids.ts'
import type { NewExecution } from '../../src/storage/contract.ts'
import { immediateTransaction } from '../../src/storage/database/immediate_transaction.ts'
import { CONNECTION, createDatabase, type TestDatabase } from './support.ts'

function execution(columns: Partial<NewExecution> = {}): NewExecution {
  return {
    id: newId(),
    eventId: null,
    handler: 'noop',
    queue: 'default',
    origin: 'enqueue',
    payload: { n: 1 },
    priority: 5,
    slot: null,
    slotKey: null,
    rerunOf: null,
    dedupeKey: null,
    concurrencyKey: null,
    availableAt: null,
    timeout: null,
    retries: null,
    ...columns,
  }
}

/** The system's clock, that counts how often it was waited on, and waits only briefly. */
class ImpatientClock extends SystemClock {
  waits = 0
  onWait = () => {}

  override timer(_: number, callback: () => void, options?: { ref?: boolean }) {
    this.waits++
    this.onWait()
    return super.timer(0, callback, options)
  }
}

test.group('storage / the caller’s transaction', (group) => {
  let database: TestDatabase
  group.each.setup(async () => {
    database = await createDatabase()
    await database.lucid.rawQuery('create table orders (id integer)')
    return () => database.cleanup()
  })

  test('what is enqueued lives with it', async ({ assert }) => {
    const storage = database.storage()
    const one = execution({ dedupeKey: 'k' })
    const journal = { kind: 'event.triggered' as const, actor: 'anna', subject: 'e' }
    await database.lucid.connection(CONNECTION).transaction(async (client) => {
      await client.table('orders').insert({ id: 1 })
      const params = { now: 5, executions: [one, execution({ dedupeKey: 'k' })], client, journal }
      assert.deepEqual(await storage.executions.enqueue(params), [
        { id: one.id, inserted: true },
        { id: one.id, inserted: false },
      ])
    })
    const stored = await storage.executions.find(one.id)
    assert.deepEqual([stored?.payload, stored?.createdAt], [{ n: 1 }, 5])
    assert.equal(await storage.journal.lastId(), 1)
  })

  test('and dies with it', async ({ assert }) => {
    const storage = database.storage()
    const client = await database.lucid.connection(CONNECTION).transaction()
    await storage.executions.enqueue({ now: null, executions: [execution()], client })
    await client.rollback()
    assert.deepEqual(await storage.executions.list({}), [])
    assert.equal(await storage.journal.lastId(), 0)
  })

  test('nobody sees it before the commit', async ({ assert }) => {
    const other = database.storage({ lucid: database.open() })
    const client = await database.lucid.connection(CONNECTION).transaction()
    await database.storage().executions.enqueue({ now: 1, executions: [execution()], client })
    assert.deepEqual(await other.executions.list({}), [])
    await client.commit()
    assert.lengthOf(await other.executions.list({}), 1)
  })

  test('a transaction of another connection is refused', async ({ assert }) => {
    const client = await database.lucid.connection('other').transaction()
    const enqueue = () =>
      database.storage().executions.enqueue({ now: 1, executions: [execution()], client })
    await assert.rejects(enqueue, /"other".*"almanac"/)
    await client.rollback()
  })

  test('a client that is no transaction is as good as none', async ({ assert }) => {
    const client = database.lucid.connection(CONNECTION)
    const storage = database.storage()
    await storage.executions.enqueue({ now: 1, executions: [execution()], client })
    assert.lengthOf(await storage.executions.list({}), 1)
  })
})

test.group('storage / immediate transactions', (group) => {
  let database: TestDatabase
  group.each.setup(async () => {
    database = await createDatabase()
    await database.lucid.rawQuery('create table orders (id integer)')
    return () => database.cleanup()
  })
  const client = () => database.lucid.connection(CONNECTION)
  const orders = async () => {
    const rows = await client().from('orders').orderBy('id')
    return rows.map(({ id }: { id: number }) => id)
  }

  test('hold the write lock before their first statement', async ({ assert }) => {
    const other = database.open().connection(CONNECTION)
    await other.rawQuery('pragma busy_timeout = 0')
    await immediateTransaction(client(), async (trx) => {
      await assert.rejects(() => other.table('orders').insert({ id: 9 }), /database is locked/)
      await trx.table('orders').insert({ id: 1 })
    })
    await other.table('orders').insert({ id: 2 })
    assert.deepEqual(await orders(), [1, 2])
  })

  test('where a plain transaction that reads first fails', async ({ assert }) => {
    const other = database.open().connection(CONNECTION)
    const plain = await client().transaction()
    await plain.from('orders')
    await other.table('orders').insert({ id: 1 })
    await assert.rejects(() => plain.table('orders').insert({ id: 2 }), /database is locked/)
    await plain.rollback()
    await immediateTransaction(client(), async (trx) => {
      await trx.from('orders')
      await trx.table('orders').insert({ id: 2 })
    })
    assert.deepEqual(await orders(), [1, 2])
  })

  test('are Lucid transactions: models, hooks and their result', async ({ assert }) => {
    const seen: string[] = []
    const result = await immediateTransaction(client(), async (trx) => {
      assert.isTrue(trx.isTransaction)
      assert.equal(trx.connectionName, CONNECTION)
      trx.after('commit', () => void seen.push('after commit'))
      await trx.insertQuery().table('orders').insert({ id: 4 })
      return 'result'
    })
    assert.equal(result, 'result')
    assert.deepEqual(seen, ['after commit'])
  })

  test('a throw rolls back and comes out as it is', async ({ assert }) => {
    const problem = new Error('no')
    const work = immediateTransaction(client(), async (trx) => {
      await trx.table('orders').insert({ id: 1 })
      throw problem
    })
    await assert.rejects(() => work, 'no')
    assert.deepEqual(await orders(), [])
  })

  test('a transaction that its work ended stays so', async ({ assert }) => {
    await immediateTransaction(client(), async (trx) => {
      await trx.table('orders').insert({ id: 1 })
      await trx.commit()
    })
    const ended = immediateTransaction(client(), async (trx) => {
      await trx.table('orders').insert({ id: 2 })
      await trx.rollback()
      throw new Error('after it')
    })
    await assert.rejects(() => ended, 'after it')
    assert.deepEqual(await orders(), [1])
  })

  test('wait for another writer without blocking, and run their work once', async ({ assert }) => {
    const other = await database.open().connection(CONNECTION).transaction()
    await other.table('orders').insert({ id: 1 })
    const clock = new ImpatientClock()
    let committed: Promise<void> | undefined
    clock.onWait = () => (committed ??= other.commit())
    let runs = 0
    const work = immediateTransaction(
      client(),
      async (trx) => {
        runs++
        await trx.table('orders').insert({ id: 2 })
      },
      { clock }
    )
    await work
    await committed
    assert.equal(runs, 1)
    assert.isAbove(clock.waits, 0)
    assert.deepEqual(await orders(), [1, 2])
  })

  test('give the connection its own busy timeout back', async ({ assert }) => {
    await client().rawQuery('pragma busy_timeout = 1234')
    await immediateTransaction(client(), (trx) => trx.table('orders').insert({ id: 1 }))
    await database.storage().executions.enqueue({ now: 1, executions: [execution()] })
    const [row] = await client().rawQuery('pragma busy_timeout')
    assert.equal(row.timeout, 1234)
  })

  test('do not nest', async ({ assert }) => {
    const nested = immediateTransaction(client(), (trx) => immediateTransaction(trx, async () => 1))
    await assert.rejects(() => nested, /inside a transaction/)
  })
})

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
    const postgres = Object.create(client, { dialect: { value: { name: 'postgres' } } })
    const other = Object.create(database.lucid, { connection: { value: () => postgres } })
    assert.throws(() => database.storage({ lucid: other }), /better-sqlite3/)
  })
})
