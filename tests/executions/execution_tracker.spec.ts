import { test } from '@japa/runner'
import { E_INVALID_INPUT, E_STORAGE_UNAVAILABLE } from '../../src/errors.ts'
import { claimed, createStore, createTracker } from '../jobs/setup.ts'
import type { ExecutionTracker } from '../../src/executions/execution_tracker.ts'
import type { Settlement } from '../../src/storage/contract.ts'
import type { ExecutionRecord } from '../../src/types/executions.ts'
import type { LogLevel } from '../../src/types/handlers.ts'

const ended = (execution: ExecutionRecord, change: Partial<Settlement> = {}): Settlement => ({
  id: execution.id,
  node: execution.node!,
  attempt: execution.attempt,
  to: 'succeeded',
  startedAt: execution.claimedAt,
  ...change,
})

async function stateOf(tracker: ExecutionTracker, { id }: ExecutionRecord) {
  const { state } = await tracker.get(id)
  return state
}

async function progressOf(tracker: ExecutionTracker, { id }: ExecutionRecord) {
  const { progress } = await tracker.get(id)
  return progress
}

async function setup(count = 1) {
  const store = createStore()
  const executions = await claimed(store.storage, store.clock, Array(count).fill({}))
  const parts = createTracker(store)
  for (const execution of executions) {
    parts.tracker.started(execution)
  }
  return { ...store, ...parts, executions, execution: executions[0] }
}

