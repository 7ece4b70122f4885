import { test } from '@japa/runner'
import { Handler } from '../../src/handler.ts'
import { stores } from '../../src/define_config.ts'
import { Scheduler } from '../../src/scheduler.ts'
import { bootApp, newApp } from './app.ts'

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

test.group('Provider | refusals', () => {
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
    await assert.rejects(shared.start, /legacy.sources.dw.connection/)
  })
})
