import { test } from '@japa/runner'
import { placeOf, TAKES_PLACE } from '../../src/jobs/place.ts'
import type { CoreConfig } from '../../src/types/config.ts'
import type { NewExecution } from '../../src/storage/contract.ts'
import type { HandlerContext, HandlerContract } from '../../src/types/handlers.ts'
import { createNode, gate, newExecution } from './setup.ts'

const LIMIT = { kind: 'limit' as const, limits: { cluster: 6 }, reason: null }

/** A node whose handlers run until they are let go, one by one. */
function blockedNode(config: Partial<CoreConfig>) {
  const running: { queue: string; open: () => void }[] = []
  const work = async ({ execution }: HandlerContext) => {
    const { promise, open } = gate()
    const entry = { queue: execution.queue, open }
    running.push(entry)
    await promise
    running.splice(running.indexOf(entry), 1)
  }
  const node = createNode({ config, handlers: { work } })
  const counts = () => {
    const names = running.map(({ queue }) => queue)
    return Object.fromEntries(
      [...new Set(names)].sort().map((name) => [name, names.filter((one) => one === name).length])
    )
  }
  const enqueue = (queue: string, count: number) =>
    node.storage.executions.enqueue({
      now: node.clock.nowOrNull(),
      executions: Array.from({ length: count }, () => newExecution({ queue })),
    })
  /** Ends one of a queue, and lets what follows begin. */
  const end = async (queue: string) => {
    running.find((entry) => entry.queue === queue)!.open()
    await node.clock.advance(1_000)
  }
  const finish = async () => {
    const stopped = node.jobs.stop()
    running.forEach(({ open }) => open())
    await node.clock.advance(0)
    await stopped
  }
  return { ...node, counts, enqueue, end, finish }
}

test.group('Lanes', () => {
  test('a queue keeps its places, however busy the others are', async ({ assert }) => {
    const { jobs, clock, counts, enqueue, end, finish } = blockedNode({
      concurrency: 5,
      queuePlaces: { loads: 2 },
    })
    await enqueue('reports', 20)
    await jobs.start()
    await clock.advance(1_000)
    assert.deepEqual(counts(), { reports: 3 })
    assert.deepEqual(jobs.capacity(), { total: 5, free: 2, running: 3 })
    await enqueue('loads', 20)
    await clock.advance(1_000)
    assert.deepEqual(counts(), { loads: 2, reports: 3 })
    await end('loads')
    assert.deepEqual(counts(), { loads: 2, reports: 3 })
    await end('reports')
    assert.deepEqual(counts(), { loads: 2, reports: 3 })
    await finish()
  })

  test('what waits ahead for one queue takes no slot of another', async ({ assert }) => {
    const { jobs, clock, counts, enqueue, end, finish } = blockedNode({
      concurrency: 3,
      prefetch: 10,
      queuePlaces: { loads: 1, reports: 1 },
    })
    await enqueue('loads', 30)
    await enqueue('default', 30)
    await jobs.start()
    await clock.advance(1_000)
    // Quick ends let each of them claim ahead
    for (let count = 0; count < 5; count++) {
      await end('loads')
      await end('default')
    }
    await enqueue('reports', 5)
    await clock.advance(1_000)
    assert.deepEqual(counts(), { default: 1, loads: 1, reports: 1 })
    await finish()
  })

  test('a slot that a run leaves before its end goes to the next of its queue', async ({
    assert,
  }) => {
    const { promise, open } = gate()
    const worked: string[] = []
    class Early implements HandlerContract {
      static readonly [TAKES_PLACE] = true

      async handle(context: HandlerContext) {
        const place = placeOf(context)
        await place.take(context.signal)
        worked.push(context.execution.queue)
        place.leave()
        return context.payload === 'quick' ? null : promise
      }
    }
    const { jobs, storage, clock } = createNode({
      config: { concurrency: 2, prefetch: 10, queuePlaces: { loads: 1 } },
      handlers: { work: () => promise, early: Early },
    })
    const enqueue = (executions: NewExecution[]) =>
      storage.executions.enqueue({ now: clock.nowOrNull(), executions })
    const loads = { handler: 'early', queue: 'loads' }
    // Quick ends let the queue claim ahead
    await enqueue(Array.from({ length: 8 }, () => newExecution({ ...loads, payload: 'quick' })))
    await jobs.start()
    await clock.advance(5_000)
    assert.lengthOf(worked.splice(0), 8)
    await enqueue([newExecution(), newExecution({ handler: 'early' })])
    await enqueue([newExecution(loads), newExecution(loads)])
    await clock.advance(1_000)
    assert.deepEqual(worked, ['loads', 'loads'])
    assert.deepEqual(jobs.capacity(), { total: 2, free: 1, running: 1 })
    open()
    await jobs.idle()
    assert.deepEqual(worked, ['loads', 'loads', 'default'])
    await jobs.stop()
  })

  test('a node of two queues takes nothing of a third', async ({ assert }) => {
    const { jobs, clock, counts, enqueue, finish } = blockedNode({
      concurrency: 4,
      queues: ['loads', 'reports'],
      queuePlaces: { loads: 1 },
    })
    await enqueue('loads', 3)
    await enqueue('reports', 9)
    await enqueue('mail', 9)
    await jobs.start()
    await clock.advance(1_000)
    assert.deepEqual(counts(), { loads: 1, reports: 3 })
    await finish()
  })

  test('one round runs the work of all queues', async ({ assert }) => {
    const { jobs, storage } = createNode({
      config: { queuePlaces: { loads: 1 } },
      handlers: { work: () => {} },
    })
    const executions = ['loads', 'loads', 'default'].map((queue) => newExecution({ queue }))
    await storage.executions.enqueue({ now: null, executions })
    assert.equal(await jobs.runOnce(), 3)
    assert.deepEqual(
      jobs.sources().map(({ name }) => name),
      ['queue', 'queue:loads']
    )
  })

  test('another source is refused where the queues have all places', ({ assert }) => {
    const { jobs } = createNode({
      config: { concurrency: 2, queues: ['loads'], queuePlaces: { loads: 2 } },
    })
    const source = { name: 'requests', pollInterval: 100, pull: async () => 0 }
    assert.throws(
      () => jobs.addSource(source),
      /name.*requests.*have all places.*raise concurrency/s
    )
  })

  test('what is limited is not claimed ahead: another node may have a slot for it', async ({
    assert,
  }) => {
    const { promise, open } = gate()
    const { jobs, storage, clock } = createNode({
      config: { concurrency: 2, prefetch: 10 },
      handlers: { work: () => {}, held: () => promise },
    })
    await storage.controls.change({
      now: clock.nowOrNull(),
      changes: [{ scope: 'handler', name: 'held', change: LIMIT }],
      by: 'anna',
    })
    const enqueue = (handler: string, count: number) =>
      storage.executions.enqueue({
        now: clock.nowOrNull(),
        executions: Array.from({ length: count }, () => newExecution({ handler })),
      })
    await enqueue('work', 30)
    await jobs.start()
    await clock.advance(1_000)
    await enqueue('held', 10)
    await enqueue('work', 10)
    await clock.advance(1_000)
    const running = await storage.executions.list({ states: ['running'] })
    const of = (name: string) => running.filter(({ handler }) => handler === name).length
    assert.equal(of('held'), 2)
    // Quick handlers without a limit are
    assert.isAbove(of('work'), 0)
    open()
    await clock.advance(5_000)
    assert.deepEqual(await storage.executions.countByState(), { succeeded: 50 })
    await jobs.stop()
  })
})
