import type { Assert } from '@japa/assert'
import { test } from '@japa/runner'
import { outcome } from '../../src/jobs/outcome_words.ts'
import { createTestAlmanac } from '../../src/testing/factory.ts'
import type { HandlerFunction } from '../../src/types/handlers.ts'
import { circle, coded } from './malformed.ts'

const snooze = outcome.snooze as (delay: unknown, reason?: unknown) => unknown
const extend =
  (duration: unknown): HandlerFunction =>
  (context) =>
    context.extend(duration as never)
const checkpoint =
  (value: unknown): HandlerFunction =>
  (context) =>
    context.saveCheckpoint(value as never)
const lock =
  (name: unknown, ttl?: unknown): HandlerFunction =>
  (context) =>
    void context.lock(name as never, ttl as never)
const locked =
  (options: unknown): HandlerFunction =>
  ({ lock: make }) =>
    make('stock').run(() => 'done', options as never)

/** What a handler does, and the field, the value and the remedy that its error names. */
type End = [what: string, run: HandlerFunction, field: string, value: string, remedy: RegExp]

const ENDS = [
  ...coded<End>('E_INVALID_INPUT', [
    [
      'fails without a reason',
      () => outcome.fail(undefined as never),
      'reason',
      'undefined',
      /text of 1 to 4000/,
    ],
    [
      'fails with an option misspelt',
      () => outcome.fail('x', { reslt: 7 } as never),
      'reslt',
      '7',
      /fields here are cause, result/,
    ],
    ['cancels with a number', () => outcome.cancel(7 as never), 'reason', '7', /text of 1 to 4000/],
    [
      'cancels with options that are a text',
      () => outcome.cancel('x', 'y' as never),
      'options',
      'y',
      /give an object of result/,
    ],
    [
      'succeeds with a reference in place of options',
      () => outcome.succeed(1, 'a.csv' as never),
      'options',
      'a.csv',
      /give an object of ref/,
    ],
    [
      'succeeds with an empty reference',
      () => outcome.succeed(1, { ref: '' }),
      'ref',
      '',
      /text of 1 to 2000/,
    ],
    ['locks nothing', lock(' '), 'name', ' ', /text of 1 to 200/],
    ['locks for words', lock('stock', 'soon'), 'ttl', 'soon', /write ms, or "15s"/],
    ['locks for too short', lock('stock', 10), 'ttl', '10', /at least 100 ms/],
    ['waits for a lock in words', locked({ wait: 'soon' }), 'wait', 'soon', /write ms, or "15s"/],
    ['waits for a lock misspelt', locked({ wiat: '5s' }), 'wiat', '5s', /fields here are wait/],
    ['waits for a lock by a text', locked('5s'), 'options', '5s', /give an object such as/],
    [
      'extends a lock by nothing',
      async (context) => {
        const stock = context.lock('stock')
        await stock.acquire()
        await stock.extend(0)
      },
      'ttl',
      '0',
      /at least 100 ms/,
    ],
  ]),
  ...coded<End>('E_INVALID_DURATION', [
    ['snoozes in words', () => snooze('soon') as never, 'delay', 'soon', /is not a duration/],
    ['snoozes for ever', () => snooze(Infinity) as never, 'delay', 'Infinity', /is not a duration/],
    ['snoozes for ages', () => snooze(1e300) as never, 'delay', '1e+300', /is not a duration/],
    [
      'snoozes for digits without end',
      () => snooze(`${'9'.repeat(400)}d`) as never,
      'delay',
      '999',
      /is not a duration/,
    ],
    ['extends by words', extend('soon'), 'duration', 'soon', /is not a duration/],
    ['extends by the past', extend(-1), 'duration', '-1', /is not a duration/],
  ]),
  ...coded<End>('E_PAYLOAD_NOT_JSON', [
    ['keeps a circle', checkpoint(circle), 'checkpoint', 'circular', /circular/],
    ['keeps a function', checkpoint({ f: () => 1 }), 'checkpoint', 'f', /is a function/],
    ['keeps NaN', checkpoint([Number.NaN]), 'checkpoint', 'NaN', /is NaN/],
  ]),
  ...coded<End>('E_PAYLOAD_TOO_LARGE', [
    ['keeps too much', checkpoint('x'.repeat(2_000)), 'checkpoint', '2002 bytes', /1000/],
  ]),
]

