import { test } from '@japa/runner'
import { CONNECTION, createDatabase, execution, type TestDatabase } from './support.ts'

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
