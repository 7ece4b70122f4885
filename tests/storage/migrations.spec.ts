import { test } from '@japa/runner'
import type { QueryClientContract } from '@adonisjs/lucid/types/database'
import { SCHEMA_VERSION, type Storage } from '../../src/storage/contract.ts'
import {
  dropSchema,
  migrateSchema,
  schemaStatements,
  STEPS,
} from '../../src/storage/database/schema/main.ts'
import { TABLES } from '../../src/storage/database/schema/tables.ts'
import { hashKey } from '../../src/keys.ts'
import { START, SuiteContext } from '../../src/testing/storage_suite/context.ts'
import { createServerDatabase } from '../helpers/server_database.ts'
import { requires } from '../helpers/services.ts'
import { CONNECTION, createDatabase } from './support.ts'

const NEVER = START + 10 * 365 * 86_400_000

/** A row of each table of version 1 that a store of that version may hold. */
const ROWS: Record<string, Record<string, unknown>> = {
  almanac_events: {
    id: 'old-event',
    name: 'ancien événement',
    source: 'api',
    source_key: 'old',
    name_hash: hashKey('n'),
    source_key_hash: hashKey('k'),
    handler: 'noop',
    payload: '{"a":1}',
    trigger_def: '{"kind":"interval","every":60000}',
    status: 'active',
    status_by: 'user',
    misfire: '{"policy":"once","grace":60000,"cap":10}',
    overlap: 'wait',
    on_resume: 'skip',
    next_run_at: NEVER,
    run_count: 3,
    failure_count: 1,
    failures_in_row: 0,
    created_at: 1,
    updated_at: 2,
    version: 4,
  },
  almanac_executions: {
    id: 'old-execution',
    event_id: 'old-event',
    handler: 'noop',
    queue: 'default',
    origin: 'enqueue',
    payload: '[1,"ü"]',
    state: 'queued',
    priority: 5,
    slot_count: 1,
    concurrency_text: 'key',
    concurrency_hash: hashKey('key'),
    available_at: 1,
    created_at: 1,
    attempt: 0,
    failures: 0,
    rescues: 0,
    renewals: 0,
    rolled_up: 0,
  },
  almanac_execution_logs: {
    execution_id: 'old-execution',
    attempt: 1,
    seq: 1,
    logged_at: 5,
    log_level: 'info',
    message: 'said',
  },
  almanac_leases: { name: 'leader', owner: 'a.1', term: 7, expires_at: 9 },
  almanac_nodes: { id: 'a.1', name: 'a', host: 'h', pid: 1, started_at: 1, seen_at: 2, info: '{}' },
  almanac_stats: {
    stat_key: hashKey('s'),
    stat_day: '2026-01-01',
    handler: 'noop',
    outcome: 'succeeded',
    run_count: 1,
    duration_total: 5,
    duration_max: 5,
    lateness_total: 0,
    lateness_max: 0,
  },
  almanac_journal: {
    id: 1,
    recorded_at: 1,
    kind: 'event.created',
    actor: 'a',
    subject: 's',
    before_json: '{}',
    after_json: '{}',
  },
}

/** A value for each column that a row must have: for tables that a later version adds. */
async function anyRow(client: QueryClientContract, table: string) {
  const columns = Object.entries(await client.columnsInfo(table))
  const required = columns.filter(([, { nullable }]) => !nullable)
  return Object.fromEntries(
    required.map(([name, { type }]) => [name, /int|numeric/i.test(type) ? 1 : 'x'])
  )
}

async function fill(client: QueryClientContract): Promise<void> {
  const present = await client.getAllTables(['public'])
  for (const table of [...TABLES].reverse()) {
    if (present.includes(table) && table !== 'almanac_meta') {
      await client.table(table).insert(ROWS[table] ?? (await anyRow(client, table)))
    }
  }
  await client.from('almanac_meta').where('name', 'journal_id').update({ amount: 1 })
}

async function contents(client: QueryClientContract): Promise<Record<string, object[]>> {
  const found: Record<string, object[]> = {}
  const present = await client.getAllTables(['public'])
  for (const table of TABLES.filter((each) => present.includes(each))) {
    const rows = await client.from(table)
    found[table] = rows.filter(({ name }) => name !== 'schema_version').map((row) => ({ ...row }))
  }
  return found
}

interface Target {
  client: QueryClientContract
  storage: Storage
  end(): Promise<void>
}

const TARGETS: [string, Awaited<ReturnType<typeof requires>> | null][] = [
  ['SQLite', null],
  ['PostgreSQL', await requires('postgresql')],
  ['MariaDB', await requires('mariadb')],
]

