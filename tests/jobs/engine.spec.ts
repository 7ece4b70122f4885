import { test } from '@japa/runner'
import { aborted, createNode, gate } from './setup.ts'
import { engineWorld, HEAVY } from './engine_support.ts'
import type { HandlerContext } from '../../src/types/handlers.ts'

const LEASE = 30_000
const RENEW = 10_000

test.group('Another engine | the way of an execution', () => {
  test('it is claimed, handed over, taken over, run there, and its end stored', async ({
    assert,
  }) => {
    const seen = gate<HandlerContext>()
    const end = gate<string>()
    const { clock, engine, giver, worker, find, handOver } = engineWorld((context) => {
      seen.open(context)
      return end.promise
    })
    await giver.jobs.start()
    const id = await handOver('work', { n: 1 }, { priority: 2 })
    assert.containSubset(engine.messages, [
      { id, attempt: 1, node: 'giver.00000001', handler: 'work', queue: 'heavy', priority: 2 },
    ])
    assert.containSubset(await find(id), { state: 'running', startedAt: null, attempt: 1 })
    await clock.advance(3 * LEASE)
    assert.include(await find(id), { node: 'giver.00000001', rescues: 0 })

    const delivery = worker.jobs.deliver(engine.next())
    const context = await seen.promise
    assert.deepEqual([context.payload, context.attempt], [{ n: 1 }, 1])
    await clock.advance(3 * LEASE)
    assert.include(await find(id), { node: 'worker.00000002', attempt: 1, rescues: 0 })
    assert.equal(worker.jobs.capacity().running, 1)
    end.open('done')
    assert.isTrue(await delivery)
    assert.include(await find(id), { state: 'succeeded', result: 'done' })
    assert.deepEqual(worker.notifier.names(), ['execution:started', 'execution:succeeded'])
    await giver.jobs.stop()
    assert.include(await find(id), { state: 'succeeded' })
    assert.equal(giver.counters.get('leases.lost'), 0)
  })

  test('retries are ours: a failed attempt waits in our queue and is handed over anew', async ({
    assert,
  }) => {
    let calls = 0
    const run = () => {
      if (++calls === 1) {
        throw new Error('unlucky')
      }
      return calls
    }
    const { clock, engine, giver, worker, find, handOver } = engineWorld(run, {
      options: { retry: { retries: 1, delay: '5s', backoff: 'fixed', jitter: 0 } },
    })
    await giver.jobs.start()
    const id = await handOver('work', null)
    assert.isTrue(await worker.jobs.deliver(engine.next()))
    assert.include(await find(id), { state: 'queued', failures: 1 })
    assert.lengthOf(engine.messages, 0)
    await clock.advance(5_100)
    const [second] = engine.messages
    assert.equal(second.attempt, 2)
    await worker.jobs.deliver(engine.next())
    assert.include(await find(id), { state: 'succeeded', result: 2, attempt: 2 })
    await giver.jobs.stop()
  })

  test('other queues are run by the node itself; a single round leaves this one alone', async ({
    assert,
  }) => {
    const { engine, giver, find } = engineWorld()
    const { id: heavy } = await giver.jobs.enqueue('work', null)
    const { id: light } = await giver.jobs.enqueue('work', null, { queue: 'light' })
    assert.equal(await giver.jobs.runOnce(), 1)
    assert.include(await find(light), { state: 'succeeded' })
    assert.include(await find(heavy), { state: 'queued', attempt: 0 })
    assert.lengthOf(engine.messages, 0)
  })

  test('a node that works on other queues hands nothing over', async ({ assert }) => {
    const { clock, engine, giver, node, find } = engineWorld()
    const other = node('other.00000003', { config: { queues: ['light'], queueSettings: HEAVY } })
    const { id } = await giver.jobs.enqueue('work', null)
    await other.jobs.start()
    await clock.advance(5_000)
    await other.jobs.stop()
    assert.include(await find(id), { state: 'queued' })
    assert.lengthOf(engine.messages, 0)
  })

  test('no more are handed over than may wait; a worker that takes one makes room', async ({
    assert,
  }) => {
    const end = gate()
    const { clock, engine, giver, worker } = engineWorld(() => end.promise)
    await giver.jobs.start()
    for (let count = 0; count < 8; count++) {
      await giver.jobs.enqueue('work', null)
    }
    await clock.advance(2_000)
    assert.lengthOf(engine.messages, 3)
    const deliveries = [worker.jobs.deliver(engine.next()), worker.jobs.deliver(engine.next())]
    await clock.advance(RENEW)
    assert.lengthOf(engine.messages, 3)
    end.open()
    await Promise.all(deliveries)
    await giver.jobs.stop()
  })

  test('one that is delivered in the process that handed it over is run there once', async ({
    assert,
  }) => {
    const { clock, engine, giver, find, handOver } = engineWorld()
    await giver.jobs.start()
    const id = await handOver('work', null)
    const message = engine.next()
    assert.isTrue(await giver.jobs.deliver(message))
    assert.isFalse(await giver.jobs.deliver(message))
    await clock.advance(RENEW)
    assert.include(await find(id), { state: 'succeeded', attempt: 1 })
    await giver.jobs.stop()
    assert.equal(giver.counters.get('settles.refused'), 0)
  })
})

