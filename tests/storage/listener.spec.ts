import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { test } from '@japa/runner'
import type { Database } from '@adonisjs/lucid/database'
import { dropSchema, migrateSchema, setNotify } from '../../src/storage/database/schema/main.ts'
import { DatabaseStorage } from '../../src/storage/database/main.ts'
import type { StoreChange, StoreWatcher } from '../../src/storage/contract.ts'
import type { HandlerFunction } from '../../src/types/handlers.ts'
import { TestAlmanac } from '../../src/testing/factory.ts'
import { RecordingLogger } from '../../src/testing/recording_logger.ts'
import { START, SuiteContext } from '../../src/testing/storage_suite/context.ts'
import {
  CONNECTION,
  createServerDatabase,
  openServer,
  type ServerDatabase,
} from '../helpers/server_database.ts'
import { requires } from '../helpers/services.ts'
import { createDatabase, execution } from './support.ts'

type Handlers = Record<string, HandlerFunction>

const postgres = await requires('postgresql')
const mariadb = await requires('mariadb')

/** A watcher whose calls can be waited for, one after the other. */
class Calls implements StoreWatcher {
  readonly #calls: string[] = []
  #arrived = Promise.withResolvers<void>()

  changed = (change: StoreChange) => this.#add(change)
  listening = () => this.#add('listening')
  lost = () => this.#add('lost')

  async next(): Promise<string> {
    while (this.#calls.length === 0) {
      this.#arrived = Promise.withResolvers<void>()
      await this.#arrived.promise
    }
    return this.#calls.shift()!
  }

  get waiting(): number {
    return this.#calls.length
  }

  #add(call: string): void {
    this.#calls.push(call)
    this.#arrived.resolve()
  }
}