for (const [name, service] of TARGETS) {
  const create = async (): Promise<Target> => {
    if (service === null) {
      const database = await createDatabase({ migrated: false })
      const client = database.lucid.connection(CONNECTION)
      return { client, storage: database.storage(), end: () => database.cleanup() }
    }
    const database = await createServerDatabase(service, { migrated: false })
    return { client: database.client(), storage: database.storage(), end: () => database.drop() }
  }

  test.group(`storage on ${name} / migrations`, (group) => {
    group.tap((t) => t.skip(service?.available === false, service?.reason ?? '').timeout(60_000))

    for (const { version } of STEPS) {
      test(`a store of version ${version} keeps its rows and goes on`, async ({
        assert,
        cleanup,
      }) => {
        const { client, storage, end } = await create()
        cleanup(end)
        await migrateSchema(client, { to: version })
        await fill(client)
        const before = await contents(client)
        assert.isAbove(Object.keys(before).length, 7)
        assert.deepEqual(await migrateSchema(client), { from: version, to: SCHEMA_VERSION })
        assert.containSubset(await contents(client), before)
        await goesOn(storage, assert)
      })
    }

    test('the migration of an older version leaves a newer store as it is', async ({
      assert,
      cleanup,
    }) => {
      const { client, end } = await create()
      cleanup(end)
      await migrateSchema(client)
      const result = await migrateSchema(client, { to: 1 })
      assert.deepEqual(result, { from: SCHEMA_VERSION, to: SCHEMA_VERSION })
    })
  })
}

/** What was there is found, claimed and settled; what is new fires. */
async function goesOn(storage: Storage, assert: { deepEqual(a: unknown, b: unknown): void }) {
  const context = new SuiteContext({ storage, cleanup: async () => {} })
  assert.deepEqual(await storage.schemaVersion(), SCHEMA_VERSION)
  const event = await context.findEvent('old-event')
  assert.deepEqual([event.name, event.version, event.runCount], ['ancien événement', 4, 3])
  const [claimed] = await context.claim()
  assert.deepEqual([claimed.id, claimed.payload], ['old-execution', [1, 'ü']])
  assert.deepEqual(await context.settle(claimed), true)
  const due = await context.insertEvent()
  await storage.events.fire({ now: context.now, firings: [context.firing(due)] })
  const [fired] = await context.claim()
  assert.deepEqual(fired.eventId, due.id)
  const [entry] = await storage.journal.append({
    now: context.now,
    entries: [{ kind: 'event.created', actor: 'a', subject: 'new' }],
  })
  assert.deepEqual(entry.id, 2)
}

const mariadb = TARGETS[2][1]!

test.group('storage on MariaDB / migrations that died', (group) => {
  group.tap((t) => t.skip(!mariadb.available, mariadb.reason).timeout(120_000))
  const objects = async (client: QueryClientContract) => {
    const sql = `select table_name, index_name, column_name from information_schema.statistics
      where table_schema = database() order by 1, 2, seq_in_index`
    const [rows] = await client.rawQuery(sql)
    return rows as object[]
  }

  test('one goes on wherever the last one died', async ({ assert, cleanup }) => {
    const database = await createServerDatabase(mariadb)
    cleanup(() => database.drop())
    const client = database.client()
    const whole = await objects(client)
    const statements = schemaStatements(client).flatMap((step) => step.statements)
    const last = statements.length - 1
    const meta = statements.findIndex((sql) => /^create table .almanac_meta/.test(sql))
    for (const done of [1, 4, 9, meta, meta + 1, meta + 2, meta + 3, last]) {
      await dropSchema(client)
      for (const statement of statements.slice(0, done)) {
        await client.rawQuery(statement)
      }
      const { to } = await migrateSchema(client)
      assert.equal(to, SCHEMA_VERSION)
      assert.deepEqual(await objects(client), whole, `after ${done} statements`)
      const rows = await client.from('almanac_meta').orderBy('name')
      assert.deepEqual(
        rows.map((row) => [row.name, row.amount]),
        [
          ['controls', 0],
          ['journal_id', 0],
          ['schema_version', SCHEMA_VERSION],
        ]
      )
    }
  })

  test('a table of somebody else is told apart from what was left behind', async ({
    assert,
    cleanup,
  }) => {
    const database = await createServerDatabase(mariadb, { migrated: false })
    cleanup(() => database.drop())
    await database.client().rawQuery('create table almanac_journal (id bigint)')
    const error = await migrateSchema(database.client()).catch((caught) => caught)
    assert.equal(error.code, 'E_SCHEMA_CONFLICT')
    assert.match(error.message, /almanac_journal .*recorded_at, kind, actor/)
    assert.match(error.help, /rename or drop it/)
  })

  test('one that waits for another in vain changes nothing', async ({ assert, cleanup }) => {
    const database = await createServerDatabase(mariadb, { migrated: false })
    cleanup(() => database.drop())
    const client = database.client()
    const holder = await client.transaction()
    await holder.rawQuery(`select get_lock('almanac_schema', 60)`)
    const waiter = await client.transaction()
    const impatient = new Proxy(waiter, {
      get(target, property) {
        const value = Reflect.get(target, property, target)
        return property === 'rawQuery'
          ? (sql: string) => target.rawQuery(sql.replace(', 60)', ', 0)'))
          : value
      },
    })
    await assert.rejects(() => migrateSchema(impatient), /Another process has been changing/)
    await waiter.rollback()
    assert.deepEqual(await client.getAllTables(), [])
    await holder.rawQuery(`select release_lock('almanac_schema')`)
    await holder.rollback()
  })
})