test.group('Another engine | what goes wrong', () => {
  test('of two deliveries at once one runs it', async ({ assert }) => {
    let runs = 0
    const world = engineWorld(() => ++runs)
    const { engine, giver, worker, find, handOver } = world
    const second = world.node('second.00000003')
    await giver.jobs.start()
    const id = await handOver('work', null)
    const message = engine.next()
    const took = await Promise.all([
      worker.jobs.deliver(message),
      second.jobs.deliver(message),
      worker.jobs.deliver(message),
    ])
    assert.lengthOf(took.filter(Boolean), 1)
    assert.equal(runs, 1)
    assert.include(await find(id), { state: 'succeeded', attempt: 1 })
    assert.isFalse(await second.jobs.deliver(message))
    await giver.jobs.stop()
  })

  test('what the engine lost goes back to the queue, and is handed over anew', async ({
    assert,
  }) => {
    const { clock, engine, giver, worker, find, handOver } = engineWorld()
    await giver.jobs.start()
    const id = await handOver('work', null)
    const late = engine.next()
    await clock.advance(RENEW + 2_000)
    assert.equal(giver.counters.get('engine.lost'), 1)
    assert.containSubset(engine.messages, [{ id, attempt: 2 }])
    assert.isFalse(await worker.jobs.deliver(late))
    assert.isTrue(await worker.jobs.deliver(engine.next()))
    assert.include(await find(id), { state: 'succeeded', attempt: 2, rescues: 0, failures: 0 })
    await giver.jobs.stop()
  })

  test('the node that handed it over dies: it is rescued, and the message comes late', async ({
    assert,
  }) => {
    const { store, clock, engine, giver, worker, node, find, handOver } = engineWorld()
    await giver.jobs.start()
    const id = await handOver('work', null)
    store.storage.fail('executions.renew', { times: Infinity })
    await clock.advance(LEASE)
    const now = clock.now()
    const expired = await store.storage.executions.listExpired({ now, limit: 10 })
    await store.storage.executions.rescueExpired({ now, expired, maxRescues: 5 })
    store.storage.heal()
    assert.isFalse(await worker.jobs.deliver(engine.next()))
    const heir = node('heir.00000004')
    await heir.jobs.start()
    await clock.advance(1_000)
    assert.isTrue(await worker.jobs.deliver(engine.next()))
    assert.include(await find(id), { state: 'succeeded', attempt: 2, rescues: 1 })
    await heir.jobs.stop()
    await giver.jobs.stop()
  })

  test('a worker that dies is rescued like a node; its late end is refused', async ({ assert }) => {
    const ends = [gate<string>(), gate<string>()]
    let runs = 0
    const { store, clock, engine, giver, worker, node, find, handOver } = engineWorld(
      () => ends[runs++].promise
    )
    await giver.jobs.start()
    const id = await handOver('work', null)
    const frozen = worker.jobs.deliver(engine.next())
    await clock.advance(RENEW)
    store.storage.fail('executions.renew', { times: Infinity })
    await clock.advance(LEASE)
    const now = clock.now()
    const expired = await store.storage.executions.listExpired({ now, limit: 10 })
    await store.storage.executions.rescueExpired({ now, expired, maxRescues: 5 })
    store.storage.heal()
    await clock.advance(1_000)
    const second = node('second.00000005')
    const running = second.jobs.deliver(engine.next())
    ends[0].open('too late')
    await frozen
    assert.include(await find(id), { state: 'running', attempt: 2, node: 'second.00000005' })
    ends[1].open('in time')
    await running
    assert.include(await find(id), { state: 'succeeded', result: 'in time', rescues: 1 })
    await giver.jobs.stop()
  })

  test('an engine that fails has taken nothing: all is back, and handed over when it answers', async ({
    assert,
  }) => {
    const { clock, engine, giver, worker, find, handOver } = engineWorld()
    engine.failure = new Error('connection refused')
    await giver.jobs.start()
    const id = await handOver('work', null)
    assert.include(await find(id), { state: 'queued', failures: 0, rescues: 0 })
    const { error } = giver.jobs.sources().find(({ name }) => name === 'hand-over:heavy')!
    assert.equal(
      error,
      '1 executions of queue "heavy" could not be handed over: connection refused'
    )
    engine.failure = null
    await clock.advance(30_000)
    assert.isTrue(await worker.jobs.deliver(engine.next()))
    assert.include(await find(id), { state: 'succeeded' })
    await giver.jobs.stop()
  })

  test('what an engine took before it failed stays with it', async ({ assert }) => {
    const { clock, engine, giver, worker, find } = engineWorld()
    const [first, second] = await Promise.all(
      [1, 2].map((priority) => giver.jobs.enqueue('work', null, { priority }))
    )
    const push = engine.push.bind(engine)
    engine.push = async (queue, priority, executions) => {
      engine.failure = priority === 2 ? new Error('full') : null
      return push(queue, priority, executions)
    }
    await giver.jobs.start()
    await clock.advance(10)
    assert.include(await find(first.id), { state: 'running' })
    assert.include(await find(second.id), { state: 'queued' })
    const { error } = giver.jobs.sources().find(({ name }) => name === 'hand-over:heavy')!
    assert.equal(error, '1 executions of queue "heavy" could not be handed over: full')
    assert.isTrue(await worker.jobs.deliver(engine.next()))
    assert.include(await find(first.id), { state: 'succeeded' })
    await giver.jobs.stop()
  })

  test('an engine that does not answer is given up, and the node can still stop', async ({
    assert,
  }) => {
    const { clock, engine, giver, find, handOver } = engineWorld()
    engine.hangs = true
    await giver.jobs.start()
    const id = await handOver('work', null)
    await clock.advance(10_000)
    assert.include(await find(id), { state: 'queued' })
    await clock.advance(1_000)
    const stopped = giver.jobs.stop({ deadline: 1_000 })
    await clock.advance(12_000)
    await stopped
    assert.include(await find(id), { state: 'queued', rescues: 0 })
  })

  test('what waits when its node stops goes back at once', async ({ assert }) => {
    const { clock, engine, giver, worker, find, handOver } = engineWorld()
    await giver.jobs.start()
    const id = await handOver('work', null)
    await giver.jobs.stop()
    assert.include(await find(id), { state: 'queued', attempt: 1, rescues: 0 })
    assert.isFalse(await worker.jobs.deliver(engine.next()))
    assert.equal(clock.pending, 0)
    await giver.jobs.start()
    await clock.advance(100)
    assert.isTrue(await worker.jobs.deliver(engine.next()))
    await giver.jobs.stop()
  })

  test('a worker that stops gives its handlers their time, aborts them, and takes nothing more', async ({
    assert,
  }) => {
    const { clock, engine, giver, worker, find, handOver } = engineWorld(({ signal }) =>
      aborted(signal)
    )
    await giver.jobs.start()
    const id = await handOver('work', null)
    const delivery = worker.jobs.deliver(engine.next())
    await clock.advance(100)
    const stopped = worker.jobs.stop({ deadline: 5_000 })
    await clock.advance(4_000)
    assert.include(await find(id), { state: 'running', node: 'worker.00000002' })
    const refused = { id: 'x', attempt: 1, node: 'giver.00000001', handler: 'work' }
    await assert.rejects(() => worker.jobs.deliver(refused), /cannot be run here: .* stops/)
    await clock.advance(1_500)
    await Promise.all([delivery, stopped])
    const { state, rescues, failures } = await find(id)
    assert.notEqual(state, 'failed')
    assert.deepEqual([rescues, failures], [0, 0])
    await giver.jobs.stop()
  })

  test('the store is away at the take-over: the message is spent, and another follows', async ({
    assert,
  }) => {
    const { store, clock, engine, giver, worker, find, handOver } = engineWorld()
    await giver.jobs.start()
    const id = await handOver('work', null)
    store.storage.fail('executions.takeOver')
    await assert.rejects(() => worker.jobs.deliver(engine.next()))
    await clock.advance(RENEW + 2_000)
    assert.isTrue(await worker.jobs.deliver(engine.next()))
    assert.include(await find(id), { state: 'succeeded', attempt: 2, rescues: 0 })
    await giver.jobs.stop()
  })

  test('a handler that the worker does not know is refused, and nothing is taken', async ({
    assert,
  }) => {
    const { engine, giver, node, find, handOver } = engineWorld()
    await giver.jobs.start()
    const id = await handOver('work', null)
    const bare = node('bare.00000006', { handlers: {} })
    await assert.rejects(
      () => bare.jobs.deliver(engine.next()),
      `Execution "${id}" was delivered and cannot be run here: handler "work" is not registered`
    )
    assert.include(await find(id), { state: 'running', node: 'giver.00000001', startedAt: null })
    await giver.jobs.stop()
  })

  test('a queue for another engine without one is refused at the start', ({ assert }) => {
    assert.throws(
      () => createNode({ config: { queueSettings: HEAVY } }),
      'Queue "heavy" has the executor "queue", but @adonisjs/queue is not set up in this app'
    )
  })
})

