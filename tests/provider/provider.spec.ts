import { test } from '@japa/runner'
import type { FileSystem } from '@japa/file-system'
import { configProvider } from '@adonisjs/core'
import { Handler, handler } from '../../src/handler.ts'
import { stores, type StoreFactory } from '../../src/define_config.ts'
import { Scheduler } from '../../src/scheduler.ts'
import { MemoryStorage, RecordingLogger } from '../../src/testing/main.ts'
import { bootApp, newApp, type AppOptions } from './app.ts'

const HANDLER = `export default class Count {
  async handle({ payload }) { return payload.value + 1 }
}`

test.group('Provider', () => {
  test('binds almanac, by name and by class, once', async ({ assert, fs }) => {
    const { app, almanac } = await bootApp(fs)
    assert.instanceOf(almanac, Scheduler)
    assert.strictEqual(await app.container.make(Scheduler), almanac)
    assert.equal(almanac.state, 'ready')
    await app.terminate()
    assert.equal(almanac.state, 'shut down')
  })

  test('an app of role {$self} does not work by itself')
    .with(['web', 'console', 'test', 'repl'] as const)
    .run(async ({ assert, fs }, environment) => {
      const { almanac, start } = await bootApp(fs, { environment })
      await start()
      assert.equal(almanac.state, 'ready')
    })

  test('works in the roles that the config names, after the preload files', async ({
    assert,
    fs,
  }) => {
    const states: string[] = []
    const { app, almanac, start } = await bootApp(fs, {
      environment: 'web',
      almanac: { roles: ['web'] },
      preloads: [
        async () => {
          const { state } = await app.container.make('almanac')
          states.push(state)
        },
      ],
    })
    await start()
    assert.deepEqual(states, ['ready'])
    assert.equal(almanac.state, 'running')
    await app.terminate()
    assert.equal(almanac.state, 'shut down')
  })

  test('finds handlers in app/handlers and makes them through the container', async ({
    assert,
    fs,
  }) => {
    await fs.create('app/handlers/count.ts', HANDLER)
    const { app, almanac, start } = await bootApp(fs)
    class Greeter {
      greeting = 'hello'
    }
    class Greet extends Handler<null> {
      static containerInjections = {
        _constructor: {
          dependencies: [Greeter],
          createError: (message: string) => new Error(message),
        },
      }
      constructor(private greeter: Greeter) {
        super()
      }
      handle() {
        return this.greeter.greeting
      }
    }
    app.container.bind(Greeter, () => new Greeter())
    await start()
    almanac.register('greet', Greet)
    const counted = await almanac.enqueue('count', { value: 1 })
    const greeted = await almanac.enqueue(Greet, null)
    await almanac.once()
    assert.containSubset(await almanac.executions.find(counted.id), { result: 2 })
    assert.containSubset(await almanac.executions.find(greeted.id), { result: 'hello' })
  })

  test('a handler name that is taken twice stops the start of the app', async ({ assert, fs }) => {
    await fs.create('app/handlers/count.ts', HANDLER)
    await fs.create('app/handlers/more/count.ts', HANDLER)
    const { start } = await bootApp(fs)
    await assert.rejects(start, /The handler name "count" is taken twice/)
  })

  test('a class decorated by what a preload file imports is registered', async ({ assert, fs }) => {
    const decorate = async () => {
      @handler('provider_decorated')
      class Decorated extends Handler<null> {
        handle() {
          return 'done'
        }
      }
      return Decorated
    }
    const { almanac, start } = await bootApp(fs, { preloads: [decorate] })
    await start()
    const { id } = await almanac.enqueue('provider_decorated', null)
    await almanac.once()
    assert.containSubset(await almanac.executions.find(id), { result: 'done' })
  })

  test('looks for handlers where the config says, or nowhere', async ({ assert, fs }) => {
    await fs.create('app/tasks/count.ts', HANDLER)
    const tasks = await bootApp(fs, { almanac: { handlersFolder: 'app/tasks' } })
    await tasks.start()
    assert.isTrue(tasks.almanac.handlers.has('count'))
    const nowhere = await bootApp(fs, { almanac: { handlersFolder: null } })
    await nowhere.start()
    assert.isFalse(nowhere.almanac.handlers.has('count'))
  })

  test('emits on the emitter of the app; a listener that fails harms nothing', async ({
    assert,
    fs,
  }) => {
    const { app, almanac } = await bootApp(fs)
    const emitter = await app.container.make('emitter')
    almanac.register('note', () => 1)
    const created = Promise.withResolvers<object>()
    emitter.once('event:created', created.resolve)
    emitter.on('event:created', () => {
      throw new Error('a listener that fails')
    })
    emitter.on('event:created', () => Promise.reject(new Error('one that rejects')))
    const event = await almanac.events.create({
      name: 'a',
      handler: 'note',
      payload: 1,
      trigger: { kind: 'interval', every: '1m' },
    })
    const notice = await created.promise
    assert.containSubset(notice, { eventId: event.id, name: 'a', source: 'api', actor: 'system' })
    const { counters } = await almanac.status()
    assert.equal(counters['listeners.failed'], 1)
  })
})