test.group('Tracker | settle', () => {
  test('stores the outcome, then announces it', async ({ assert }) => {
    const { tracker, storage, clock, notifier, execution } = await setup()
    const release = storage.hold('executions.settle')
    await clock.advance(250)
    const settled = tracker.settle(ended(execution, { result: { rows: 3 } }), execution)
    await clock.settle()
    assert.deepEqual(notifier.names(), ['execution:started'])
    release()

    assert.isTrue(await settled)
    const stored = await tracker.get(execution.id)
    assert.equal(stored.state, 'succeeded')
    assert.deepEqual(stored.result, { rows: 3 })
    assert.deepEqual(notifier.of('execution:succeeded'), [
      {
        executionId: execution.id,
        eventId: null,
        handler: 'work',
        queue: 'default',
        slot: null,
        attempt: 1,
        node: 'test.00000001',
        at: '2026-01-01T00:00:00.250Z',
        outcome: 'succeeded',
        duration: 250,
        reason: null,
        error: null,
      },
    ])
  })

  test('writes many beside a batch under way, and lets few wait for its end', async ({
    assert,
  }) => {
    const { tracker, storage, clock, executions } = await setup(200)
    const release = storage.hold('executions.settle')
    const end = (from: number, to: number) =>
      executions.slice(from, to).map((execution) => tracker.settle(ended(execution)))
    const settled = end(0, 10)
    await clock.advance(5)
    assert.equal(storage.calls('executions.settle'), 1)
    settled.push(...end(10, 59))
    await clock.advance(50)
    assert.equal(storage.calls('executions.settle'), 1)
    settled.push(...end(59, 60))
    await clock.advance(5)
    assert.equal(storage.calls('executions.settle'), 2)
    release()
    assert.notInclude(await Promise.all(settled), false)
    assert.equal(storage.calls('executions.settle'), 2)
  })

  test('gathers for 5 ms while others run, and writes at once when nobody does', async ({
    assert,
  }) => {
    const { tracker, storage, clock, executions } = await setup(3)
    const first = tracker.settle(ended(executions[0]))
    await clock.advance(4)
    const second = tracker.settle(ended(executions[1]))
    await clock.settle()
    assert.equal(storage.calls('executions.settle'), 0)
    await clock.advance(1)
    assert.deepEqual(await Promise.all([first, second]), [true, true])
    assert.equal(storage.calls('executions.settle'), 1)

    assert.isTrue(await tracker.settle(ended(executions[2])))
    assert.equal(storage.calls('executions.settle'), 2)
    assert.equal(clock.pending, 0)
  })

  test('500 are a batch, whatever the window', async ({ assert }) => {
    const { tracker, storage, clock, executions } = await setup(502)
    const settled = executions.slice(0, 501).map((execution) => tracker.settle(ended(execution)))
    await clock.settle()
    assert.equal(storage.calls('executions.settle'), 1)
    await clock.advance(5)
    assert.notInclude(await Promise.all(settled), false)
    assert.equal(storage.calls('executions.settle'), 2)
  })

  test('nothing is lost while the storage is away, and the change is logged once', async ({
    assert,
  }) => {
    const { tracker, storage, clock, notifier, logger, counters, executions } = await setup(9)
    storage.outage()
    const settled = executions.map((execution) => tracker.settle(ended(execution), execution))
    await clock.advance(25_000)
    assert.lengthOf(notifier.of('execution:succeeded'), 0)
    assert.isAbove(counters.get('settles.errors'), 5)
    storage.heal()
    await clock.advance(25_000)

    assert.notInclude(await Promise.all(settled), false)
    assert.lengthOf(notifier.of('execution:succeeded'), 9)
    assert.deepEqual(logger.of('error'), [
      'Outcomes cannot be stored; they are kept and tried again',
    ])
    assert.deepEqual(logger.of('info'), ['Outcomes are stored again'])
    assert.equal(counters.get('settles.degraded'), 0)
  })

  test('an attempt that lost its execution is refused and announces nothing', async ({
    assert,
  }) => {
    const { tracker, notifier, counters, logger, execution } = await setup()
    const stale = ended(execution, { attempt: 7 })
    assert.isFalse(await tracker.settle(stale, execution))

    assert.equal(await stateOf(tracker, execution), 'running')
    assert.deepEqual(notifier.names(), ['execution:started'])
    assert.equal(counters.get('settles.refused'), 1)
    assert.lengthOf(logger.of('warn'), 1)
  })

  test('one settlement that the storage refuses does not hold the others', async ({ assert }) => {
    const { tracker, clock, executions, counters, logger } = await setup(4)
    // A function cannot be stored as JSON: the storage throws on the whole batch
    const result = (() => {}) as unknown as string
    const settled = executions.map((execution, index) =>
      tracker.settle(ended(execution, index === 1 ? { result } : {}))
    )
    await clock.advance(60_000)

    assert.deepEqual(await Promise.all(settled), [true, true, true, true])
    const stored = await tracker.get(executions[1].id)
    assert.equal(stored.state, 'succeeded')
    assert.isNull(stored.result)
    assert.match(stored.error!.message, /could not be stored/)
    assert.equal(counters.get('settles.degraded'), 1)
    assert.include(logger.of('error'), 'Only the bare outcome is stored')
  })

  test('a store that reads and takes no writes for long costs no result', async ({ assert }) => {
    const { tracker, storage, clock, execution, counters } = await setup()
    const error = new E_STORAGE_UNAVAILABLE(['executions.settle', 'database is locked'])
    storage.fail('executions.settle', { times: 20, error })
    const settled = tracker.settle(ended(execution, { result: 'kept' }), execution)
    await clock.advance(120_000)

    assert.isTrue(await settled)
    assert.equal(storage.calls('executions.settle'), 21)
    const { result } = await tracker.get(execution.id)
    assert.equal(result, 'kept')
    assert.equal(counters.get('settles.degraded'), 0)
  })

  test('announces a retry with its instant', async ({ assert }) => {
    const { tracker, notifier, execution } = await setup()
    const error = { name: 'Error', message: 'no route', code: 'E_ROUTE', stack: 'at x' }
    await tracker.settle(ended(execution, { to: 'retry', delay: 60_000, error }), execution)

    const [notice] = notifier.of('execution:retried')
    assert.deepEqual(notice.error, { name: 'Error', message: 'no route', code: 'E_ROUTE' })
    assert.equal(notice.availableAt, '2026-01-01T00:01:00.000Z')
  })

  test('a retry that was stored as cancelled is announced as cancelled', async ({ assert }) => {
    const { tracker, storage, clock, notifier, execution } = await setup()
    const request = { now: clock.now(), id: execution.id, reason: 'by ana' }
    await storage.executions.requestCancel(request)
    await tracker.settle(ended(execution, { to: 'retry', delay: 1 }), execution)

    assert.lengthOf(notifier.of('execution:cancelled'), 1)
    assert.lengthOf(notifier.of('execution:retried'), 0)
  })

  test('a hand-back is counted and not announced: {0}')
    .with([
      ['release', 'executions.released'],
      ['discard', 'executions.discarded'],
    ] as ['release' | 'discard', string][])
    .run(async ({ assert }, [to, counter]) => {
      const { tracker, notifier, counters, execution } = await setup()
      await tracker.settle(ended(execution, { to, startedAt: null }), execution)
      assert.equal(counters.get(counter), 1)
      assert.deepEqual(notifier.names(), ['execution:started'])
    })

  test('stop gives up at the first failure and leaves the row to the rescue', async ({
    assert,
  }) => {
    const { tracker, storage, clock, counters, execution } = await setup()
    storage.outage()
    const settled = tracker.settle(ended(execution))
    await clock.advance(1_000)
    await tracker.stop()
    assert.isFalse(await settled)
    assert.equal(counters.get('settles.abandoned'), 1)
    storage.heal()
    assert.equal(await stateOf(tracker, execution), 'running')
  })

  test('an attempt that is left to the rescue no longer holds back the batch', async ({
    assert,
  }) => {
    const { tracker, clock, executions } = await setup(2)
    tracker.left(executions[0])
    assert.isTrue(await tracker.settle(ended(executions[1])))
    assert.equal(clock.pending, 0)
  })
})

