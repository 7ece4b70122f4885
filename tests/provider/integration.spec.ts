import { test } from '@japa/runner'
import type { HandlerContext } from '../../src/types/handlers.ts'
import { bootApp } from './app.ts'

const NOTE = `export default class Note {
  static options = { queue: 'notes' }
  async handle({ payload, logger }) {
    logger.info('noted', { payload })
    return payload
  }
}`

test.group('An app with SQLite', (group) => {
  group.tap((t) => t.timeout(20_000))

  test('an event is created, fires, runs, is in the history, and the app drains', async ({
    assert,
    fs,
  }) => {
    await fs.create('app/handlers/note.ts', NOTE)
    const { app, almanac, start } = await bootApp(fs)
    const emitter = await app.container.make('emitter')
    await start()
    const ended = Promise.withResolvers<{ executionId: string }>()
    emitter.once('execution:succeeded', ended.resolve)

    const event = await almanac.events.create({
      name: 'every second',
      handler: 'note',
      payload: { list: 'staff' },
      trigger: { kind: 'interval', every: '1s' },
    })
    await almanac.start()
    const { executionId } = await ended.promise
    await app.terminate()
    assert.equal(almanac.state, 'shut down')

    const second = await bootApp(fs)
    const execution = await second.almanac.executions.get(executionId)
    assert.containSubset(execution, {
      eventId: event.id,
      handler: 'note',
      queue: 'notes',
      origin: 'schedule',
      state: 'succeeded',
      result: { list: 'staff' },
      attempt: 1,
    })
    assert.equal(execution.slotKey, `${event.id}:${execution.slot}`)
    const [line] = await second.almanac.executions.logs(executionId)
    assert.containSubset(line, { message: 'noted', data: { payload: { list: 'staff' } } })
    const history = await second.almanac.history({ eventId: event.id, states: ['succeeded'] })
    assert.isTrue(history.some(({ id }) => id === executionId))
    const status = await second.almanac.status()
    assert.isNull(status.leader)
    assert.deepEqual(status.nodes, [])
    assert.notProperty(status.executions, 'running')
  })

  test('events of the preload file are in the store once the app works', async ({ assert, fs }) => {
    const { app, almanac, start } = await bootApp(fs, {
      almanac: { roles: ['console'] },
      preloads: [
        async () => {
          const scheduler = await app.container.make('almanac')
          scheduler.register('note', () => 1)
          scheduler.schedule({
            name: 'nightly',
            handler: 'note',
            payload: 1,
            trigger: { kind: 'cron', expression: '0 2 * * *', timezone: 'Europe/Berlin' },
          })
        },
      ],
    })
    await start()
    const [event] = await almanac.events.list()
    assert.containSubset(event, { name: 'nightly', source: 'code', status: 'active' })
  })

  test('enqueue joins the transaction of the caller', async ({ assert, fs }) => {
    const { app, almanac, start } = await bootApp(fs, { connections: ['other'] })
    await start()
    const ran: unknown[] = []
    almanac.register('note', ({ payload }: HandlerContext) => void ran.push(payload))
    const db = await app.container.make('lucid.db')

    const rolledBack = await db.transaction()
    await almanac.enqueue('note', 'rolled back', { client: rolledBack })
    await rolledBack.rollback()
    const committed = await db.transaction()
    await almanac.enqueue('note', 'committed', { client: committed })
    await committed.commit()
    await almanac.once()
    assert.deepEqual(ran, ['committed'])

    const foreign = await db.connection('other').transaction()
    await assert.rejects(
      () => almanac.enqueue('note', 'foreign', { client: foreign }),
      /belongs to connection "other", the store lives on "primary"/
    )
    await foreign.rollback()
  })

  test('enqueue with a delay joins the transaction of the caller', async ({ assert, fs }) => {
    const { app, almanac, start } = await bootApp(fs)
    await start()
    almanac.register('note', () => 1)
    const db = await app.container.make('lucid.db')
    const { id } = await db.transaction((client) =>
      almanac.enqueue('note', 'later', { client, delay: '1h' })
    )
    const execution = await almanac.executions.get(id)
    assert.equal(execution.availableAt - execution.createdAt, 3_600_000)
  })

  test('two apps on one file run each slot once', async ({ assert, fs }) => {
    const first = await bootApp(fs)
    const second = await bootApp(fs, { migrate: false })
    await Promise.all([first.start(), second.start()])
    for (const { almanac } of [first, second]) {
      almanac.register('note', () => 1)
    }
    const emitters = await Promise.all(
      [first, second].map(({ app }) => app.container.make('emitter'))
    )
    const ended = Promise.withResolvers<void>()
    let count = 0
    for (const emitter of emitters) {
      emitter.on('execution:succeeded', () => (++count === 3 ? ended.resolve() : undefined))
    }
    await first.almanac.events.create({
      name: 'a',
      handler: 'note',
      payload: 1,
      trigger: { kind: 'interval', every: '1s' },
    })
    await Promise.all([first.almanac.start(), second.almanac.start()])
    await ended.promise
    const status = await first.almanac.status()
    assert.isNotNull(status.leader)
    await Promise.all([first.almanac.stop(), second.almanac.stop()])
    const executions = await first.almanac.history()
    const slots = executions.map(({ slot }) => slot)
    assert.equal(new Set(slots).size, slots.length)
  })
})
