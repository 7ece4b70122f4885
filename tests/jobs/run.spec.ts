import { test } from '@japa/runner'
import { E_STORAGE_UNAVAILABLE } from '../../src/errors.ts'
import { Handler } from '../../src/handler.ts'
import { Cancelled, Failed, ReleaseSignal } from '../../src/jobs/outcome.ts'
import { executionChannel, type ExecutionTrace } from '../../src/telemetry/channels.ts'
import { createNode, gate } from './setup.ts'
import type { HandlerContext } from '../../src/types/handlers.ts'

test.group('Run | outcomes', () => {
  test('an enqueued execution runs and keeps its result', async ({ assert }) => {
    const node = createNode({
      handlers: { greet: ({ payload }: HandlerContext<string>) => `hello ${payload}` },
    })
    const { id, inserted } = await node.jobs.enqueue('greet', 'ana')
    assert.isTrue(inserted)
    assert.equal(await node.jobs.runOnce(), 1)

    const execution = await node.tracker.get(id)
    assert.include(execution, {
      state: 'succeeded',
      result: 'hello ana',
      attempt: 1,
      failures: 0,
      node: node.nodeId,
    })
    assert.deepEqual(node.notifier.names(), [
      'execution:queued',
      'execution:started',
      'execution:succeeded',
    ])
    assert.include(node.counters.all(), {
      'executions.enqueued': 1,
      'executions.started': 1,
      'executions.succeeded': 1,
    })
    assert.equal(node.clock.pending, 0)
  })

  test('a class is made for each run, with its payload typed', async ({ assert }) => {
    const seen: string[] = []
    class Mail extends Handler<{ to: string }> {
      handle({ payload }: HandlerContext<{ to: string }>) {
        seen.push(payload.to)
      }
    }
    const node = createNode()
    node.registry.registerClass(Mail)
    await node.jobs.enqueue(Mail, { to: 'a@b' })
    await node.jobs.enqueue('mail', { to: 'c@d' })
    await node.jobs.runOnce()
    assert.deepEqual(seen, ['a@b', 'c@d'])
  })

  test('a failure is retried after its delay, and the last one is kept', async ({ assert }) => {
    let tries = 0
    const node = createNode({
      handlers: {
        flaky: () => {
          throw new Error(`try ${++tries}`)
        },
      },
      options: { retry: { retries: 2, backoff: 'exponential', delay: '1m', maxDelay: '1h' } },
    })
    const { id } = await node.jobs.enqueue('flaky', null)
    await node.jobs.runOnce()
    assert.include(await node.tracker.get(id), { state: 'queued', attempt: 1, failures: 1 })

    await node.clock.advance(59_999)
    assert.equal(await node.jobs.runOnce(), 0)
    await node.clock.advance(1)
    assert.equal(await node.jobs.runOnce(), 1)
    await node.clock.advance(120_000)
    await node.jobs.runOnce()

    const execution = await node.tracker.get(id)
    assert.include(execution, { state: 'failed', attempt: 3, failures: 3 })
    assert.equal(execution.error?.message, 'try 3')
    assert.lengthOf(node.notifier.of('execution:retried'), 2)
    assert.lengthOf(node.notifier.of('execution:failed'), 1)
  })

  test('the execution may say how often it is retried', async ({ assert }) => {
    const handlers = {
      bad: () => {
        throw new Error('no')
      },
    }
    const node = createNode({ handlers, options: { retry: { retries: 9, delay: 0 } } })
    const never = await node.jobs.enqueue('bad', null, { retries: 0 })
    const once = await node.jobs.enqueue('bad', null, { retries: 1 })
    await node.jobs.runOnce()
    assert.include(await node.tracker.get(never.id), { state: 'failed', failures: 1 })
    assert.include(await node.tracker.get(once.id), { state: 'failed', failures: 2, attempt: 2 })
  })

  test('a handler may give its execution back, which counts nowhere', async ({ assert }) => {
    let first = true
    const node = createNode({
      handlers: {
        snooze: ({ attempt, fencingToken }) => {
          if (first) {
            first = false
            throw new ReleaseSignal('10s')
          }
          return { attempt, fencingToken }
        },
      },
    })
    const { id } = await node.jobs.enqueue('snooze', null)
    await node.jobs.runOnce()
    assert.include(await node.tracker.get(id), { state: 'queued', failures: 0, rescues: 0 })
    await node.clock.advance(10_000)
    await node.jobs.runOnce()

    const execution = await node.tracker.get(id)
    assert.include(execution, { state: 'succeeded', failures: 0, rescues: 0, attempt: 2 })
    assert.deepEqual(execution.result, { attempt: 2, fencingToken: 2 })
    assert.equal(node.counters.get('executions.released'), 1)
  })

  test('a handler may end its execution for good, or as cancelled', async ({ assert }) => {
    const node = createNode({
      handlers: {
        dead: () => {
          throw new Failed('the flow is gone', { result: { rows: 1 } })
        },
        stopped: () => new Cancelled('nothing to do'),
      },
      options: { retry: { retries: 5, delay: 0 } },
    })
    const dead = await node.jobs.enqueue('dead', null)
    const stopped = await node.jobs.enqueue('stopped', null)
    await node.jobs.runOnce()
    const failed = await node.tracker.get(dead.id)
    assert.include(failed, { state: 'failed', failures: 1 })
    assert.deepEqual(failed.result, { rows: 1 })
    assert.include(await node.tracker.get(stopped.id), {
      state: 'cancelled',
      reason: 'nothing to do',
    })
  })

  test('a result that cannot be stored is left out and said: {0}')
    .with([
      ['not JSON', 10n, /cannot be stored as JSON/],
      ['too large', 'x'.repeat(2_000), /more than the 1000 allowed/],
    ] as [string, unknown, RegExp][])
    .run(async ({ assert }, [, result, reason]) => {
      const node = createNode({ handlers: { work: () => result } })
      const { id } = await node.jobs.enqueue('work', null)
      await node.jobs.runOnce()

      assert.include(await node.tracker.get(id), { state: 'succeeded', result: null })
      const [entry] = await node.tracker.logs(id)
      assert.equal(entry.level, 'warn')
      assert.match(entry.message, reason)
    })

  test('a handler that cannot be made is a failed attempt', async ({ assert }) => {
    class Broken extends Handler {
      constructor() {
        super()
        throw new Error('no mailer')
      }
      handle() {}
    }
    const node = createNode()
    node.registry.registerClass(Broken)
    const { id } = await node.jobs.enqueue(Broken, null)
    await node.jobs.runOnce()
    const { state, error } = await node.tracker.get(id)
    assert.equal(state, 'failed')
    assert.equal(error?.message, 'no mailer')
  })
})

