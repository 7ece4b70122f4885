import { test } from '@japa/runner'
import { knexOf } from '../../src/storage/database/sqlite_handle.ts'
import { createServerDatabase, openServer, storageOn } from '../helpers/server_database.ts'
import { requires } from '../helpers/services.ts'
import { execution, ImpatientClock } from './support.ts'

const postgres = await requires('postgresql')
const CLAIM = { now: null, limit: 10, handlers: ['noop'], node: 'a.1', lease: 60_000 }

interface Connection {
  query(query: { text: string; name?: string }): Promise<unknown>
}

test.group('storage on PostgreSQL / what the server keeps', (group) => {
  group.tap((t) => t.skip(!postgres.available, postgres.reason).timeout(60_000))

  /** A store on one connection, and what is asked on it. */
  async function open(cleanup: (callback: () => Promise<void>) => void) {
    const database = await createServerDatabase(postgres)
    cleanup(() => database.drop())
    const lucid = openServer(database.url, { min: 1, max: 1 })
    cleanup(() => lucid.manager.closeAll())
    const { executions } = storageOn(lucid, new ImpatientClock())
    const pool = knexOf(lucid.connection('almanac'))
    const connection = (await pool.acquireConnection()) as Connection
    await pool.releaseConnection(connection)
    const ask = connection.query.bind(connection)
    const asked: { text: string; name?: string }[] = []
    connection.query = (query) => {
      asked.push(query)
      return ask(query)
    }
    const kept = async (like: string) => {
      const text = `select name from pg_prepared_statements where statement like '${like}'`
      const { rows } = (await ask({ text })) as { rows: { name: string }[] }
      return rows.map(({ name }) => name)
    }
    const enqueue = async (input: Parameters<typeof execution>[0] = {}) => {
      const [result] = await executions.enqueue({ now: null, executions: [execution(input)] })
      return result
    }
    const claim = async () => {
      const claimed = await executions.claim(CLAIM)
      return claimed.map(({ id }) => id)
    }
    return { database, executions, connection, ask, asked, kept, enqueue, claim }
  }

  test('one execution is enqueued and claimed in a statement each', async ({ assert, cleanup }) => {
    const { asked, enqueue, claim } = await open(cleanup)
    await enqueue()
    assert.lengthOf(await claim(), 1)
    for (let round = 0; round < 3; round++) {
      asked.length = 0
      const { id } = await enqueue()
      assert.deepEqual(await claim(), [id])
      assert.lengthOf(asked, 2)
      assert.isTrue(asked.every(({ name }) => name !== undefined))
    }
  })

  test('its instants are the database’s', async ({ assert, cleanup }) => {
    const { ask, executions, enqueue } = await open(cleanup)
    const text = 'select floor(extract(epoch from clock_timestamp()) * 1000)::float8 as ms'
    const clock = async () => {
      const { rows } = (await ask({ text })) as { rows: [{ ms: number }] }
      return rows[0].ms
    }
    const before = await clock()
    const { id } = await enqueue({ delay: 500, expiresIn: 1_000 })
    const stored = (await executions.find(id))!
    assert.isAtLeast(stored.createdAt, before)
    assert.isAtMost(stored.createdAt, await clock())
    assert.equal(stored.availableAt, stored.createdAt + 500)
    assert.equal(stored.expiresAt, stored.createdAt + 1_500)
  })

  test('what went in before the answer was lost has gone in', async ({ assert, cleanup }) => {
    const { connection, executions, enqueue } = await open(cleanup)
    const ask = connection.query
    let lost = 0
    connection.query = async (query) => {
      const answer = await ask(query)
      if (query.text.includes('insert into almanac_executions') && lost++ === 0) {
        throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
      }
      return answer
    }
    const first = await enqueue({ dedupeKey: 'k' })
    assert.equal(lost, 2)
    assert.isTrue(first.inserted)
    assert.deepEqual(await enqueue({ dedupeKey: 'k' }), { id: first.id, inserted: false })
    assert.lengthOf(await executions.list({}), 1)
  })

  test('a statement that the server keeps no more, or for another, is said whole', async ({
    assert,
    cleanup,
  }) => {
    const first = await open(cleanup)
    await first.enqueue()
    await first.claim()
    await first.claim()
    const names = await first.kept('%almanac_executions%')
    assert.lengthOf(names, 2)
    await first.ask({ text: 'deallocate all' })
    const { id } = await first.enqueue()
    assert.deepEqual(await first.claim(), [id])
    assert.isEmpty(await first.kept('%'))
    const second = await open(cleanup)
    for (const name of names) {
      await second.ask({ text: `prepare "${name}" as select 1` })
    }
    for (let round = 0; round < 3; round++) {
      const waiting = await second.enqueue()
      assert.deepEqual(await second.claim(), [waiting.id])
    }
  })

  test('a claim is planned anew when its table has grown', async ({ assert, cleanup }) => {
    const { database, kept, enqueue, claim } = await open(cleanup)
    const claimOne = async () => {
      const { id } = await enqueue()
      assert.deepEqual(await claim(), [id])
    }
    const claims = () => kept('with recursive%')
    for (let round = 0; round < 8; round++) {
      await claimOne()
    }
    assert.lengthOf(await claims(), 1)
    await database.client().rawQuery(
      `insert into almanac_executions (id, handler, queue, origin, state, priority, slot_count,
        available_at, created_at, finished_at, attempt, failures, rescues, renewals, rolled_up)
      select n, 'noop', 'default', 'enqueue', 'succeeded', 5, 1, n, n, n, 1, 0, 0, 0, 1
      from generate_series(1, 20000) as numbers(n)`
    )
    for (let round = 0; round < 8; round++) {
      await claimOne()
    }
    assert.lengthOf(await claims(), 2)
  })

  test('while much is waiting, each claim is planned for itself', async ({ assert, cleanup }) => {
    const { asked, executions, claim } = await open(cleanup)
    await claim()
    const waiting = Array.from({ length: 25 }, () => execution())
    await executions.enqueue({ now: null, executions: waiting })
    const names: (string | undefined)[] = []
    for (const found of [10, 10, 5]) {
      assert.lengthOf(await claim(), found)
      names.push(asked.at(-1)!.name)
    }
    assert.isDefined(names[0])
    assert.deepEqual(names.slice(1), [undefined, undefined])
    await claim()
    assert.isTrue(asked.some(({ name }, place) => place > asked.length - 3 && name === names[0]))
  })
})
