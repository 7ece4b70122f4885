import { test } from '@japa/runner'
import { SystemClock } from '../../src/clock.ts'
import { Counters } from '../../src/counters.ts'
import { ExecutionTracker } from '../../src/executions/execution_tracker.ts'
import { HandlerRegistry } from '../../src/jobs/handler_registry.ts'
import { JobManager } from '../../src/jobs/job_manager.ts'
import { createDatabase } from '../storage/support.ts'
import { Announced, config, LineLogger, newExecution } from './setup.ts'
import type { Storage } from '../../src/storage/contract.ts'
import type { HandlerContext } from '../../src/types/handlers.ts'

const COUNT = 300

function createNode(storage: Storage, nodeId: string, work: (context: HandlerContext) => unknown) {
  const parts = {
    storage,
    nodeId,
    clock: new SystemClock(),
    logger: new LineLogger(),
    notifier: new Announced(),
    counters: new Counters(),
    config: { ...config, prefetch: 20 },
  }
  const tracker = new ExecutionTracker(parts)
  const registry = new HandlerRegistry({ defaults: config, make: (Class) => new Class() })
  registry.register('work', work)
  return { ...parts, tracker, jobs: new JobManager({ ...parts, tracker, registry }) }
}

test.group('Jobs on SQLite', () => {
  test('two nodes with a connection each run everything once', async ({ assert, cleanup }) => {
    const database = await createDatabase()
    cleanup(() => database.cleanup())
    const runs: string[] = []
    const nodes = ['a.00000001', 'b.00000002'].map((nodeId) =>
      createNode(
        database.storage({ lucid: database.open() }),
        nodeId,
        ({ execution, payload, logger, progress }) => {
          runs.push(execution.id)
          logger.info('run', { payload })
          progress(50)
          return { payload }
        }
      )
    )
    const [{ storage, tracker }] = nodes
    await storage.executions.enqueue({
      now: null,
      executions: Array.from({ length: COUNT }, (_, index) =>
        newExecution({ payload: index, concurrencyKey: index % 5 === 0 ? 'one' : null })
      ),
    })
    await Promise.all(nodes.map(({ jobs }) => jobs.start()))
    await Promise.all(
      nodes.map(async ({ jobs }) => {
        // Each is done when it finds nothing and the other holds nothing
        let open = COUNT
        while (open > 0) {
          await jobs.runOnce()
          const { queued = 0, running = 0 } = await storage.executions.countByState()
          open = queued + running
        }
      })
    )
    await Promise.all(nodes.map(({ jobs }) => jobs.stop()))

    assert.lengthOf(runs, COUNT)
    assert.equal(new Set(runs).size, COUNT)
    const rows = await storage.executions.list({ limit: COUNT })
    for (const row of rows) {
      assert.include(row, { state: 'succeeded', attempt: 1 })
      assert.deepEqual(row.result, { payload: row.payload })
      assert.deepEqual(row.progress, { percent: 50 })
      assert.isAtLeast(row.startedAt!, row.createdAt)
      assert.isAtLeast(row.finishedAt!, row.startedAt!)
    }
    const [entry] = await tracker.logs(rows[0].id)
    assert.deepEqual(entry.data, { payload: rows[0].payload })
  })
})
