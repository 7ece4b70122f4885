import { readFile } from 'node:fs/promises'
import { test } from '@japa/runner'
import { LoggerFactory } from '@adonisjs/core/factories/logger'
import { SCHEMA_VERSION } from '../../src/storage/contract.ts'
import { StoreConnection } from '../../src/storage/database/connection.ts'
import { hashKey } from '../../src/keys.ts'
import { isTransient } from '../../src/legacy/tables/failures.ts'
import { dialectOf } from '../../src/storage/database/dialect.ts'
import { immediateTransaction } from '../../src/storage/database/immediate_transaction.ts'
import { schemaDdl } from '../../src/storage/database/schema/ddl.ts'
import { mayBeCommitted, ServerEngine } from '../../src/storage/database/server_engine.ts'
import { dropSchema, migrateSchema } from '../../src/storage/database/schema/main.ts'
import {
  CONNECTION,
  createServerDatabase,
  type ServerDatabase,
} from '../helpers/server_database.ts'
import { firstNumber, type Work } from '../../src/storage/database/work.ts'
import { MINUTE, START, SuiteContext } from '../../src/testing/storage_suite/context.ts'
import type { EventRecord } from '../../src/types/events.ts'
import { requires } from '../helpers/services.ts'
import { CLAIMS, claimInTwoProcesses } from './claimers.ts'
import { execution, ImpatientClock } from './support.ts'

const SERVERS = [
  {
    service: await requires('postgresql'),
    ddl: 'postgresql.sql',
    /** The connection that asks. */
    own: 'select pg_backend_pid() as id',
    kill: (id: number) => `select pg_terminate_backend(${id})`,
    blocked: `select 1 from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`,
    configured: `select current_setting('transaction_isolation') as isolation,
      current_setting('idle_in_transaction_session_timeout') as idle`,
    columns: `select table_name, column_name, data_type, character_maximum_length, is_nullable, collation_name
      from information_schema.columns where table_schema = 'public' order by 1, 2`,
    indexes: `select tablename, indexname, indexdef from pg_indexes where schemaname = 'public' order by 1, 2`,
    triggers: `select tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal order by 1`,
  },
  {
    service: await requires('mariadb'),
    ddl: 'mysql.sql',
    own: 'select connection_id() as id',
    kill: (id: number) => `kill ${id}`,
    // The table is brought up to date only when nobody has read it for a tenth of a second
    blocked: `select 1 from (select sleep(0.2)) pause
      join information_schema.innodb_trx join information_schema.processlist on id = trx_mysql_thread_id
      where db = database() and trx_state = 'LOCK WAIT'`,
    configured: `show session variables
      where variable_name in ('tx_isolation', 'transaction_isolation', 'wait_timeout')`,
    columns: `select table_name, column_name, column_type, is_nullable, character_set_name, collation_name
      from information_schema.columns where table_schema = database() order by 1, 2`,
    indexes: `select table_name, index_name, seq_in_index, column_name, non_unique
      from information_schema.statistics where table_schema = database() order by 1, 2, 3`,
    triggers: `select trigger_name, action_statement from information_schema.triggers
      where trigger_schema = database() order by 1`,
  },
]