test.group('Tracker | logs', () => {
  test('are stored in batches, with their data', async ({ assert }) => {
    const { tracker, storage, clock, execution } = await setup()
    const log = tracker.loggerFor(execution)
    log.trace('a')
    log.debug('b')
    log.info('rows read', { rows: 3, at: new Date(0), error: new TypeError('odd') })
    log.warn('d')
    log.error('e')
    await clock.advance(250)

    assert.equal(storage.calls('logs.append'), 1)
    const entries = await tracker.logs(execution.id)
    assert.deepEqual(
      entries.map(({ seq, level }) => [seq, level]),
      [
        [1, 'trace'],
        [2, 'debug'],
        [3, 'info'],
        [4, 'warn'],
        [5, 'error'],
      ]
    )
    assert.include(entries[2], { message: 'rows read', at: clock.now() - 250, attempt: 1 })
    assert.include(entries[2].data, { rows: 3, at: '1970-01-01T00:00:00.000Z' })
    assert.include(entries[2].data!.error, { name: 'TypeError', message: 'odd' })
    assert.lengthOf(await tracker.logs(execution.id, { after: { attempt: 1, seq: 3 } }), 2)
  })

  test('are stored before the end, which closes the log', async ({ assert }) => {
    const { tracker, execution } = await setup()
    tracker.loggerFor(execution).info('last words')
    await tracker.settle(ended(execution))
    assert.lengthOf(await tracker.logs(execution.id), 1)
  })

  test('outlive an outage together with the outcome', async ({ assert }) => {
    const { tracker, storage, clock, execution, logger } = await setup()
    storage.outage()
    tracker.loggerFor(execution).info('kept')
    await clock.advance(10_000)
    const settled = tracker.settle(ended(execution))
    await clock.advance(1_000)
    storage.heal()
    await clock.advance(20_000)

    assert.isTrue(await settled)
    assert.lengthOf(await tracker.logs(execution.id), 1)
    assert.deepEqual(logger.of('warn'), ['Execution logs cannot be stored; they are kept'])
  })

  test('that cannot be stored do not hold back the outcome', async ({ assert }) => {
    const { tracker, storage, clock, execution } = await setup()
    storage.fail('logs.append', { times: Number.POSITIVE_INFINITY })
    tracker.loggerFor(execution).info('lost')
    const settled = tracker.settle(ended(execution))
    await clock.advance(10_000)
    assert.isTrue(await settled)
  })

  test('are capped per attempt, and say so', async ({ assert }) => {
    const { tracker, clock, execution, counters } = await setup()
    const log = tracker.loggerFor(execution)
    for (let line = 1; line <= 1_100; line++) {
      log.info(`line ${line}`)
    }
    await clock.advance(250)
    const entries = await tracker.logs(execution.id, { limit: 2_000 })
    assert.lengthOf(entries, 1_001)
    assert.include(entries.at(-1), {
      level: 'warn',
      message: 'The log is full: more than 1000 entries',
    })
    assert.equal(counters.get('logs.dropped'), 99)
  })

  test('are capped per node while the storage is away', async ({ assert }) => {
    const { tracker, storage, executions, counters, clock } = await setup(30)
    storage.outage()
    for (const execution of executions) {
      const log = tracker.loggerFor(execution)
      for (let line = 0; line < 1_000; line++) {
        log.info('x')
      }
    }
    await clock.settle()
    assert.equal(counters.get('logs.dropped'), 10_000)
    await tracker.stop()
    assert.equal(counters.get('logs.dropped'), 30_000)
  })

  test('data that JSON cannot carry is named, long messages are cut', async ({ assert }) => {
    const { tracker, execution } = await setup()
    const log = tracker.loggerFor(execution)
    log.info('x'.repeat(9_000), { huge: 10n })
    log.info('big', { text: 'x'.repeat(20_000) })

    const [first, second] = await tracker.logs(execution.id)
    assert.lengthOf(first.message, 8_000)
    assert.match(String(first.data!.dataNotStored), /cannot be stored as JSON/)
    assert.match(String(second.data!.dataNotStored), /more than the 16384 allowed/)
  })
})

