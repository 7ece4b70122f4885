import { test } from '@japa/runner'
import { knexOf } from '../../src/storage/database/sqlite_handle.ts'
import { DAY, LEASE, NODE, START, SuiteContext } from '../../src/testing/storage_suite/context.ts'
import { createServerDatabase, type ServerDatabase } from '../helpers/server_database.ts'
import { requires, type Service } from '../helpers/services.ts'

const FINISHED = 20_000
const TABLE = 'almanac_executions'

type Ask = (sql: string, values?: unknown[]) => Promise<string>

/** Makes as many ended rows as a store has after some days. */
const fill = (source: string, n: string) =>
  `insert into ${TABLE} (id, event_id, handler, queue, origin, state, priority, slot_count,
    available_at, created_at, finished_at, attempt, failures, rescues, renewals, rolled_up)
    select concat('done-', ${n}), concat('event-', ${n} % 100), 'noop', 'default', 'schedule',
      'succeeded', 5, 1, ${n}, ${n}, ${START} - ${n} * 1000, 1, 0, 0, 0, 1 from ${source}`

/** The numbers from 1, as MariaDB and MySQL both make them. */
function numbers(): string {
  const digit =
    'select 0 as d union all select 1 union all select 2 union all select 3 union all select 4 union all select 5 union all select 6 union all select 7 union all select 8 union all select 9'
  const tables = ['a', 'b', 'c', 'e', 'f'].map((name) => `(${digit}) ${name}`).join(', ')
  return `select 1 + a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d as n from ${tables}
    having n <= ${FINISHED}`
}

const SERVERS = [
  {
    service: await requires('postgresql'),
    fill: fill(`generate_series(1, ${FINISHED}) as numbers(n)`, 'n'),
    analyze: `analyze ${TABLE}`,
    /** The parts of a plan that read the whole table. */
    walks: (plan: string) => plan.match(new RegExp(`Seq Scan on ${TABLE}.*`)),
    hook(connection: any, asked: (sql: string, ask: Ask, values?: unknown[]) => Promise<void>) {
      const query = connection.query.bind(connection)
      const ask: Ask = async (sql, values) => {
        const { rows } = await query(`explain ${sql}`, values)
        return rows.map((row: Record<string, string>) => row['QUERY PLAN']).join('\n')
      }
      connection.query = async (statement: { text: string; values: unknown[] }) => {
        await asked(statement.text, ask, statement.values)
        return query(statement)
      }
    },
  },
  {
    service: await requires('mariadb'),
    fill: fill(`(${numbers()}) numbers`, 'n'),
    analyze: `analyze table ${TABLE}`,
    walks: (plan: string) =>
      plan.match(new RegExp(`"table_name":"${TABLE}","access_type":"(ALL)"`)),
    hook(connection: any, asked: (sql: string, ask: Ask, values?: unknown[]) => Promise<void>) {
      const query = connection.query.bind(connection)
      const ask: Ask = (sql, values) =>
        new Promise((resolve, reject) => {
          query(`explain format=json ${sql}`, values, (error: Error | null, rows: object[]) =>
            error ? reject(error) : resolve(String(Object.values(rows[0])[0]).replace(/\s/g, ''))
          )
        })
      connection.query = (sql: string, values: unknown[], done: (error: unknown) => void) => {
        // A query of mysql2 refuses to be waited for
        asked(sql, ask, values).then(() => void query(sql, values, done), done)
      }
    },
  },
]