test.group('Run | context', () => {
  test('tells the handler what it runs', async ({ assert }) => {
    let seen: HandlerContext | undefined
    const node = createNode({ handlers: { look: (context) => void (seen = context) } })
    const { id } = await node.jobs.enqueue('look', { a: [1] })
    await node.clock.advance(1_000)
    await node.jobs.runOnce()

    assert.deepEqual(seen!.payload, { a: [1] })
    assert.include(seen!, { attempt: 1, fencingToken: 1, slot: null, checkpoint: null })
    assert.include(seen!.execution, { id, state: 'running', startedAt: node.clock.now() })
    assert.isFalse(seen!.signal.aborted)
  })

  test('may be taken apart and spread', async ({ assert }) => {
    let seen: Partial<HandlerContext> = {}
    const node = createNode({
      handlers: {
        look: ({ progress, ...context }) => {
          progress(40)
          seen = { ...context }
        },
      },
    })
    const { id } = await node.jobs.enqueue('look', { a: 1 })
    await node.jobs.runOnce()

    assert.sameMembers(Object.keys(seen), [
      ...['attempt', 'checkpoint', 'execution', 'extend', 'fencingToken', 'lock'],
      ...['logger', 'parents', 'payload', 'saveCheckpoint', 'signal', 'slot'],
    ])
    assert.deepEqual([seen.payload, seen.execution?.id], [{ a: 1 }, id])
    assert.containSubset(await node.tracker.get(id), { progress: { percent: 40 } })
  })

  test('a checkpoint is found by the next attempt', async ({ assert }) => {
    const seen: unknown[] = []
    const node = createNode({
      handlers: {
        load: async ({ checkpoint, saveCheckpoint, ...context }) => {
          seen.push(checkpoint)
          await saveCheckpoint({ page: context.attempt })
          throw new Error('later')
        },
      },
      options: { retry: { retries: 1, delay: 0 } },
    })
    await node.jobs.enqueue('load', null)
    await node.jobs.runOnce()
    assert.deepEqual(seen, [null, { page: 1 }])
  })

  test('a checkpoint waits for a store that is away', async ({ assert }) => {
    const node = createNode({
      handlers: {
        load: async (context) => {
          node.storage.fail('executions.saveCheckpoint', {
            times: Number.POSITIVE_INFINITY,
            error: new E_STORAGE_UNAVAILABLE(['saveCheckpoint', 'connection reset']),
          })
          await context.saveCheckpoint('here')
          return context.checkpoint
        },
      },
    })
    const { id } = await node.jobs.enqueue('load', null)
    const running = node.jobs.runOnce()
    await node.clock.advance(2_000)
    node.storage.heal()
    await node.clock.advance(1_000)
    await running
    assert.include(await node.tracker.get(id), { state: 'succeeded', result: 'here' })
  })

  test('a checkpoint that is no JSON fails the attempt, other failures are passed on', async ({
    assert,
  }) => {
    const node = createNode({
      handlers: {
        bad: ({ saveCheckpoint }) => saveCheckpoint(Number.NaN),
        unlucky: ({ saveCheckpoint }) => {
          node.storage.fail('executions.saveCheckpoint', { error: new Error('disk full') })
          return saveCheckpoint(1)
        },
      },
    })
    const bad = await node.jobs.enqueue('bad', null)
    const unlucky = await node.jobs.enqueue('unlucky', null)
    await node.jobs.runOnce()
    const first = await node.tracker.get(bad.id)
    assert.equal(first.error?.code, 'E_PAYLOAD_NOT_JSON')
    const second = await node.tracker.get(unlucky.id)
    assert.equal(second.error?.message, 'disk full')
  })

  test('progress and start are stored while the handler runs', async ({ assert }) => {
    const end = gate()
    const node = createNode({
      handlers: {
        long: async ({ progress }) => {
          progress({ percent: 5 })
          progress({ percent: 10, message: 'reading' })
          await end.promise
          progress(100)
        },
      },
    })
    const { id } = await node.jobs.enqueue('long', null)
    const running = node.jobs.runOnce()
    await node.clock.advance(249)
    assert.include(await node.tracker.get(id), { startedAt: null, progress: null })
    await node.clock.advance(1)
    const started = await node.tracker.get(id)
    assert.equal(started.startedAt, started.claimedAt)
    assert.deepEqual(started.progress, { percent: 10, message: 'reading' })
    assert.equal(node.storage.calls('executions.renew'), 1)

    end.open()
    await running
    const ended = await node.tracker.get(id)
    assert.deepEqual(ended.progress, { percent: 100 })
  })

  test('a quick run needs no call for its start', async ({ assert }) => {
    const node = createNode({ handlers: { quick: () => {} } })
    await node.jobs.enqueue('quick', null)
    await node.jobs.runOnce()
    await node.clock.advance(1_000)
    assert.equal(node.storage.calls('executions.renew'), 0)
  })

  test('writes to its own log', async ({ assert }) => {
    const node = createNode({
      handlers: { talk: ({ logger }) => logger.info('moved', { rows: 2 }) },
    })
    const { id } = await node.jobs.enqueue('talk', null)
    await node.jobs.runOnce()
    const [entry] = await node.tracker.logs(id)
    assert.include(entry, { message: 'moved', level: 'info', attempt: 1, seq: 1 })
  })

  test('progress after the end is ignored', async ({ assert }) => {
    let kept: HandlerContext | undefined
    const node = createNode({ handlers: { work: (context) => void (kept = context) } })
    const { id } = await node.jobs.enqueue('work', null)
    await node.jobs.runOnce()
    kept!.progress(50)
    assert.isNull(node.tracker.unstoredProgress(id))
    await assert.rejects(() => kept!.saveCheckpoint(1), /no longer owns execution/)
  })
})

test.group('Run | tracing', () => {
  test('each attempt is a span for whoever listens', async ({ assert, cleanup }) => {
    const spans: ExecutionTrace[] = []
    const listener = { start: (trace: ExecutionTrace) => void spans.push({ ...trace }) }
    executionChannel.subscribe(listener as never)
    cleanup(() => executionChannel.unsubscribe(listener as never))

    const node = createNode({ handlers: { work: () => 'done' } })
    const { id } = await node.jobs.enqueue('work', null)
    await node.jobs.runOnce()

    assert.lengthOf(spans, 1)
    assert.include(spans[0], { executionId: id, handler: 'work', attempt: 1, node: node.nodeId })
    assert.include(await node.tracker.get(id), { state: 'succeeded', result: 'done' })
  })
})