test.group('Tracker | progress', () => {
  test('is announced at most once per interval, and the latest is stored with the end', async ({
    assert,
  }) => {
    const { tracker, clock, notifier, execution } = await setup()
    tracker.progress(execution, 10)
    tracker.progress(execution, { percent: 20, message: 'half' })
    assert.deepEqual(
      notifier.of('execution:progress').map(({ progress }) => progress),
      [{ percent: 10 }]
    )
    await clock.advance(1_000)
    tracker.progress(execution, { percent: 120, done: 3, total: Number.NaN })
    assert.deepEqual(notifier.of('execution:progress')[1].progress, { percent: 100, done: 3 })

    await tracker.settle(ended(execution))
    assert.deepEqual(await progressOf(tracker, execution), { percent: 100, done: 3 })
    assert.isNull(tracker.unstoredProgress(execution.id))
  })

  test('a newer value waits although an older one was stored', async ({ assert }) => {
    const { tracker, execution } = await setup()
    tracker.progress(execution, 1)
    const older = tracker.unstoredProgress(execution.id)!
    tracker.progress(execution, 2)
    tracker.progressStored(execution.id, older)
    assert.deepEqual(tracker.unstoredProgress(execution.id), { percent: 2 })
    tracker.progressStored(execution.id, tracker.unstoredProgress(execution.id)!)
    assert.isNull(tracker.unstoredProgress(execution.id))
  })
})