test.group('storage on PostgreSQL / listener', (group) => {
  group.tap((t) => t.skip(!postgres.available, postgres.reason).timeout(30_000))
  let database: ServerDatabase
  const opened: Database[] = []
  group.each.setup(async () => {
    if (postgres.available) {
      database = await createServerDatabase(postgres)
    }
    return async () => {
      await Promise.all(opened.splice(0).map((lucid) => lucid.manager.closeAll()))
      await database.drop()
    }
  })
  const enqueue = () =>
    database.storage().executions.enqueue({ now: null, executions: [execution()] })
  const nodeWith = (cleanup: (end: () => Promise<void>) => void, handlers: Handlers) => {
    const storage = database.storage({ lucid: database.open() })
    const node = new TestAlmanac({ storage, handlers })
    cleanup(() => node[Symbol.asyncDispose]())
    return node
  }
  const watch = async (storage = database.storage()) => {
    const calls = new Calls()
    const watching = await storage.watch(calls)
    return { calls, watching: watching! }
  }
  const listeners = async () => {
    const sql = `select pid from pg_stat_activity where datname = current_database() and query like 'listen %'`
    const { rows } = await database.client().rawQuery(sql)
    return rows as { pid: number }[]
  }

  test('a node runs what another one enqueues, without a poll', async ({ assert, cleanup }) => {
    const ended = Promise.withResolvers<unknown>()
    const [a, b] = [0, 1].map(() =>
      nodeWith(cleanup, { work: ({ payload }) => ended.resolve(payload) })
    )
    // Time stands still: nothing but what the database tells can wake it
    await b.almanac.start()
    await a.almanac.enqueue('work', { n: 7 })
    assert.deepEqual(await ended.promise, { n: 7 })
  })

  test('a node fires an event that another one adds, without a poll', async ({ cleanup }) => {
    const ended = Promise.withResolvers<void>()
    const node = nodeWith(cleanup, { noop: () => ended.resolve() })
    await node.almanac.start()
    const context = new SuiteContext({ storage: database.storage(), cleanup: async () => {} })
    await context.insertEvent({ nextRunAt: node.clock.now() })
    await ended.promise
  })

  test('it tells of work by insert and by update, and of nothing else', async ({ assert }) => {
    const { calls, watching } = await watch()
    assert.equal(await calls.next(), 'listening')
    const context = new SuiteContext({ storage: database.storage(), cleanup: async () => {} })
    await context.enqueue({}, {}, {})
    assert.equal(await calls.next(), 'work')
    const [first] = await context.claim()
    await context.settle(first)
    const [, second] = await context.storage.executions.list({ states: ['running'] })
    await context.settle(second, { to: 'retry' })
    assert.equal(await calls.next(), 'work')
    const event = await context.insertEvent({ nextRunAt: START + 5 })
    assert.equal(await calls.next(), 'events')
    await context.storage.events.update({
      now: START,
      id: event.id,
      expectedVersion: event.version,
      patch: { nextRunAt: START + 9 },
    })
    await context.enqueue({})
    // Neither the claim and the end of the first, nor the later slot, told anything
    assert.equal(await calls.next(), 'work')
    await watching.stop()
    assert.equal(calls.waiting, 0)
  })

  test('what is enqueued in a transaction is told once it is committed', async ({ assert }) => {
    const { calls, watching } = await watch()
    assert.equal(await calls.next(), 'listening')
    const open = await database.client().transaction()
    const { executions } = database.storage()
    await executions.enqueue({ now: null, executions: [execution()], client: open })
    // A long transaction keeps no other from telling
    await enqueue()
    assert.equal(await calls.next(), 'work')
    assert.equal(calls.waiting, 0)
    await open.commit()
    assert.equal(await calls.next(), 'work')
    await watching.stop()
  })

  test('a listener whose connection is cut listens again, and says so once', async ({ assert }) => {
    const { calls, watching } = await watch()
    assert.equal(await calls.next(), 'listening')
    const [{ pid }] = await listeners()
    await database.client().rawQuery(`select pg_terminate_backend(${pid})`)
    assert.equal(await calls.next(), 'lost')
    assert.equal(await calls.next(), 'listening')
    await enqueue()
    assert.equal(await calls.next(), 'work')
    await watching.stop()
    assert.deepEqual(await listeners(), [])
    await watching.stop()
  })

  test('it needs no connection of the pool', async ({ assert }) => {
    const lucid = openServer(database.url, { min: 0, max: 2 })
    opened.push(lucid)
    const storage = database.storage({ lucid })
    const { calls, watching } = await watch(storage)
    const client = lucid.connection(CONNECTION)
    const taken = await Promise.all([client.transaction(), client.transaction()])
    assert.equal(await calls.next(), 'listening')
    await enqueue()
    assert.equal(await calls.next(), 'work')
    await Promise.all(taken.map((transaction) => transaction.rollback()))
    await watching.stop()
  })

  test('without the triggers there is nothing to listen to', async ({ assert }) => {
    await dropSchema(database.client())
    await migrateSchema(database.client(), { notify: false })
    const logger = new RecordingLogger()
    const storage = new DatabaseStorage({
      client: database.client(),
      connectionName: CONNECTION,
      logger: logger as never,
    })
    const { calls, watching } = await watch(storage)
    await watching.stop()
    assert.equal(calls.waiting, 0)
    await setNotify(database.client(), true)
    await setNotify(database.client(), true)
    const second = await watch(storage)
    assert.equal(await second.calls.next(), 'listening')
    await enqueue()
    assert.equal(await second.calls.next(), 'work')
    await second.watching.stop()
    await setNotify(database.client(), false)
    await enqueue()
    assert.deepEqual(await listeners(), [])
  })

  test('tables in a schema of their own have a channel of their own', async ({ assert }) => {
    await database.client().rawQuery('create schema "Other place"')
    const url = `${database.url}?options=${encodeURIComponent('-c search_path="Other\\ place"')}`
    const lucid = openServer(url)
    opened.push(lucid)
    await migrateSchema(lucid.connection(CONNECTION))
    const here = await watch()
    const there = await watch(database.storage({ lucid }))
    assert.equal(await here.calls.next(), 'listening')
    assert.equal(await there.calls.next(), 'listening')
    await database.storage({ lucid }).executions.enqueue({ now: null, executions: [execution()] })
    assert.equal(await there.calls.next(), 'work')
    await enqueue()
    assert.equal(await here.calls.next(), 'work')
    await Promise.all([here, there].map(({ watching }) => watching.stop()))
    assert.deepEqual([here.calls.waiting, there.calls.waiting], [0, 0])
  })

  test('it does not keep a process alive', async ({ assert }) => {
    const script = fileURLToPath(new URL('./listening_process.ts', import.meta.url))
    const args = ['--import=@poppinss/ts-exec', script, database.url]
    const { stdout } = await promisify(execFile)(process.execPath, args)
    assert.equal(stdout.trim(), 'listening')
  })
})

test.group('storage / listener, where the store cannot tell or must not', (group) => {
  group.tap((t) => t.timeout(30_000))

  test('SQLite has nothing to listen to', async ({ assert, cleanup }) => {
    const database = await createDatabase()
    cleanup(() => database.cleanup())
    assert.isNull(await database.storage().watch(new Calls()))
  })

  test('nor has MariaDB', async ({ assert, cleanup }) => {
    const database = await createServerDatabase(mariadb)
    cleanup(() => database.drop())
    assert.isNull(await database.storage().watch(new Calls()))
  }).skip(!mariadb.available, mariadb.reason)

  test('it may be switched off', async ({ assert, cleanup }) => {
    const database = await createServerDatabase(postgres)
    cleanup(() => database.drop())
    const storage = new DatabaseStorage({
      client: database.client(),
      connectionName: CONNECTION,
      logger: new RecordingLogger() as never,
      notify: false,
    })
    assert.isNull(await storage.watch(new Calls()))
  }).skip(!postgres.available, postgres.reason)
})