/** Runs a handler beside one that is fine. @returns its execution */
async function besideOthers(run: HandlerFunction, assert: Assert) {
  const t = await createTestAlmanac({
    handlers: { bad: run, good: () => 'done' },
    config: { retry: false, maxPayload: 1_000, maxResult: 1_000 },
  })
  const bad = await t.almanac.enqueue('bad', null)
  const good = await t.almanac.enqueue('good', null)
  await t.tick()
  const ended = await t.almanac.executions.get(good.id)
  assert.deepEqual([ended.state, ended.result], ['succeeded', 'done'])
  return {
    almanac: t.almanac,
    bad: await t.almanac.executions.get(bad.id),
    [Symbol.asyncDispose]: () => t[Symbol.asyncDispose](),
  }
}

test.group('Executions | malformed ends', () => {
  for (const [code, what, run, field, value, remedy] of ENDS) {
    test(`a handler that ${what} fails alone`, async ({ assert }) => {
      await using t = await besideOthers(run, assert)
      const { bad } = t
      assert.equal(bad.state, 'failed')
      assert.equal(bad.error!.code, code)
      assert.include(bad.error!.message, field)
      assert.include(bad.error!.message, value)
      assert.match(bad.error!.message, remedy)
    })
  }
})

const progress =
  (value: unknown): HandlerFunction =>
  (context) => {
    context.progress(value as never)
    context.progress(value as never)
  }

/** What is left out and told in the execution's log: the work is done. */
const LEFT_OUT: End[] = [
  ['returns a circle', () => circle, 'result', 'circular', /circular/],
  ['returns a function', () => ({ f: () => 1 }), 'result', 'f', /is a function/],
  ['returns NaN', () => [Number.NaN], 'result', 'NaN', /is NaN/],
  ['returns too much', () => 'x'.repeat(2_000), 'result', '2002 bytes', /1000/],
  [
    'succeeds with a bigint',
    () => outcome.succeed({ n: 1n } as never),
    'result',
    'BigInt',
    /BigInt/,
  ],
  ['tells no progress', progress(null), 'progress', 'null', /give a percentage, or an object/],
  ['tells progress in words', progress('half'), 'progress', 'half', /give a percentage/],
  [
    'tells a percentage as a text',
    progress({ percent: '50' }),
    'progress.percent',
    '50',
    /give a number/,
  ],
  ['counts in bigints', progress({ done: 10n, total: 20 }), 'progress.done', '10', /give a number/],
  ['tells a number as a message', progress({ message: 7 }), 'progress.message', '7', /give a text/],
  ['tells progress misspelt', progress({ dun: 3 }), 'progress.dun', '3', /fields here are percent/],
]

test.group('Executions | malformed results and progress', () => {
  for (const [what, run, field, value, remedy] of LEFT_OUT) {
    test(`a handler that ${what} succeeds, and its log says once what was left out`, async ({
      assert,
    }) => {
      await using t = await besideOthers(run, assert)
      const { bad } = t
      assert.deepEqual([bad.state, bad.result], ['succeeded', null])
      const logs = await t.almanac.executions.logs(bad.id)
      assert.lengthOf(logs, 1)
      assert.equal(logs[0].level, 'warn')
      assert.include(logs[0].message, field)
      assert.include(logs[0].message, value)
      assert.match(logs[0].message, remedy)
    })
  }

  test('what can be read of a progress is kept; nothing of nothing says nothing', async ({
    assert,
  }) => {
    await using t = await besideOthers(({ progress: tell }) => {
      tell({ percent: 0 / 0, done: 3, total: '9' as never, message: undefined })
    }, assert)
    assert.deepEqual(t.bad.progress, { done: 3 })
    const logs = await t.almanac.executions.logs(t.bad.id)
    assert.deepEqual(
      logs.map(({ message }) => message),
      ['progress.total (9) was left out: give a number']
    )
  })
})
