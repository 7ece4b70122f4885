import { test } from '@japa/runner'
import { immediateTransaction } from '../../src/storage/database/immediate_transaction.ts'
import {
  CONNECTION,
  createDatabase,
  execution,
  ImpatientClock,
  type TestDatabase,
} from './support.ts'

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
