import { test } from '@japa/runner'
import { outcome } from '../../src/jobs/outcome_words.ts'
import { createNode } from './setup.ts'
import type { HandlerFunction, HandlerOptions } from '../../src/types/handlers.ts'

async function runOne(work: HandlerFunction, options: HandlerOptions = {}) {
  const node = createNode({ handlers: { work }, options })
  const { id } = await node.jobs.enqueue('work', null)
  await node.jobs.runOnce()
  return { node, id, execution: await node.tracker.get(id) }
}

test.group('Outcome words', () => {
  const retry = { retries: 3, delay: 0 }

  test('fail is for good, whatever attempts are left, returned or thrown', async ({ assert }) => {
    for (const work of [
      () => outcome.fail('no such order', { result: { order: 7 } }),
      () => {
        throw outcome.fail('no such order', { result: { order: 7 } })
      },
    ]) {
      const { execution } = await runOne(work, { retry })
      assert.containSubset(execution, {
        ...{ state: 'failed', attempt: 1, result: { order: 7 } },
        error: { name: 'Failed', message: 'no such order' },
      })
    }
  })

  test('a reason of any length is kept as far as it fits, and what it ends is over', async ({
    assert,
  }) => {
    const long = `${'x'.repeat(3_998)}😀 and so on`
    const kept = `${'x'.repeat(3_998)}�…`
    const failed = await runOne(() => outcome.fail(long), { retry })
    assert.include(failed.execution, { state: 'failed', attempt: 1 })
    assert.equal(failed.execution.error!.message, kept)
    const cancelled = await runOne(() => outcome.cancel(long), { retry })
    assert.include(cancelled.execution, { state: 'cancelled', reason: kept })
    const snoozed = await runOne(() => outcome.snooze('5m', long), { retry })
    assert.include(snoozed.execution, { state: 'queued', failures: 0, reason: kept })
  })

  test('cancel and succeed end it so', async ({ assert }) => {
    const cancelled = await runOne(() => outcome.cancel('not needed', { result: 1 }))
    assert.include(cancelled.execution, { state: 'cancelled', reason: 'not needed', result: 1 })
    const succeeded = await runOne(() => {
      throw outcome.succeed({ rows: 3 })
    })
    const { execution } = succeeded
    assert.containSubset(execution, { state: 'succeeded', result: { rows: 3 }, resultRef: null })
  })

  test('a success may say where its whole result lies', async ({ assert }) => {
    const { execution } = await runOne(() => outcome.succeed({ rows: 9 }, { ref: 'out/9.csv' }))
    assert.containSubset(execution, { result: { rows: 9 }, resultRef: 'out/9.csv' })
    for (const ref of ['', 7, 'x'.repeat(2_001)]) {
      assert.throws(
        () => outcome.succeed(null, { ref: ref as string }),
        /ref .*give a text of 1 to 2000 characters/
      )
    }
  })

  test('snooze gives it back for so long, and counts nowhere', async ({ assert }) => {
    let runs = 0
    const work = () => (runs++ === 0 ? outcome.snooze('5m', 'the source is locked') : 'done')
    const { node, id, execution } = await runOne(work)
    assert.include(execution, { state: 'queued', failures: 0, rescues: 0 })
    assert.equal(execution.availableAt, node.clock.now() + 300_000)
    await node.jobs.runOnce()
    assert.equal(runs, 1)
    await node.clock.advance(300_000)
    await node.jobs.runOnce()
    assert.include(await node.tracker.get(id), { state: 'succeeded', attempt: 2, failures: 0 })
  })

  test('anything else that is returned is the result', async ({ assert }) => {
    for (const value of [{ outcome: 'failed' }, { to: 'cancelled' }, 'snooze', 0, false, [1]]) {
      const { execution } = await runOne(() => value)
      assert.deepEqual([execution.state, execution.result], ['succeeded', value])
    }
  })
})

test.group('Outcome words | malformed', () => {
  const cases: [string, () => unknown, RegExp][] = [
    ['fail without a reason', () => outcome.fail(undefined as never), /reason \(undefined\)/],
    ['fail with an empty reason', () => outcome.fail('  '), /reason .*give a text of 1 to 4000/],
    ['fail with an error', () => outcome.fail(new Error('x') as never), /outcome\.fail/],
    ['cancel without a reason', () => outcome.cancel(null as never), /outcome\.cancel.*reason/],
    ['cancel with a number', () => outcome.cancel(7 as never), /reason \(7\)/],
    ['a snooze in words', () => outcome.snooze('soon'), /outcome\.snooze: delay: "soon"/],
    ['a negative snooze', () => outcome.snooze(-1), /"-1" is not a duration/],
    ['a snooze that never ends', () => outcome.snooze(Infinity), /"Infinity" is not a duration/],
    ['a snooze without a delay', () => outcome.snooze(undefined as never), /"undefined"/],
    ['a snooze with an empty reason', () => outcome.snooze(1, ''), /reason/],
  ]
  for (const [name, make, message] of cases) {
    test(`${name} is refused, and the attempt has failed with that`, async ({ assert }) => {
      const { execution } = await runOne(make)
      assert.equal(execution.state, 'failed')
      assert.match(execution.error!.message, message)
    })
  }

  const results: [string, unknown][] = [
    ['a function', () => 1],
    ['a bigint', 1n],
    ['a cycle', Object.assign([] as unknown[], { 0: null }).fill(undefined)],
    ['not a number', { rows: Number.NaN }],
    ['a symbol', { mark: Symbol('x') }],
    ['too large', 'x'.repeat(2_000)],
  ]
  const cycle: Record<string, unknown> = {}
  cycle.self = cycle
  results[2][1] = cycle
  for (const [name, result] of results) {
    test(`a result that is ${name} is left out and said: the work is done`, async ({ assert }) => {
      const { execution, node } = await runOne(() => result)
      assert.deepEqual([execution.state, execution.result], ['succeeded', null])
      assert.include(node.logger.of('warn'), 'A result was not stored')
    })
  }
})