/** Everything that a running node asks the store for. */
async function work(context: SuiteContext): Promise<void> {
  const { storage } = context
  const { executions } = storage
  const event = await context.insertEvent({ concurrencyKey: 'k' })
  await storage.events.listDue({ now: context.now, limit: 10 })
  await storage.events.fire({ now: context.now, firings: [context.firing(event)] })
  await context.enqueue({ dedupeKey: 'd' }, { dedupeKey: 'd' }, { concurrencyKey: 'c' })
  const [first] = await context.claim({ queues: ['default'] })
  await context.settle(first)
  const running = await context.running({ concurrencyKey: 'z' })
  const holds = [{ id: running.id, attempt: 1, startedAt: null }]
  await executions.renew({ now: context.now, node: NODE, lease: LEASE, holds })
  const later = START + 2 * LEASE
  const expired = await executions.listExpired({ now: later, limit: 9 })
  await executions.rescueExpired({ now: later, expired, maxRescues: 5 })
  await context.next()
  await executions.requestCancel({ now: context.now, id: running.id, reason: 'x' })
  await executions.findByDedupeKey('d')
  await executions.list({ eventId: event.id })
  await executions.list({ concurrencyKey: 'c' })
  await settleTogether(context)
  await storage.stats.rollup({ now: context.now, limit: 10 })
  await storage.stats.fold({ limit: 10 })
  await storage.stats.prune({ now: context.now, age: DAY, limit: 10 })
  const rule = { outcome: 'succeeded' as const, handler: null, eventId: null }
  await executions.prune({
    now: context.now,
    rule: { ...rule, age: 19_990_000, count: null },
    limit: 5,
  })
  await executions.prune({ now: context.now, rule: { ...rule, age: null, count: 150 }, limit: 5 })
}

/** As many successes as are counted by the statement that stores them. */
async function settleTogether(context: SuiteContext): Promise<void> {
  await context.enqueue(...Array.from({ length: 20 }, () => ({ handler: 'many' })))
  const claimed = await context.claim({ limit: 20, handlers: ['many'] })
  const known = { eventId: null, handler: 'many', subject: null }
  const settlements = claimed.map((execution) => context.settlement(execution, known))
  await context.storage.executions.settle({ now: context.now, settlements })
}

/** The plan of each statement as it was when it ran. */
async function plansOf(database: ServerDatabase, server: (typeof SERVERS)[number]) {
  const plans = new Map<string, string>()
  const pool = knexOf(database.client())
  const acquire = pool.acquireConnection.bind(pool)
  const hooked = new WeakSet<object>()
  pool.acquireConnection = async () => {
    const connection = await acquire()
    if (!hooked.has(connection)) {
      hooked.add(connection)
      server.hook(connection, async (sql, ask, values) => {
        if (/^\s*(select|with|update|insert|delete)/.test(sql) && sql.includes(TABLE)) {
          plans.set(sql, await ask(sql, values))
        }
      })
    }
    return connection
  }
  await work(new SuiteContext({ storage: database.storage(), cleanup: async () => {} }))
  return plans
}

function register(service: Service, server: (typeof SERVERS)[number]) {
  test.group(`storage on ${service.title} / plans`, (group) => {
    group.tap((t) => t.skip(!service.available, service.reason).timeout(60_000))

    test(`no statement of a running node walks through ${FINISHED} ended rows`, async ({
      assert,
      cleanup,
    }) => {
      const database = await createServerDatabase(service)
      cleanup(() => database.drop())
      await database.client().rawQuery(server.fill)
      await database.client().rawQuery(server.analyze)
      const plans = await plansOf(database, server)
      assert.isAbove(plans.size, 20)
      for (const [sql, plan] of plans) {
        assert.isNull(server.walks(plan), `${sql}\n${plan}`)
      }
      const locks = [...plans].filter(([sql]) =>
        /available_at <= .*for update skip locked/s.test(sql)
      )
      const isById = ([sql]: [string, string]) => /where id in/.test(sql)
      const heads = locks.filter((lock) => !isById(lock))
      assert.isNotEmpty(heads)
      for (const [sql, plan] of heads) {
        assert.match(plan, /almanac_exec_(queue|waiting)_i/, sql)
      }
      // What a look has found, and nothing beside it
      for (const [sql, plan] of locks.filter(isById)) {
        assert.match(plan, /"PRIMARY"|almanac_executions_pk/, sql)
      }
    })
  })
}

SERVERS.forEach((server) => register(server.service, server))