for (const server of SERVERS) {
  const { service } = server
  const created = new Set<ServerDatabase>()
  const create = async (options?: { migrated: boolean }) => {
    const database = await createServerDatabase(service, options)
    created.add(database)
    return database
  }

  test.group(`storage on ${service.title}`, (group) => {
    group.tap((t) => t.skip(!service.available, service.reason).timeout(60_000))
    group.each.teardown(async () => {
      const databases = [...created]
      created.clear()
      await Promise.all(databases.map((database) => database.drop()))
    })
    const rows = async ({ lucid }: ServerDatabase, sql: string) => {
      const answer = await lucid.connection(CONNECTION).rawQuery(sql)
      return (Array.isArray(answer) ? answer[0] : answer.rows) as Record<string, unknown>[]
    }

    test(`${CLAIMS} claims of two processes, none twice`, async () => {
      const database = await create()
      await claimInTwoProcesses(database.storage(), database.url)
    })

    test('the plain SQL makes the same schema as the migration', async ({ assert }) => {
      const [migrated, plain] = [await create(), await create({ migrated: false })]
      const file = new URL(`../../database/ddl/${server.ddl}`, import.meta.url)
      const sql = await readFile(file, 'utf8')
      assert.equal(sql, schemaDdl(plain.client()), 'run scripts/write_ddl.ts')
      for (const statement of sql.split(/;\n(?:\n|$)/).filter((text) => text.trim() !== '')) {
        await plain.client().rawQuery(statement)
      }
      for (const query of [server.columns, server.indexes]) {
        const expected = await rows(migrated, query)
        assert.isAbove(expected.length, 20)
        assert.deepEqual(await rows(plain, query), expected)
      }
      const triggers = await rows(migrated, server.triggers)
      assert.lengthOf(triggers, service.name === 'postgresql' ? 3 : 0)
      assert.deepEqual(await rows(plain, server.triggers), triggers)
      const meta = 'select * from almanac_meta order by name'
      assert.deepEqual(await rows(plain, meta), await rows(migrated, meta))
    })

    test('two processes that migrate at once do it once', async ({ assert }) => {
      const database = await create({ migrated: false })
      const clients = [database.client(), database.open().connection(CONNECTION)]
      const results = await Promise.all(clients.map((client) => migrateSchema(client)))
      assert.deepEqual(results.map(({ from }) => from).sort(), [0, SCHEMA_VERSION])
      assert.equal(await database.storage().schemaVersion(), SCHEMA_VERSION)
      await dropSchema(database.client())
      assert.equal(await database.storage().schemaVersion(), 0)
    })

    test('a key that is taken at the same moment costs a claim nothing but its own row', async ({
      assert,
    }) => {
      const database = await create()
      const context = new SuiteContext({ storage: database.storage(), cleanup: async () => {} })
      await context.running({ concurrencyKey: 'held' })
      const held = Array.from({ length: 10 }, () => ({ concurrencyKey: 'held' }))
      const taken = { concurrencyKey: 'taken' }
      const waiting = await context.enqueue(...held, taken, taken)
      const [free] = await context.enqueue({ concurrencyKey: 'free' })
      const other = await database.open().connection(CONNECTION).transaction()
      await other
        .from('almanac_executions')
        .where('id', waiting.at(-1)!)
        .update({
          state: 'running',
          running_key: hashKey('taken'),
        })
      const claiming = context.claim({ limit: 2 })
      for (let blocked = 0; blocked === 0;) {
        const found = await rows(database, server.blocked)
        blocked = found.length
      }
      await other.commit()
      const claimed = await claiming
      assert.deepEqual(
        claimed.map(({ id }) => id),
        [free]
      )
    })

    test('a cancel that meets a hand-back ends what is in the queue again', async ({ assert }) => {
      const database = await create()
      const context = new SuiteContext({ storage: database.storage(), cleanup: async () => {} })
      const { id } = await context.running({})
      const other = await database.open().connection(CONNECTION).transaction()
      await other.from('almanac_executions').where('id', id).update({ state: 'queued', node: null })
      const cancelling = context.storage.executions.requestCancel({
        now: START,
        id,
        reason: 'enough',
      })
      for (let blocked = 0; blocked === 0;) {
        const found = await rows(database, server.blocked)
        blocked = found.length
      }
      await other.commit()
      const result = await cancelling
      assert.equal(result?.done, 'cancelled')
      const stored = await context.find(id)
      assert.include(stored, { state: 'cancelled', reason: 'enough' })
    })

    test('what is enqueued in the caller’s transaction lives and dies with it', async ({
      assert,
    }) => {
      const database = await create()
      const { executions } = database.storage()
      const first = execution({ dedupeKey: 'k' })
      const open = await database.client().transaction()
      await executions.enqueue({ now: 1, executions: [first], client: open })
      assert.deepEqual(await executions.list({}), [])
      await open.rollback()
      assert.deepEqual(await executions.list({}), [])
      await database.client().transaction(async (client) => {
        const params = { now: 1, executions: [first, execution({ dedupeKey: 'k' })], client }
        assert.deepEqual(await executions.enqueue(params), [
          { id: first.id, inserted: true },
          { id: first.id, inserted: false },
        ])
      })
      assert.lengthOf(await executions.list({}), 1)
    })

    test('a transaction leaves the connection as the app configured it', async ({ assert }) => {
      const database = await create()
      const before = await rows(database, server.configured)
      await database.storage().executions.enqueue({ now: null, executions: [execution()] })
      await database.storage().stats.read({ from: '2026-01-01', to: '2026-01-02' })
      await immediateTransaction(database.client(), async (trx) => trx.rawQuery('select 1'), {
        idle: 1,
      })
      assert.deepEqual(await rows(database, server.configured), before)
    })

    test('a process that is frozen in a transaction keeps its locks for a bounded time', async ({
      assert,
    }) => {
      const database = await create()
      const client = database.client()
      const engine = new ServerEngine(client, dialectOf(client), { idle: 1 })
      const sql = `update almanac_meta set amount = amount + 1 where name = 'journal_id'`
      const entries = [{ kind: 'event.created' as const, actor: 'a', subject: 's' }]
      const other = database.storage({ lucid: database.open() })
      type Begin = (work: (run: () => Promise<unknown>) => Promise<void>) => Promise<void>
      const transactions: Begin[] = [
        (work) => engine.transaction('write', (unit) => work(() => unit.run(sql))),
        (work) => immediateTransaction(client, (trx) => work(() => trx.rawQuery(sql)), { idle: 1 }),
      ]
      for (const [index, begin] of transactions.entries()) {
        const [locked, thawed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
        const frozen = begin(async (run) => {
          await run()
          locked.resolve()
          await thawed.promise
          await run()
        })
        await locked.promise
        await other.journal.append({ now: 1, entries })
        thawed.resolve()
        const error = await frozen.catch((reason: unknown) => reason)
        assert.isTrue(isTransient(error), String(error))
        assert.isFalse(mayBeCommitted(error))
        assert.equal(await database.storage().journal.lastId(), index + 1)
      }
    })

    test('a unit of work whose connection is lost is done again, but not a commit', async ({
      assert,
    }) => {
      const database = await create()
      const killer = database.open().connection(CONNECTION)
      const client = database.client()
      const connection = new StoreConnection({
        client,
        connectionName: CONNECTION,
        dialect: dialectOf(client),
        clock: new ImpatientClock(),
        logger: new LoggerFactory().merge({ enabled: false }).create(),
      })
      const sql = `update almanac_meta set amount = amount + 1 where name = 'journal_id'`
      let attempts = 0
      const loseConnection = async (work: Work) => {
        await work.run(sql)
        if (++attempts === 1) {
          await killer.rawQuery(server.kill((await firstNumber(work, server.own))!))
        }
      }
      await connection.write('test', async (work) => {
        await loseConnection(work)
        await work.run(sql)
      })
      assert.equal(attempts, 2)
      assert.equal(await database.storage().journal.lastId(), 2)
      attempts = 0
      await assert.rejects(() => connection.write('test', loseConnection), /cannot be reached/)
      assert.equal(attempts, 1)
      assert.equal(await database.storage().journal.lastId(), 2)
    })

    test('a text may hold what a database does not take', async ({ assert }) => {
      const database = await create()
      const { executions } = database.storage()
      const payload = { text: '\0 \\u0000 ’ 🗓 \\ "\' ?' }
      const [{ id }] = await executions.enqueue({ now: null, executions: [execution({ payload })] })
      const stored = await executions.find(id)
      assert.deepEqual(stored?.payload, payload)
      const [claimed] = await executions.claim({
        now: null,
        limit: 1,
        handlers: ['noop'],
        node: 'a.1',
        lease: 1000,
      })
      const entry = { executionId: id, attempt: 1, seq: 1, at: 1, level: 'info' as const }
      const entries = [{ ...entry, message: 'also \0 here', data: payload }]
      const { logs } = database.storage()
      assert.equal(await logs.append({ node: 'a.1', entries }), 1)
      assert.equal(await logs.append({ node: 'a.1', entries }), 0)
      const [log] = await logs.read({ executionId: id })
      assert.match(log.message, /^also . here$/)
      assert.deepEqual(log.data, payload)
      const reason = 'broken \0 bytes'
      const settlement = { id, node: 'a.1', attempt: claimed.attempt, startedAt: null, reason }
      await executions.settle({ now: null, settlements: [{ ...settlement, to: 'failed' }] })
      const ended = await executions.find(id)
      assert.match(ended!.reason!, /^broken . bytes$/)
    })

    test('two nodes that bring in the same new definitions do it once', async ({ assert }) => {
      const database = await create()
      const context = new SuiteContext({ storage: database.storage(), cleanup: async () => {} })
      const nodes = [database.storage(), database.storage({ lucid: database.open() })]
      const definitions = ['a', 'b', 'c', 'd'].map((key) => context.definition(key))
      const results = await Promise.all(
        nodes.map(({ events }) =>
          events.syncSource({ now: 1, source: 'code', missing: 'delete', definitions })
        )
      )
      assert.deepEqual(results.map(({ added }) => added.length).sort(), [0, 4])
      assert.deepEqual(results.map(({ unchanged }) => unchanged).sort(), [0, 4])
    })

    test('a dedupe key is free or taken, also while its holder ends', async ({ assert }) => {
      const database = await create()
      const nodes = [database.storage(), database.storage({ lucid: database.open() })]
      const enqueuing = nodes.map(async ({ executions }) => {
        let inserted = 0
        for (let round = 0; round < 100; round++) {
          const list = [execution({ dedupeKey: 'k' }), execution({ dedupeKey: 'k' })]
          const results = await executions.enqueue({ now: null, executions: list })
          inserted += results.filter((result) => result.inserted).length
          const { id } = results[1]
          await executions.requestCancel({ now: null, id, reason: 'next' })
        }
        return inserted
      })
      const [a, b] = await Promise.all(enqueuing)
      const counts = await nodes[0].executions.countByState()
      assert.deepEqual(counts, { cancelled: a + b })
      assert.isAbove(a + b, 99)
    })

    test('two nodes roll up each execution once', async ({ assert }) => {
      const database = await create()
      const nodes = [database.storage(), database.storage({ lucid: database.open() })]
      const list = Array.from({ length: 400 }, () => execution())
      await nodes[0].executions.enqueue({ now: 1, executions: list })
      for (const { id } of list) {
        await nodes[0].executions.requestCancel({ now: 1, id, reason: 'enough' })
      }
      const rolled = await Promise.all(
        [0, 1, 0, 1, 0, 1, 0, 1].map((node) => nodes[node].stats.rollup({ now: 1, limit: 50 }))
      )
      const sum = rolled.reduce((total, count) => total + count, 0)
      while ((await nodes[0].stats.rollup({ now: 1, limit: 100 })) > 0);
      const [total] = await nodes[0].stats.read({ from: '1970-01-01', to: '1970-01-02' })
      assert.equal(total.count, 400)
      assert.isAbove(sum, 0)
    })

    test('fires and settlements of the same events meet without a failure', async ({ assert }) => {
      const database = await create()
      const nodes = [database.storage(), database.storage({ lucid: database.open() })]
      const context = new SuiteContext({ storage: nodes[0], cleanup: async () => {} })
      const events: EventRecord[] = []
      for (let count = 0; count < 20; count++) {
        events.push(await context.insertEvent())
      }
      const fire = async () => {
        for (let round = 0; round < 15; round++) {
          const now = START + round * MINUTE
          const due = await nodes[0].events.listDue({ now, limit: 100 })
          const firings = due.events.map((event) => context.firing(event)).reverse()
          await nodes[0].events.fire({ now, firings })
        }
      }
      const work = async () => {
        const params = { limit: 7, handlers: ['noop'], node: 'b.1', lease: 60_000 }
        for (let idle = 0; idle < 50;) {
          const { executions } = nodes[1]
          const claimed = await executions.claim({ ...params, now: START + 60 * MINUTE })
          idle = claimed.length === 0 ? idle + 1 : 0
          const settlements = claimed.map((run) => context.settlement(run, { to: 'failed' }))
          await executions.settle({ now: START + 60 * MINUTE, settlements })
        }
      }
      await Promise.all([fire(), work()])
      await work()
      assert.deepEqual(await nodes[0].executions.countByState(), { failed: 300 })
      for (const { id } of events) {
        const { runCount, failureCount } = await context.findEvent(id)
        assert.deepEqual([runCount, failureCount], [15, 15])
      }
    })

    test('rows that are long together go in several statements', async ({ assert }) => {
      const database = await create()
      const { executions } = database.storage()
      const payload = 'x'.repeat(700_000)
      const list = Array.from({ length: 30 }, () => execution({ payload }))
      const results = await executions.enqueue({ now: null, executions: list })
      assert.isTrue(results.every(({ inserted }) => inserted))
    })
  })
}