test.group('Handler options | malformed', () => {
  const module = import.meta.url
  const cases: [string, HandlerOptions, RegExp][] = [
    [
      'isolate in words',
      { isolate: 'prison' as never, module },
      /options\.isolate is prison; write "process"/,
    ],
    [
      'isolate true',
      { isolate: true as never, module },
      /options\.isolate is true; give "process", "thread" or an object/,
    ],
    ['isolate without in', { isolate: {} as never, module }, /options\.isolate\.in is undefined/],
    [
      'memory too small',
      { isolate: { in: 'process', memory: 1 }, module },
      /isolate\.memory is 1; give a whole number from 16/,
    ],
    [
      'memory as text',
      { isolate: { in: 'process', memory: '1g' as never }, module },
      /isolate\.memory is 1g/,
    ],
    [
      'no grace',
      { isolate: { in: 'process', grace: 0 }, module },
      /isolate\.grace is 0; give at least 1 ms/,
    ],
    [
      'an unknown field',
      { isolate: { in: 'process', ram: 1 } as never, module },
      /isolate\.ram is 1; the field is unknown/,
    ],
    ['no module', { isolate: 'process' }, /options\.module is undefined; .*import\.meta\.url/],
    [
      'a module that is a path',
      { isolate: 'process', module: './a.js' },
      /options\.module is \.\/a\.js/,
    ],
    [
      'a module elsewhere',
      { isolate: 'process', module: 'https://a.test/a.js' },
      /options\.module/,
    ],
    [
      'two at once',
      { isolate: { in: 'x' as never, memory: -1 } },
      /isolate\.in.* · .*isolate\.memory.* · .*module/,
    ],
    ['nothing to isolate it', { isolate: 'process', module }, /here is nothing to isolate it/],
    [
      'retryIf that is none',
      { retryIf: true as never },
      /options\.retryIf is true; give a function/,
    ],
  ]
  for (const [name, options, message] of cases) {
    test(`${name} is refused at registration`, ({ assert }) => {
      const node = createNode()
      assert.throws(() => node.registry.register('work', () => {}, options), message)
      assert.isFalse(node.registry.has('work'))
    })
  }
})

test.group('Retry functions', () => {
  const failing = () => {
    throw Object.assign(new Error('no route'), { code: 'E_NET' })
  }

  test('delay is asked for each failure, bounded by maxDelay', async ({ assert }) => {
    const asked: unknown[] = []
    const delay = (failures: number, error: Error) => {
      asked.push([failures, error.message])
      return failures === 1 ? '2s' : 3_600_000
    }
    const node = createNode({
      handlers: { work: failing },
      options: { retry: { retries: 2, delay, maxDelay: '1m' } },
    })
    const { id } = await node.jobs.enqueue('work', null)
    const available = async () => {
      const { availableAt } = await node.tracker.get(id)
      return availableAt
    }
    await node.jobs.runOnce()
    assert.equal(await available(), node.clock.now() + 2_000)
    await node.clock.advance(2_000)
    await node.jobs.runOnce()
    assert.equal(await available(), node.clock.now() + 60_000)
    assert.deepEqual(asked, [
      [1, 'no route'],
      [2, 'no route'],
    ])
  })

  test('retryIf that says no ends it as failed', async ({ assert }) => {
    const retryIf = (error: Error) => (error as { code?: string }).code !== 'E_NET'
    const { execution } = await runOne(failing, { retry: { retries: 3 }, retryIf })
    assert.include(execution, { state: 'failed', attempt: 1, failures: 1 })
  })

  test('one that throws or answers nonsense is told of, and as if it was not there', async ({
    assert,
  }) => {
    const delay = () => 'soon'
    const retryIf = (() => Promise.resolve(false)) as never
    const options = { retry: { retries: 1, delay }, retryIf }
    const { execution, node } = await runOne(failing, options)
    assert.equal(execution.state, 'queued')
    assert.equal(execution.availableAt, node.clock.now() + 1_000)
    const warnings = node.logger.of('warn').join('\n')
    assert.match(warnings, /work: options\.retryIf cannot be used: .*answer true or false/)
    assert.match(warnings, /work: options\.retry\.delay cannot be used: .*"soon" is not a duration/)
  })
})