test.group('Tracker | history and statistics', () => {
  test('reads executions by instants of any form', async ({ assert }) => {
    const { tracker, storage, clock, execution } = await setup()
    await clock.advance(60_000)
    const [later] = await claimed(storage, clock, [{ handler: 'other' }])

    const ids = async (filter: Parameters<typeof tracker.history>[0]) => {
      const executions = await tracker.history(filter)
      return executions.map(({ id }) => id)
    }
    assert.deepEqual(await ids({}), [later.id, execution.id])
    assert.deepEqual(await ids({ from: '2026-01-01T00:01:00Z' }), [later.id])
    assert.deepEqual(await ids({ to: new Date(clock.now()) }), [execution.id])
    assert.deepEqual(await ids({ handler: 'other' }), [later.id])
    assert.deepEqual(await ids({ limit: 1, before: undefined }), [later.id])
    assert.deepEqual(await ids({ states: ['running'], handler: null as never }), [
      later.id,
      execution.id,
    ])
  })

  test('a filter is refused with all that is wrong in it', async ({ assert }) => {
    const { tracker } = await setup()
    const refusal = async (filter: unknown) => {
      const error: unknown = await tracker.history(filter as never).catch((reason) => reason)
      assert.instanceOf(error, E_INVALID_INPUT)
      const { problems } = error as InstanceType<typeof E_INVALID_INPUT>
      return problems.map(({ field, value, message }) => `${field} (${value}): ${message}`)
    }
    assert.deepEqual(await refusal({ limit: -1 }), [
      'limit (-1): give a whole number from 1 to 2147483647',
    ])
    const all = await refusal({ from: 'soon', handler: 7, states: ['lost'], limit: 0.5, page: 2 })
    assert.sameMembers(
      all.map((problem) => problem.split(' ')[0]),
      ['from', 'handler', 'states[0]', 'limit', 'page']
    )
    assert.deepEqual(await refusal({ from: '2026-02-02T00:00:00Z', to: '2026-02-01T00:00:00Z' }), [
      'from (2026-02-02T00:00:00Z): it lies after "to"; give an instant before it',
    ])
    assert.match(all.join(), /from \(soon\): "soon" is not an instant; give a Date/)
    const [states] = await refusal({ states: 'failed' })
    assert.match(states, /^states \(failed\): give a list/)
    const [filter] = await refusal(null)
    assert.match(filter, /^filter \(null\): give an object/)
  })

  test('finds the execution of a dedupe key', async ({ assert }) => {
    const { tracker, storage, clock } = await setup()
    const [execution] = await claimed(storage, clock, [{ dedupeKey: 'order:1' }])
    const found = await tracker.findByDedupeKey('order:1')
    assert.equal(found?.id, execution.id)
    assert.isNull(await tracker.findByDedupeKey('order:2'))
  })

  test('an unknown execution is refused', async ({ assert }) => {
    const { tracker } = createTracker()
    assert.isNull(await tracker.find('nope'))
    await assert.rejects(() => tracker.get('nope'), 'There is no execution "nope"')
  })

  test('adds up outcomes, rates and durations', async ({ assert }) => {
    const { tracker, storage, clock, executions } = await setup(4)
    await clock.advance(1_000)
    void tracker.settle(ended(executions[0]))
    await clock.advance(2_000)
    void tracker.settle(ended(executions[1]))
    void tracker.settle(ended(executions[2], { to: 'failed' }))
    await tracker.settle(ended(executions[3], { to: 'cancelled', startedAt: null }))
    await storage.stats.rollup({ now: clock.now(), limit: 2 })

    const stats = await tracker.stats()
    assert.deepEqual(stats, {
      from: '2025-12-26',
      to: '2026-01-01',
      total: 4,
      outcomes: { succeeded: 2, failed: 1, cancelled: 1 },
      successRate: 2 / 3,
      meanDuration: 2_335,
      p50Duration: 3_000,
      p95Duration: 3_000,
      maxDuration: 3_000,
      meanLateness: 0,
      p50Lateness: 0,
      p95Lateness: 0,
      maxLateness: 0,
    })
    const others = await tracker.stats({ handler: 'other' })
    assert.equal(others.total, 0)
    const before = { from: '2025-01-01T00:00:00Z', to: '2025-12-31T00:00:00Z' }
    assert.include(await tracker.stats(before), {
      from: '2025-01-01',
      total: 0,
      successRate: null,
      meanDuration: null,
      maxDuration: null,
      p95Duration: null,
    })
  })

  test('statistics are of a subject, an outcome and a node', async ({ assert }) => {
    const { tracker, storage, clock } = await setup()
    const [execution] = await claimed(storage, clock, [{ subject: 'order 1' }])
    await tracker.settle(ended(execution, { to: 'failed' }))
    const total = async (query: Parameters<typeof tracker.stats>[0]) => {
      const stats = await tracker.stats(query)
      return stats.total
    }
    const node = execution.node!.split('.')[0]
    assert.equal(await total({ subject: 'order 1', outcome: 'failed', node }), 1)
    assert.equal(await total({ subject: 'order 2' }), 0)
    assert.equal(await total({ outcome: 'succeeded' }), 0)
    assert.equal(await total({ node: 'elsewhere' }), 0)
  })

  test('a query of statistics is refused with all that is wrong in it', async ({ assert }) => {
    const { tracker } = await setup()
    const query = { handler: 7, outcome: 'queued', from: 'soon', colour: 'red' }
    const error: unknown = await tracker.stats(query as never).catch((reason) => reason)
    assert.instanceOf(error, E_INVALID_INPUT)
    const { problems } = error as InstanceType<typeof E_INVALID_INPUT>
    assert.sameMembers(
      problems.map(({ field }) => field),
      ['handler', 'outcome', 'from', 'colour']
    )
    const backwards = { from: '2026-02-02T00:00:00Z', to: '2026-02-01T00:00:00Z' }
    await assert.rejects(() => tracker.stats(backwards), /from.*lies after "to"/s)
  })

  test('a log is kept from a level on, and read from a level on', async ({ assert }) => {
    const { tracker, executions } = await setup(1)
    const logger = tracker.loggerFor(executions[0], 'info')
    logger.debug('left out')
    logger.info('kept')
    logger.error('kept too')
    const messages = async (level?: LogLevel) => {
      const entries = await tracker.logs(executions[0].id, { level })
      return entries.map(({ message }) => message)
    }
    assert.deepEqual(await messages(), ['kept', 'kept too'])
    assert.deepEqual(await messages('warn'), ['kept too'])
    await assert.rejects(() => messages('loud' as LogLevel), /level.*loud.*write "trace" or/s)
  })
})
