import { test } from '@japa/runner'
import { newId } from '../../src/ids.ts'
import { aborted, createNode, createStore, gate, newExecution } from './setup.ts'
import type { HandlerContext } from '../../src/types/handlers.ts'
import type { JournalEntry } from '../../src/types/journal.ts'

/** A run that listens to its signal on one node, and another node beside it. */
async function runningElsewhere(lease: { ttl: number; renew: number }) {
  const store = createStore()
  const handlers = { long: ({ signal }: HandlerContext) => aborted(signal) }
  const holder = createNode({ store, config: { lease }, handlers })
  const other = createNode({ store, nodeId: 'other.00000002' })
  const { id } = await holder.jobs.enqueue('long', null)
  return { store, other, id, running: holder.jobs.runOnce() }
}

test.group('Cancel', () => {
  test('a queued execution is cancelled at once, and it is announced', async ({ assert }) => {
    const node = createNode({ handlers: { work: () => {} } })
    const { id } = await node.jobs.enqueue('work', null)
    assert.equal(await node.jobs.cancel(id, { reason: 'not needed', by: 'ana' }), 'cancelled')

    assert.include(await node.tracker.get(id), { state: 'cancelled', reason: 'not needed' })
    const [notice] = node.notifier.of('execution:cancelled')
    assert.include(notice, { executionId: id, duration: null, reason: 'not needed' })
    const journal = await node.storage.journal.read({ after: 0, limit: 10 })
    assert.deepInclude(journal.at(-1) as JournalEntry, {
      kind: 'execution.cancelled',
      actor: 'ana',
      subject: id,
      after: { reason: 'not needed' },
    })
    assert.equal(await node.jobs.runOnce(), 0)
  })

  test('a running one on this node hears it at once', async ({ assert }) => {
    const node = createNode({ handlers: { long: ({ signal }) => aborted(signal) } })
    const { id } = await node.jobs.enqueue('long', null)
    const running = node.jobs.runOnce()
    await node.clock.settle()
    assert.equal(await node.jobs.cancel(id), 'requested')
    await running
    assert.include(await node.tracker.get(id), {
      state: 'cancelled',
      reason: 'cancelled by request',
    })
    assert.lengthOf(node.notifier.of('execution:cancelled'), 1)
  })

  test('a running one elsewhere hears it within a second, however rare the renewals', async ({
    assert,
  }) => {
    const { store, other, id, running } = await runningElsewhere({ ttl: 300_000, renew: 100_000 })
    await store.clock.advance(5_000)
    assert.equal(await other.jobs.cancel(id, { reason: 'by bob' }), 'requested')
    await store.clock.advance(999)
    assert.include(await other.tracker.get(id), { state: 'running' })
    await store.clock.advance(1)
    await running
    assert.include(await other.tracker.get(id), { state: 'cancelled', reason: 'by bob' })
  })

  test('a running one elsewhere hears it with a renewal where those come often', async ({
    assert,
  }) => {
    const { store, other, id, running } = await runningElsewhere({ ttl: 2_000, renew: 700 })
    await store.clock.advance(1_400)
    assert.equal(await other.jobs.cancel(id, { reason: 'by bob' }), 'requested')
    await store.clock.advance(700)
    await running
    assert.include(await other.tracker.get(id), { state: 'cancelled', reason: 'by bob' })
  })

  test('what a handler returns after the request is kept, but it ends as cancelled', async ({
    assert,
  }) => {
    const node = createNode({
      handlers: { long: ({ signal }) => aborted(signal).catch(() => ({ rows: 7 })) },
    })
    const { id } = await node.jobs.enqueue('long', null)
    const running = node.jobs.runOnce()
    await node.clock.settle()
    await node.jobs.cancel(id)
    await running
    const { state, result } = await node.tracker.get(id)
    assert.equal(state, 'cancelled')
    assert.deepEqual(result, { rows: 7 })
  })

  test('one that was claimed ahead ends without having begun', async ({ assert }) => {
    const end = gate()
    let begun = 0
    const node = createNode({
      handlers: {
        quick: () => {},
        long: () => {
          begun++
          return end.promise
        },
      },
      config: { concurrency: 1, prefetch: 5 },
    })
    for (let index = 0; index < 20; index++) {
      await node.jobs.enqueue('quick', null)
    }
    await node.jobs.start()
    await node.clock.advance(100)
    await node.jobs.enqueue('long', null)
    const { id } = await node.jobs.enqueue('long', null)
    await node.clock.advance(200)
    assert.include(await node.tracker.get(id), { state: 'running' })

    await node.jobs.cancel(id, { reason: 'too late' })
    await node.clock.advance(5)
    assert.include(await node.tracker.get(id), {
      state: 'cancelled',
      reason: 'too late',
      startedAt: null,
    })
    end.open()
    await node.jobs.stop()
    assert.equal(begun, 1)
  })

  test('one whose parents are still being read does not begin', async ({ assert }) => {
    let begun = 0
    const node = createNode({ handlers: { work: () => void begun++ } })
    const { storage, clock } = node
    const execution = newExecution({ workflowId: newId() })
    await storage.executions.enqueue({ now: clock.now(), executions: [execution] })
    const go = storage.hold('workflows.parentsOf')
    const round = node.jobs.runOnce()
    await clock.advance(5)
    assert.equal(storage.calls('workflows.parentsOf'), 1)
    await node.jobs.cancel(execution.id, { reason: 'too late' })
    go()
    await round
    const ended = await node.tracker.get(execution.id)
    assert.include(ended, { state: 'cancelled', reason: 'too late' })
    assert.equal(begun, 0)
  })

  test('an ended one stays as it is, an unknown one is refused', async ({ assert }) => {
    const node = createNode({ handlers: { work: () => {} } })
    const { id } = await node.jobs.enqueue('work', null)
    await node.jobs.runOnce()
    assert.isNull(await node.jobs.cancel(id))
    assert.include(await node.tracker.get(id), { state: 'succeeded' })
    await assert.rejects(() => node.jobs.cancel('nope'), 'There is no execution "nope"')
  })
})
