import { test } from '@japa/runner'
import { Handler } from '../../src/handler.ts'
import { runHandler } from '../../src/testing/main.ts'
import type { HandlerContext } from '../../src/types/handlers.ts'

interface Payload {
  rows: number
  at?: Date | string
}

class ImportRows extends Handler<Payload, { rows: number; resumed: number }> {
  async handle(context: HandlerContext<Payload>) {
    const { payload, logger, checkpoint } = context
    const resumed = Number(checkpoint ?? 0)
    for (const level of ['trace', 'debug', 'info', 'warn', 'error'] as const) {
      logger[level](`a ${level}`)
    }
    logger.info('started', { rows: payload.rows })
    context.progress(50)
    context.progress({ done: 2, total: 2 })
    context.extend('5m')
    await context.saveCheckpoint(payload.rows)
    return { rows: payload.rows, resumed }
  }
}

test.group('runHandler', () => {
  test('runs a class and tells what it left behind', async ({ assert, expectTypeOf }) => {
    const run = await runHandler(ImportRows, { rows: 2 }, { checkpoint: 1 })
    expectTypeOf(run.result).toEqualTypeOf<{ rows: number; resumed: number }>()
    assert.deepEqual(run.result, { rows: 2, resumed: 1 })
    assert.deepEqual(
      run.logs.map(({ message }) => message),
      ['a trace', 'a debug', 'a info', 'a warn', 'a error', 'started']
    )
    assert.deepEqual(run.logs.at(-1), { level: 'info', message: 'started', data: { rows: 2 } })
    assert.deepEqual(run.progress, [50, { done: 2, total: 2 }])
    assert.equal(run.checkpoint, 2)
    assert.deepEqual(run.extended, [300_000])
  })

  test('runs a function', async ({ assert }) => {
    const double = ({ payload }: HandlerContext<{ value: number }>) => payload.value * 2
    const run = await runHandler(double, { value: 4 })
    assert.equal(run.result, 8)
    assert.isNull(run.checkpoint)
  })

  test('makes the instance as it is told', async ({ assert }) => {
    class Greet extends Handler<null, string> {
      constructor(private greeting = 'hello') {
        super()
      }
      handle() {
        return this.greeting
      }
    }
    const plain = await runHandler(Greet, null)
    assert.equal(plain.result, 'hello')
    const run = await runHandler(Greet, null, { make: async () => new Greet('good day') })
    assert.equal(run.result, 'good day')
  })

  test('gives attempt, slot, fencing token and execution', async ({ assert }) => {
    let seen: HandlerContext | undefined
    const look = (context: HandlerContext) => void (seen = context)
    const slot = Date.UTC(2026, 0, 5)
    await runHandler(look, null, { attempt: 3, slot, execution: { queue: 'mail' } })
    assert.containSubset(seen, { attempt: 3, slot, fencingToken: 3 })
    assert.containSubset(seen!.execution, {
      handler: 'look',
      state: 'running',
      origin: 'schedule',
      queue: 'mail',
      slot,
      attempt: 3,
    })
    assert.isFalse(seen!.signal.aborted)
  })

  test('payload and result pass through JSON as in earnest', async ({ assert }) => {
    const at = new Date(0)
    const type = ({ payload }: HandlerContext<Payload>) => typeof payload.at
    const run = await runHandler(type, { rows: 0, at })
    assert.equal(run.result, 'string')
    await assert.rejects(
      () => runHandler(() => ({ bad: Number.NaN }), null),
      /result cannot be stored/
    )
    await assert.rejects(
      () => runHandler(ImportRows, { rows: Infinity }),
      /payload cannot be stored as JSON/
    )
  })

  test('throws what the handler throws, and hands the signal over', async ({ assert }) => {
    const controller = new AbortController()
    controller.abort('timeout')
    const stop = ({ signal }: HandlerContext) => {
      throw new Error(`stopped: ${signal.reason}`)
    }
    await assert.rejects(
      () => runHandler(stop, null, { signal: controller.signal }),
      'stopped: timeout'
    )
  })

  test('what a lock is to run is judged as in earnest', async ({ assert }) => {
    const run = (work: unknown) =>
      runHandler(({ lock }: HandlerContext) => lock('stock').run(work as () => string), null)
    assert.equal(await run(() => 'done').then(({ result }) => result), 'done')
    await assert.rejects(() => run(undefined), /work \(undefined\): give a function/)
  })
})
