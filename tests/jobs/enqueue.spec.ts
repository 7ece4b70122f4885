import { test } from '@japa/runner'
import { MemoryStorage } from '../../src/storage/memory/main.ts'
import { ChaosStorage } from '../../src/testing/chaos_storage.ts'
import { ManualClock } from '../../src/testing/manual_clock.ts'
import { E_INVALID_INPUT } from '../../src/errors.ts'
import { createNode } from './setup.ts'
import type { Storage } from '../../src/storage/contract.ts'
import type { EnqueueOptions } from '../../src/jobs/enqueue.ts'

const node = (options: Parameters<typeof createNode>[0] = {}) =>
  createNode({ handlers: { work: () => {} }, ...options })

test.group('Enqueue', () => {
  test('takes the rest from the handler', async ({ assert }) => {
    const { jobs, tracker, clock } = node({ options: { queue: 'mail', priority: 2 } })
    const { id } = await jobs.enqueue('work', undefined)
    assert.include(await tracker.get(id), {
      state: 'queued',
      origin: 'enqueue',
      payload: null,
      queue: 'mail',
      priority: 2,
      timeout: null,
      retries: null,
      availableAt: clock.now(),
      slot: null,
    })
  })

  test('options come before the handler', async ({ assert }) => {
    const { jobs, tracker } = node()
    const { id } = await jobs.enqueue('work', null, {
      queue: 'bulk',
      priority: 10,
      timeout: '1m',
      retries: 7,
      concurrencyKey: 'k',
      availableAt: '2026-01-02T00:00:00Z',
    })
    assert.include(await tracker.get(id), {
      queue: 'bulk',
      priority: 10,
      timeout: 60_000,
      retries: 7,
      concurrencyKey: 'k',
      availableAt: Date.parse('2026-01-02T00:00:00Z'),
    })
  })

  test('a delay counts from the clock of the store', async ({ assert }) => {
    const { jobs, tracker, clock } = node()
    const { id } = await jobs.enqueue('work', null, { delay: '5m' })
    assert.include(await tracker.get(id), { availableAt: clock.now() + 300_000 })
    const at = await jobs.enqueue('work', null, { delay: 0 })
    assert.include(await tracker.get(at.id), { availableAt: clock.now() })
  })

  test('in production the delay counts in the insert: nothing is asked before', async ({
    assert,
  }) => {
    class ProductionClock extends ManualClock {
      override nowOrNull(): never {
        return null as never
      }
    }
    const clock = new ProductionClock()
    const storage = new ChaosStorage(new MemoryStorage({ clock }))
    const { jobs, tracker } = node({ store: { clock, storage } })
    const { id } = await jobs.enqueue('work', null, { delay: 1_000 })
    // Within a transaction on SQLite there is no second connection to ask
    assert.equal(storage.calls('now'), 0)
    assert.include(await tracker.get(id), { availableAt: clock.now() + 1_000 })
  })

  test('a dedupe key binds while the execution is open', async ({ assert }) => {
    const { jobs, notifier } = node()
    const first = await jobs.enqueue('work', 1, { dedupeKey: 'order:1' })
    const second = await jobs.enqueue('work', 2, { dedupeKey: 'order:1' })
    assert.deepEqual(second, { id: first.id, inserted: false })
    assert.lengthOf(notifier.of('execution:queued'), 1)
    await jobs.runOnce()
    const third = await jobs.enqueue('work', 3, { dedupeKey: 'order:1' })
    assert.isTrue(third.inserted)
  })

  test('one of a key runs at a time, also beside free slots', async ({ assert }) => {
    let running = 0
    let most = 0
    const { jobs, counters } = node({
      handlers: {
        work: async () => {
          most = Math.max(most, ++running)
          await Promise.resolve()
          running--
        },
      },
    })
    for (let index = 0; index < 10; index++) {
      await jobs.enqueue('work', null, { concurrencyKey: 'stock' })
    }
    await jobs.runOnce()
    assert.equal(most, 1)
    assert.equal(counters.get('executions.succeeded'), 10)
  })

  test('priority comes first, then time', async ({ assert }) => {
    const order: unknown[] = []
    const { jobs } = node({
      handlers: { work: ({ payload }) => void order.push(payload) },
      config: { concurrency: 1 },
    })
    await jobs.enqueue('work', 'second')
    await jobs.enqueue('work', 'third')
    await jobs.enqueue('work', 'first', { priority: 1 })
    await jobs.runOnce()
    assert.deepEqual(order, ['first', 'second', 'third'])
  })

  test('only the queues of this node are worked on', async ({ assert }) => {
    const { jobs, tracker } = node({ config: { queues: ['mail'] } })
    const mail = await jobs.enqueue('work', null, { queue: 'mail' })
    const other = await jobs.enqueue('work', null)
    await jobs.runOnce()
    assert.include(await tracker.get(mail.id), { state: 'succeeded' })
    assert.include(await tracker.get(other.id), { state: 'queued' })
  })

  test('a node without handlers claims nothing', async ({ assert }) => {
    const { jobs, storage, clock } = createNode()
    await jobs.start()
    await clock.advance(10_000)
    assert.equal(storage.calls('executions.claim'), 0)
    await jobs.stop()
  })

  test('an execution whose handler is not registered here stays', async ({ assert }) => {
    const { jobs, storage, clock, tracker } = node()
    const stranger = createNode({ store: { clock, storage }, handlers: { other: () => {} } })
    const { id } = await stranger.jobs.enqueue('other', null)
    assert.equal(await jobs.runOnce(), 0)
    assert.include(await tracker.get(id), { state: 'queued' })
  })

  test('refuses an unknown handler', async ({ assert }) => {
    await assert.rejects(
      () => node().jobs.enqueue('nope', null),
      'No handler is registered as "nope"'
    )
  })

  test('names every bad option', async ({ assert }) => {
    const options = { priority: 0, queue: '', retries: -1, delay: 1, availableAt: 1 }
    await assert.rejects(
      () => node().jobs.enqueue('work', null, options),
      'Enqueueing "work" is not valid: priority (0): give a whole number from 1 to 10; ' +
        'queue (): give a text of 1 to 255 characters; ' +
        'retries (-1): give a whole number from 0 to 10000; ' +
        'delay (1): give a delay or availableAt, not both'
    )
  })

  test('refuses {0}, naming field, value and remedy')
    .with([
      ['a dedupe key that is no text', { dedupeKey: 7 }, ['dedupeKey', '7', /a text of 1 to/]],
      ['a concurrency key so', { concurrencyKey: 3 }, ['concurrencyKey', '3', /a text of 1 to/]],
      ['no time at all', { timeout: 0 }, ['timeout', '0', /give at least 1 ms/]],
      ['a timeout in words', { timeout: 'long' }, ['timeout', 'long', /write ms, or "15s"/]],
      ['a delay in words', { delay: 'soon' }, ['delay', 'soon', /write ms, or "15s"/]],
      ['too many retries', { retries: 1e9 }, ['retries', '1000000000', /from 0 to 10000/]],
      ['half a retry', { retries: 0.5 }, ['retries', '0.5', /a whole number/]],
      ['a priority beyond the last', { priority: 11 }, ['priority', '11', /from 1 to 10/]],
      ['no instant', { availableAt: 'tomorrow' }, ['availableAt', 'tomorrow', /an ISO text/]],
      ['a bare object', { availableAt: { __proto__: null } }, ['availableAt', /^\[Object/, /ISO/]],
      ['an unknown option', { queu: 'x' }, ['queu', 'x', /unknown; .* queue,/]],
      ['null for the options', null, ['options', 'null', /leave it out/]],
      ['a list for them', [], ['options', '[]', /give an object/]],
    ] as [string, EnqueueOptions, [string, string | RegExp, RegExp]][])
    .run(async ({ assert }, [, options, [field, value, remedy]]) => {
      const { jobs, storage } = node()
      const error: unknown = await jobs.enqueue('work', null, options).catch((reason) => reason)
      assert.instanceOf(error, E_INVALID_INPUT)
      const { problems } = error as InstanceType<typeof E_INVALID_INPUT>
      assert.lengthOf(problems, 1)
      assert.equal(problems[0].field, field)
      assert.isTrue(
        typeof value === 'string' ? problems[0].value === value : value.test(problems[0].value)
      )
      assert.match(problems[0].message, remedy)
      assert.deepEqual(await storage.executions.countByState(), {})
    })

  test('what is null or undefined comes from the handler', async ({ assert }) => {
    const { jobs, tracker } = node()
    const options = { dedupeKey: null, timeout: undefined, retries: null } as never
    const { id } = await jobs.enqueue('work', null, options)
    assert.include(await tracker.get(id), { dedupeKey: null, timeout: null, retries: null })
  })

  test('refuses a bad value by its code: {0}')
    .with([
      ['E_EMPTY_KEY', { dedupeKey: '' }],
      ['E_EMPTY_KEY', { concurrencyKey: '' }],
      ['E_INVALID_INPUT', { concurrencyKey: '', priority: 11 }],
    ] as [string, EnqueueOptions][])
    .run(async ({ assert }, [code, options]) => {
      const { jobs, storage } = node()
      const error = await jobs.enqueue('work', null, options).then(
        () => assert.fail('it was not refused'),
        (reason: { code: string }) => reason
      )
      assert.equal(error.code, code)
      assert.deepEqual(await storage.executions.countByState(), {})
    })

  test('refuses a payload that is no JSON or too large', async ({ assert }) => {
    await assert.rejects(() => node().jobs.enqueue('work', 1n), /payload cannot be stored as JSON/)
    await assert.rejects(
      () => node().jobs.enqueue('work', 'x'.repeat(20_000)),
      'payload has 20002 bytes of JSON, more than the 10000 allowed'
    )
  })
})

test.group('Enqueue | in a transaction', () => {
  /** A storage that takes any client, as a database takes its own. */
  function lenient() {
    const clock = new ManualClock()
    const memory = new MemoryStorage({ clock })
    const clients: unknown[] = []
    const executions = new Proxy(memory.executions, {
      get(store, key) {
        if (key === 'enqueue') {
          return ({ client, ...params }: Parameters<Storage['executions']['enqueue']>[0]) => {
            clients.push(client)
            return store.enqueue(params)
          }
        }
        const value: unknown = Reflect.get(store, key, store)
        return typeof value === 'function' ? value.bind(store) : value
      },
    })
    const storage = new ChaosStorage(
      new Proxy(memory, {
        get: (target, key) => (key === 'executions' ? executions : Reflect.get(target, key)),
      })
    )
    return { store: { clock, storage }, clients }
  }

  test('it is announced after the commit', async ({ assert }) => {
    const { store, clients } = lenient()
    const { jobs, notifier } = node({ store })
    let commit = () => {}
    const client = { after: (_event: string, callback: () => void) => (commit = callback) }
    await jobs.enqueue('work', null, { client })
    assert.deepEqual(clients, [client])
    assert.isEmpty(notifier.names())
    commit()
    assert.deepEqual(notifier.names(), ['execution:queued'])
  })

  test('a client that tells nothing is left to the poll', async ({ assert }) => {
    const { store } = lenient()
    const { jobs, notifier } = node({ store })
    await jobs.enqueue('work', null, { client: {} })
    assert.isEmpty(notifier.names())
    assert.equal(await jobs.runOnce(), 1)
  })
})
