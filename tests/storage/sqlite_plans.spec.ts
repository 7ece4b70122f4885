import { test } from '@japa/runner'
import { hashKey } from '../../src/keys.ts'
import { SuiteContext, NODE, LEASE, START } from '../../src/testing/storage_suite/context.ts'
import type { SqliteHandle } from '../../src/storage/database/sqlite_handle.ts'
import { CONNECTION, createDatabase, type TestDatabase } from './support.ts'

/** Collects the statements that run on the database's one connection. */
async function recordStatements(database: TestDatabase): Promise<Set<string>> {
  const statements = new Set<string>()
  const pool = database.lucid.connection(CONNECTION).getWriteClient().client
  const handle = (await pool.acquireConnection()) as SqliteHandle
  const prepare = handle.prepare.bind(handle)
  handle.prepare = (sql) => {
    statements.add(sql)
    return prepare(sql)
  }
  await pool.releaseConnection(handle)
  return statements
}

/** How SQLite would run a statement. */
async function planOf(database: TestDatabase, sql: string): Promise<string> {
  const bindings = Array.from({ length: sql.split('?').length - 1 }).fill(1) as number[]
  const rows = await database.lucid.rawQuery(`explain query plan ${sql}`, bindings)
  return rows.map(({ detail }: { detail: string }) => detail).join('; ')
}

test.group('storage on SQLite / plans', (group) => {
  let database: TestDatabase
  let context: SuiteContext
  group.each.setup(async () => {
    database = await createDatabase()
    context = new SuiteContext({ storage: database.storage(), cleanup: async () => {} })
    return () => database.cleanup()
  })

  test('no statement of a running node walks through the executions', async ({ assert }) => {
    const { storage } = context
    const statements = await recordStatements(database)
    const event = await context.insertEvent({ concurrencyKey: 'k' })
    await storage.events.listDue({ now: context.now, limit: 10 })
    await storage.events.fire({ now: context.now, firings: [context.firing(event)] })
    await context.enqueue({ dedupeKey: 'd' }, { dedupeKey: 'd' }, { concurrencyKey: 'c' })
    const [first] = await context.claim({ queues: ['default'] })
    await context.settle(first)
    await context.running({ concurrencyKey: 'k' })
    await context.storage.executions.renew({
      now: context.now,
      node: NODE,
      lease: LEASE,
      holds: [{ id: first.id, attempt: 1, startedAt: null }],
    })
    const { executions } = storage
    const expired = await executions.listExpired({ now: START + 2 * LEASE, limit: 9 })
    await executions.rescueExpired({ now: START + 2 * LEASE, expired, maxRescues: 5 })
    await context.next()
    await executions.requestCancel({ now: context.now, id: first.id, reason: 'x' })
    await executions.findByDedupeKey('d')
    await executions.list({ eventId: event.id })
    await executions.list({ concurrencyKey: 'c' })
    await executions.countByState()
    await storage.stats.rollup({ now: context.now, limit: 10 })
    await storage.stats.fold({ limit: 10 })
    await storage.stats.read({ from: '2027-01-15', to: '2027-01-16' })
    const outcome = 'succeeded' as const
    const rule = { outcome, handler: null, eventId: null, age: 1, count: 1 }
    await executions.prune({ now: context.now, rule, limit: 5 })
    assert.isAbove(statements.size, 30)
    for (const sql of statements) {
      if (/^\s*(select|update|insert|delete)/.test(sql)) {
        const plan = await planOf(database, sql)
        assert.notMatch(plan, /SCAN almanac_executions(?! USING)/, `${sql}\n${plan}`)
      }
    }
  })

  test('pruning looks at the oldest journal rows and no others', async ({ assert }) => {
    const statements = await recordStatements(database)
    await context.storage.journal.prune({ now: context.now, age: 1, limit: 5 })
    const looks = [...statements].filter((sql) => /^select .*almanac_journal/s.test(sql))
    assert.lengthOf(looks, 1)
    // Where nothing is old enough, a bound on the age alone is found by reading every row
    assert.match(looks[0], /from almanac_journal order by id limit \?\)/)
  })

  test('the head of the queue is read in the order of its index', async ({ assert }) => {
    const statements = await recordStatements(database)
    await context.enqueue({})
    await context.claim()
    const head = [...statements].filter((sql) => /order by available_at, id limit/.test(sql))
    assert.isNotEmpty(head)
    for (const sql of head) {
      const plan = await planOf(database, sql)
      assert.match(plan, /almanac_exec_queue_i \(priority=\? AND available_at</)
      assert.notMatch(plan, /TEMP B-TREE/)
    }
  })

  test('a key that came to be held during the claim costs its row only', async ({ assert }) => {
    const [a, b, c] = await context.enqueue({}, { concurrencyKey: 'k' }, {})
    // What another claimant may do on a database without one writer at a time
    await database.lucid.rawQuery(
      `create trigger race after update of state on almanac_executions when new.id = '${a}' begin
        update almanac_executions set running_key = '${hashKey('k')}' where id = '${a}';
      end`
    )
    const claimed = await context.claim()
    assert.deepEqual(
      claimed.map(({ id }) => id),
      [a, c]
    )
    const left = await context.find(b)
    assert.equal(left.state, 'queued')
  })

  test('a claim of nothing takes no lock', async ({ assert }) => {
    const other = await database.open().connection(CONNECTION).transaction()
    await other.rawQuery(`update almanac_meta set amount = 7 where name = 'journal_id'`)
    assert.deepEqual(await context.claim(), [])
    await other.rollback()
  })
})