/** A store in memory that complains, or does not close. */
function oddStore(odd: { warning?: string; close?: () => Promise<void> }) {
  return configProvider.create<StoreFactory>(async () => ({
    kind: 'memory',
    connection: null,
    warning: (concurrency) => odd.warning?.replace('%', String(concurrency)) ?? null,
    create: async ({ clock }) => {
      const storage = new MemoryStorage({ clock })
      return Object.assign(storage, odd.close ? { close: odd.close } : {})
    },
  }))
}

/** An app whose log is kept. */
async function loggedApp(fs: FileSystem, options: AppOptions) {
  const app = await newApp(fs, options)
  const logger = new RecordingLogger()
  app.container.bindValue('logger', logger as never)
  await app.boot()
  const almanac = await app.container.make('almanac')
  return { app, almanac, logger }
}

test.group('Provider | what goes wrong', () => {
  test('a pool that is too small is logged where work is run, and only there', async ({
    assert,
    fs,
  }) => {
    const store = oddStore({ warning: 'too few connections for %' })
    const { app, almanac, logger } = await loggedApp(fs, { almanac: { store, concurrency: 7 } })
    await app.start(() => {})
    assert.deepEqual(logger.messages('warn'), [])
    await almanac.start()
    assert.deepEqual(logger.messages('warn'), ['too few connections for 7'])
  })

  test('a store that does not close is logged, and the app goes on ending', async ({
    assert,
    fs,
    cleanup,
  }) => {
    const before = process.exitCode
    cleanup(() => void (process.exitCode = before))
    const store = oddStore({ close: () => Promise.reject(new Error('stuck')) })
    const { app, almanac, logger } = await loggedApp(fs, { almanac: { store } })
    await app.start(() => {})
    await app.terminate()
    assert.isTrue(app.isTerminated)
    assert.equal(almanac.state, 'shut down')
    assert.deepEqual(logger.messages('error'), ['Almanac did not stop cleanly'])
    assert.equal(process.exitCode, 1)
  })

  test('SIGINT drains a process that works by its role', async ({ assert, fs }) => {
    const options: AppOptions = { environment: 'web', almanac: { roles: ['web'] } }
    const { app, almanac, start } = await bootApp(fs, options)
    await start()
    const ended = Promise.withResolvers<void>()
    app.terminating(() => ended.resolve())
    process.emit('SIGINT')
    await ended.promise
    await almanac.shutdown()
    assert.equal(almanac.state, 'shut down')
  })
})

test.group('Provider | refusals', () => {
  test('an app without Lucid is told, and may keep its store in memory', async ({ assert, fs }) => {
    const app = await newApp(fs, { lucid: false })
    await assert.rejects(() => app.boot(), /store is a database; configure @adonisjs\/lucid first/)
    const other = await newApp(fs, { lucid: false, almanac: { store: stores.memory() } })
    await other.boot()
    const almanac = await other.container.make('almanac')
    assert.deepEqual(await almanac.events.list(), [])
  })

  test('a wrong config stops the boot and names itself', async ({ assert, fs }) => {
    const app = await newApp(fs, { almanac: { concurrency: -1 } })
    await assert.rejects(
      () => app.boot(),
      'config/almanac.ts: concurrency is -1; give a whole number of at least 1'
    )
  })

  test('a connection that does not exist is named', async ({ assert, fs }) => {
    const app = await newApp(fs, {
      almanac: { store: stores.database({ connection: 'elsewhere' }) },
    })
    await assert.rejects(
      () => app.boot(),
      'config/almanac.ts: store.connection is "elsewhere"; give one of primary'
    )
  })

  test('without its tables an app boots; use and work say what to run', async ({ assert, fs }) => {
    const { almanac, start } = await bootApp(fs, { migrate: false })
    await start()
    const refused = await almanac.events.list().catch((error) => error)
    assert.equal(refused.code, 'E_SCHEMA_OUTDATED')
    assert.include(refused.help, 'node ace migration:run')
    await assert.rejects(() => almanac.start(), /schema version 0/)
    assert.equal(almanac.state, 'ready')
  })

  test('a working role without tables stops the start of the app', async ({ assert, fs }) => {
    const options = { environment: 'web', almanac: { roles: ['web'] }, migrate: false } as const
    const { start } = await bootApp(fs, { ...options, almanac: { roles: ['web'] } })
    await assert.rejects(start, /schema version 0/)
  })

  test('a legacy source on no connection, or on the store itself, is named', async ({
    assert,
    fs,
  }) => {
    const source = (connection: string) => ({
      legacy: { sources: { dw: { connection, timezone: 'UTC' } } },
    })
    const elsewhere = await bootApp(fs, { almanac: source('elsewhere') })
    await assert.rejects(
      elsewhere.start,
      /legacy.sources.dw.connection is "elsewhere"; give one of/
    )
    const shared = await bootApp(fs, { almanac: source('primary') })
    await assert.rejects(shared.start, /legacy.sources.dw.connection .* file of their own/)
  })

  test('a legacy source on the file of the store is refused under another name too', async ({
    assert,
    fs,
  }) => {
    const booted = await bootApp(fs, {
      almanac: { legacy: { sources: { dw: { connection: 'warehouse', timezone: 'UTC' } } } },
      connections: { warehouse: `${fs.basePath}/./primary.sqlite3` },
    })
    await assert.rejects(booted.start, /legacy.sources.dw.connection .* file of their own/)
  })
})
