import { test } from '@japa/runner'
import { createServerDatabase, type ServerDatabase } from '../helpers/server_database.ts'
import { requires } from '../helpers/services.ts'
import { makeNode } from '../loop/loop_support.ts'
import { ManualClock } from '../../src/testing/manual_clock.ts'
import { SuiteContext, START } from '../../src/testing/storage_suite/context.ts'

const EVENTS = 100_000
const postgres = await requires('postgresql')

/** Statements as PostgreSQL is asked them, on every connection of the pool. */
function recordStatements({ lucid }: ServerDatabase): string[] {
  const statements: string[] = []
  const { client } = lucid.connection('almanac').getWriteClient()
  const acquire = client.acquireConnection.bind(client)
  const seen = new WeakSet<object>()
  client.acquireConnection = async () => {
    const connection = await acquire()
    if (!seen.has(connection)) {
      seen.add(connection)
      const query = connection.query.bind(connection)
      connection.query = (sql: unknown, ...rest: unknown[]) => {
        statements.push(String((sql as { text?: string }).text ?? sql))
        return query(sql, ...rest)
      }
    }
    return connection
  }
  return statements
}

/** Many events, of which none is due; written by one statement. */
async function fill(database: ServerDatabase): Promise<void> {
  const context = new SuiteContext({ storage: database.storage(), cleanup: async () => {} })
  const event = await context.insertEvent({ nextRunAt: START + 1, tags: ['t'], subject: 's' })
  const answer = await database
    .client()
    .rawQuery(
      `select column_name from information_schema.columns where table_name = 'almanac_events'`
    )
  const own: Record<string, string> = {
    id: `id || '-' || n`,
    name: `name || n`,
    name_hash: `md5(n::text) || md5(n::text)`,
    source_key_hash: `md5(n::text) || md5(n::text)`,
    next_run_at: `next_run_at + n`,
    subject: `subject || n`,
  }
  const columns = answer.rows.map(({ column_name: name }: { column_name: string }) => name)
  const values = columns.map((name: string) => own[name] ?? name)
  await database.client().rawQuery(
    `insert into almanac_events (${columns.join(', ')})
      select ${values.join(', ')} from almanac_events, generate_series(1, ${EVENTS - 1}) n
      where id = '${event.id}'`
  )
  await database
    .client()
    .rawQuery(
      `insert into almanac_event_tags select id, 'tag-' || right(id, 3) from almanac_events`
    )
  await database.client().rawQuery('analyze')
}

test.group(`events on ${postgres.title}, ${EVENTS} of them`, (group) => {
  group.tap((t) => t.skip(!postgres.available, postgres.reason).timeout(120_000))
  let database: ServerDatabase
  if (postgres.available) {
    group.setup(async () => {
      database = await createServerDatabase(postgres)
      await fill(database)
      return () => database.drop()
    })
  }

  /** How PostgreSQL runs a statement, bindings filled in. */
  const planOf = async (sql: string, ...values: (string | number)[]) => {
    const given = [...values]
    const text = sql.replace(/\$\d+/g, () => {
      const value = given.shift()!
      return typeof value === 'number' ? String(value) : `'${value}'`
    })
    const { rows } = await database.client().rawQuery(`explain ${text}`)
    return rows.map((row: Record<string, string>) => row['QUERY PLAN']).join('\n') as string
  }

  test('a tick with nothing due asks once, along an index', async ({ assert }) => {
    const storage = database.storage()
    await storage.now()
    const statements = recordStatements(database)
    assert.deepEqual(await storage.events.peek({ now: START }), { now: START, next: START + 1 })
    assert.lengthOf(statements, 1)
    const plan = await planOf(statements[0])
    assert.match(plan, /Index.* using almanac_events_due_i/)
    assert.notMatch(plan, /Seq Scan on almanac_events|Sort/)
  })

  test('the loop that has nothing to do asks that and no more', async ({ assert }) => {
    const storage = database.storage()
    const clock = new ManualClock(START - 3_600_000)
    const { loop, chaos } = makeNode({ storage, clock })
    await loop.start()
    await clock.settle()
    const before = chaos.calls('events.peek')
    while (chaos.calls('events.peek') < before + 3) {
      await clock.advance(1_000)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await loop.stop()
    assert.equal(chaos.calls('events.listDue'), 0)
    assert.equal(chaos.calls('events.nextDueAt'), 0)
  })

  test('due events, tags, subjects and pages of the check go along indexes', async ({ assert }) => {
    const { events } = database.storage()
    const statements = recordStatements(database)
    const asked = async (call: () => Promise<unknown>) => {
      statements.length = 0
      await call()
      return statements.find((sql) => /from almanac_events/.test(sql))!
    }
    const due = await asked(() => events.listDue({ now: START, limit: 500 }))
    assert.match(await planOf(due, START, 500), /almanac_events_due_i/)
    const tagged = await asked(() => events.list({ tags: ['tag-777'], limit: 10 }))
    const plan = await planOf(tagged, 'tag-777', 10)
    assert.match(plan, /almanac_event_tags_i/)
    assert.notMatch(plan, /Seq Scan/)
    const about = await asked(() => events.list({ subject: 's77' }))
    assert.match(await planOf(about, 's77'), /almanac_events_subject_i/)
    const walk = await asked(() => events.listForeign({ after: 'event', limit: 500 }))
    const page = await planOf(walk, 'event', 500)
    assert.match(page, /Index Scan using almanac_events_pk/)
    assert.notMatch(page, /Sort|Seq Scan/)
  })
})
