import { test } from '@japa/runner'
import { createNode, createStore, newExecution } from './setup.ts'

const COUNT = 1_000

/** Moves time on until nothing is open any more. */
async function drainQueue(store: ReturnType<typeof createStore>) {
  for (let turn = 0; turn < 500; turn++) {
    const { queued = 0, running = 0 } = await store.storage.executions.countByState()
    if (queued + running === 0) {
      return
    }
    await store.clock.advance(50)
  }
  throw new Error('The queue was not worked off')
}

function twoNodes(work: () => void = () => {}) {
  const store = createStore()
  const runs = new Map<string, string[]>()
  const nodes = ['a.00000001', 'b.00000002'].map((nodeId) =>
    createNode({
      store,
      nodeId,
      handlers: {
        work: ({ execution }) => {
          runs.set(execution.id, [...(runs.get(execution.id) ?? []), nodeId])
          work()
        },
      },
      options: { retry: { retries: 3, delay: 100 } },
      config: { concurrency: 10, prefetch: 20 },
    })
  )
  const enqueue = () =>
    store.storage.executions.enqueue({
      now: store.clock.now(),
      executions: Array.from({ length: COUNT }, (_, index) =>
        newExecution({ concurrencyKey: index % 10 === 0 ? `key ${index % 50}` : null })
      ),
    })
  return { store, nodes, runs, enqueue }
}

test.group('Two nodes on one store', () => {
  test('run 1,000 executions, none twice and none lost', async ({ assert }) => {
    const { store, nodes, runs, enqueue } = twoNodes()
    await enqueue()
    await Promise.all(nodes.map(({ jobs }) => jobs.start()))
    await drainQueue(store)
    await Promise.all(nodes.map(({ jobs }) => jobs.stop()))

    assert.equal(runs.size, COUNT)
    assert.isTrue([...runs.values()].every((by) => by.length === 1))
    const byNode = (name: string) => [...runs.values()].filter(([by]) => by === name).length
    assert.isAbove(byNode('a.00000001'), COUNT / 10)
    assert.isAbove(byNode('b.00000002'), COUNT / 10)
    assert.deepEqual(await store.storage.executions.countByState(), { succeeded: COUNT })
  })

  test('run them also through failures of the store, each as often as it was claimed', async ({
    assert,
  }) => {
    let calls = 0
    const { store, nodes, runs, enqueue } = twoNodes(() => {
      // Every 40th run fails once more
      if (++calls % 40 === 0) {
        throw new Error('unlucky')
      }
    })
    await enqueue()
    await Promise.all(nodes.map(({ jobs }) => jobs.start()))
    for (let round = 0; round < 5; round++) {
      store.storage.fail('executions.claim', { times: 2 })
      store.storage.fail('executions.settle', { times: 3 })
      await store.clock.advance(20)
      store.storage.outage()
      await store.clock.advance(500)
      store.storage.heal()
      await store.clock.advance(300)
    }
    await drainQueue(store)
    await Promise.all(nodes.map(({ jobs }) => jobs.stop()))

    assert.equal(runs.size, COUNT)
    const ended = await store.storage.executions.list({ limit: COUNT })
    for (const { id, state, attempt } of ended) {
      assert.equal(state, 'succeeded')
      assert.lengthOf(runs.get(id)!, attempt)
    }
  })

  test('a settle whose answer was lost is not run again', async ({ assert }) => {
    const { store, nodes, runs, enqueue } = twoNodes()
    await enqueue()
    store.storage.fail('executions.settle', { times: 5, moment: 'after' })
    await Promise.all(nodes.map(({ jobs }) => jobs.start()))
    await drainQueue(store)
    await store.clock.advance(10_000)
    await Promise.all(nodes.map(({ jobs }) => jobs.stop()))
    assert.isTrue([...runs.values()].every((by) => by.length === 1))
    assert.equal(runs.size, COUNT)
  })

  test('a claim whose answer was lost lapses and is rescued; only its keys wait', async ({
    assert,
  }) => {
    const { store, nodes, runs, enqueue } = twoNodes()
    await enqueue()
    store.storage.fail('executions.claim', { moment: 'after' })
    await Promise.all(nodes.map(({ jobs }) => jobs.start()))
    await store.clock.advance(20_000)
    const lost = await store.storage.executions.list({ states: ['running'], limit: COUNT })
    const waiting = await store.storage.executions.list({ states: ['queued'], limit: COUNT })
    assert.lengthOf(lost, 10)
    const held = lost.flatMap(({ concurrencyKey }) => concurrencyKey ?? [])
    assert.sameMembers([...new Set(waiting.map(({ concurrencyKey }) => concurrencyKey))], held)

    await store.clock.advance(15_000)
    const now = store.clock.now()
    const expired = await store.storage.executions.listExpired({ now, limit: 100 })
    await store.storage.executions.rescueExpired({ now, expired, maxRescues: 5 })
    await drainQueue(store)
    await Promise.all(nodes.map(({ jobs }) => jobs.stop()))
    assert.equal(runs.size, COUNT)
    assert.isTrue([...runs.values()].every((by) => by.length === 1))
  })
})