test.group('Another engine | cancel and expiry', () => {
  test('what waits is cancelled at once here, and with the next look from elsewhere', async ({
    assert,
  }) => {
    let runs = 0
    const world = engineWorld(() => ++runs)
    const { clock, engine, giver, worker, find, handOver } = world
    await giver.jobs.start()
    const here = await handOver('work', null)
    const elsewhere = await handOver('work', null)
    assert.equal(await giver.jobs.cancel(here, { reason: 'by ana' }), 'requested')
    assert.include(await find(here), { state: 'cancelled', reason: 'by ana' })
    await worker.jobs.cancel(elsewhere, { reason: 'by ben' })
    assert.include(await find(elsewhere), { state: 'running' })
    await clock.advance(RENEW)
    assert.include(await find(elsewhere), { state: 'cancelled', reason: 'by ben' })
    assert.lengthOf(giver.notifier.of('execution:cancelled'), 2)
    assert.isFalse(await worker.jobs.deliver(engine.next()))
    assert.isFalse(await worker.jobs.deliver(engine.next()))
    assert.equal(runs, 0)
    await giver.jobs.stop()
  })

  test('a worker ends what was cancelled, or has expired, on the way, without running it', async ({
    assert,
  }) => {
    let runs = 0
    const { clock, engine, giver, worker, find, handOver } = engineWorld(() => ++runs)
    await giver.jobs.start()
    const cancelled = await handOver('work', null)
    const expired = await handOver('work', null, { expiresIn: '2s' })
    await worker.jobs.cancel(cancelled, { reason: 'by ana' })
    await clock.advance(3_000)
    assert.isTrue(await worker.jobs.deliver(engine.next()))
    assert.isTrue(await worker.jobs.deliver(engine.next()))
    assert.include(await find(cancelled), { state: 'cancelled', reason: 'by ana' })
    assert.include(await find(expired), { state: 'missed', reason: 'expired' })
    assert.equal(runs, 0)
    await worker.jobs.idle()
    await giver.jobs.stop()
  })

  test('a run is cancelled from anywhere, and its timeout is its own', async ({ assert }) => {
    const { clock, engine, giver, worker, find, handOver } = engineWorld(
      ({ signal }) => aborted(signal),
      { options: { timeout: '20s' } }
    )
    await giver.jobs.start()
    const cancelled = await handOver('work', null)
    const slow = await handOver('work', null)
    const deliveries = [worker.jobs.deliver(engine.next()), worker.jobs.deliver(engine.next())]
    await clock.advance(1_000)
    await giver.jobs.cancel(cancelled, { reason: 'by ana' })
    await clock.advance(RENEW)
    assert.include(await find(cancelled), { state: 'cancelled', reason: 'by ana' })
    await clock.advance(RENEW)
    await Promise.all(deliveries)
    assert.include(await find(slow), { state: 'timed_out' })
    await giver.jobs.stop()
  })
})
