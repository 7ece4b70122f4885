import { test } from '@japa/runner'
import { MemoryStorage } from '../../src/storage/memory/main.ts'
import { ChaosStorage } from '../../src/testing/chaos_storage.ts'
import { ManualClock } from '../../src/testing/manual_clock.ts'
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
      'Enqueueing "work" is not valid: priority (0): give 1 (first) to 10 (last); ' +
        'queue (): give the name of a queue, or leave it out; retries (-1): give 0 or more; ' +
        'delay (1): give a delay or availableAt, not both'
    )
  })

  test('refuses a bad value by its code: {0}')
    .with([
      ['E_EMPTY_KEY', { dedupeKey: '' }],
      ['E_EMPTY_KEY', { concurrencyKey: '' }],
      ['E_INVALID_DURATION', { delay: 'soon' }],
      ['E_INVALID_DURATION', { timeout: 'long' }],
      ['E_INVALID_INSTANT', { availableAt: 'tomorrow' }],
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
