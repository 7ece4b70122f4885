import { test } from '@japa/runner'
import { concurrencyFlag, queueNames } from '../../commands/_input.ts'
import { resolveConfig, stores } from '../../src/define_config.ts'
import { outcome } from '../../src/jobs/outcome_words.ts'
import { createTestAlmanac } from '../../src/testing/factory.ts'
import type { Scheduler } from '../../src/scheduler.ts'
import type { HandlerFunction } from '../../src/types/handlers.ts'

type Call = (almanac: Scheduler) => unknown
/** What is given, and the field, the value and the remedy that the error names. */
type Case = [what: string, call: Call, field: string, value: string, remedy: RegExp]

const circle: Record<string, unknown> = {}
circle.self = circle

// What JavaScript passes, whatever the types say
const enqueue = (options: unknown) => (almanac: Scheduler) =>
  almanac.enqueue('echo', null, options as object)
const payload = (value: unknown) => (almanac: Scheduler) => almanac.enqueue('echo', value as never)
const register = (options: unknown) => (almanac: Scheduler) =>
  almanac.register('other', () => 1, options as object)
const pause = (options: unknown) => (almanac: Scheduler) => almanac.pause(options as never)
const limit = (options: object) => (almanac: Scheduler) =>
  almanac.setLimit({ handler: 'echo', ...options } as never)
const redrive = (which: unknown, options?: unknown) => (almanac: Scheduler) =>
  almanac.redrive(which as never, options as never)
const cancel = (options: unknown) => (almanac: Scheduler) =>
  almanac.cancel('nobody', options as object)
const wait = (options: unknown) => (almanac: Scheduler) =>
  almanac.waitFor('nobody', options as object)
const logs = (query: unknown) => (almanac: Scheduler) =>
  almanac.executions.logs('nobody', query as object)
const LINK = { handler: 'echo', payload: 1 }
const chain = (links: unknown, options?: unknown) => (almanac: Scheduler) =>
  almanac.chain(links as never, options as never)
const queues = (value: unknown) => () =>
  resolveConfig({ store: stores.memory(), concurrency: 4, queues: value as never })
const isolated = { module: import.meta.url }

const CASES: Case[] = [
  // Enqueue options
  ['options that are a text', enqueue('soon'), 'options', 'soon', /give an object of options/],
  [
    'an option misspelt',
    enqueue({ dely: '5m' }),
    'dely',
    '5m',
    /unknown; the fields here are .*delay/,
  ],
  ['a delay in words', enqueue({ delay: 'soon' }), 'delay', 'soon', /write ms, or "15s"/],
  ['a delay of the past', enqueue({ delay: -5 }), 'delay', '-5', /write ms, or "15s"/],
  [
    'an instant without offset',
    enqueue({ availableAt: '2030-01-01T06:00' }),
    'availableAt',
    '2030-01-01T06:00',
    /an ISO text with its offset/,
  ],
  ['delay and instant', enqueue({ delay: '5m', availableAt: 1 }), 'delay', '5m', /not both/],
  ['priority 0', enqueue({ priority: 0 }), 'priority', '0', /from 1 to 10/],
  ['priority as a text', enqueue({ priority: '3' }), 'priority', '3', /from 1 to 10/],
  ['a queue without a name', enqueue({ queue: '' }), 'queue', '', /text of 1 to 255/],
  [
    'a key that is an object',
    enqueue({ concurrencyKey: { id: 1 } }),
    'concurrencyKey',
    'id',
    /text of 1 to 1000/,
  ],
  ['a key with NUL', enqueue({ dedupeKey: 'a\0b' }), 'dedupeKey', 'a', /leave that character out/],
  ['a mode without a key', enqueue({ dedupe: 'replace' }), 'dedupe', 'replace', /give a dedupeKey/],
  ['an expiry of nothing', enqueue({ expiresIn: 0 }), 'expiresIn', '0', /at least 1 ms/],
  ['half a retry', enqueue({ retries: 1.5 }), 'retries', '1.5', /from 0 to 10000/],
  ['a timeout of nothing', enqueue({ timeout: 0 }), 'timeout', '0', /at least 1 ms/],
  // Payloads
  ['a payload with a function', payload({ f: () => 1 }), 'payload', 'f', /is a function/],
  ['a payload that is a circle', payload(circle), 'payload', 'circular', /circular/],
  ['a payload with NaN', payload([Number.NaN]), 'payload', 'NaN', /is NaN/],
  ['a payload too large', payload('x'.repeat(2_000)), 'payload', '2002 bytes', /1000/],
  // Options of handlers
  [
    'an option of a handler misspelt',
    register({ timout: '5m' }),
    'timout',
    '5m',
    /did you mean "timeout"/,
  ],
  ['a queue that is a number', register({ queue: 7 }), 'queue', '7', /give a name/],
  ['a priority of a handler', register({ priority: 11 }), 'priority', '11', /give 1 to 10/],
  ['retries below 0', register({ retry: { retries: -1 } }), 'retry.retries', '-1', /give 0 to/],
  [
    'an unknown backoff',
    register({ retry: { backoff: 'cubic' } }),
    'retry.backoff',
    'cubic',
    /give exponential, linear or fixed/,
  ],
  ['too much jitter', register({ retry: { jitter: 2 } }), 'retry.jitter', '2', /give 0 to 1/],
  ['a retry in words', register({ retry: 'often' }), 'retry', 'often', /give an object.*or false/],
  ['retryIf that is none', register({ retryIf: 'E_NET' }), 'retryIf', 'E_NET', /give a function/],
  ['a timeout of a handler', register({ timeout: 'ages' }), 'timeout', 'ages', /is not a duration/],
  ['a timeout of no time', register({ timeout: 0 }), 'timeout', '0', /at least 1 ms, or null/],
  ['a retention in words', register({ retention: 'long' }), 'retention', 'long', /give an object/],
  [
    'a retention of no outcome',
    register({ retention: { succeded: { age: '1d' } } }),
    'retention.succeded',
    '1d',
    /fields here are succeeded/,
  ],
  [
    'an age in words',
    register({ retention: { skipped: { age: 'soon' } } }),
    'retention.skipped.age',
    'soon',
    /write ms, or "15s"/,
  ],
  [
    'less than none kept',
    register({ retention: { failed: { count: -1 } } }),
    'retention.failed.count',
    '-1',
    /from 0/,
  ],
  [
    'no places',
    register({ concurrency: { cluster: 0 } }),
    'concurrency.cluster',
    '0',
    /whole number from 1/,
  ],
  [
    'a key with too many places',
    register({ concurrency: { key: 1_001 } }),
    'concurrency.key',
    '1001',
    /from 1 to 1000/,
  ],
  [
    'an unknown bound',
    register({ concurrency: { queue: 2 } }),
    'concurrency.queue',
    '2',
    /fields here are cluster, node, key/,
  ],
  [
    'a rate without a span',
    register({ rate: { limit: 5 } }),
    'rate.per',
    'undefined',
    /write ms, or "15s"/,
  ],
  [
    'idempotent in words',
    register({ idempotent: 'yes' }),
    'idempotent',
    'yes',
    /give true or false/,
  ],
  [
    'isolation in words',
    register({ ...isolated, isolate: 'prison' }),
    'isolate',
    'prison',
    /write "process"/,
  ],
  [
    'memory in words',
    register({ ...isolated, isolate: { in: 'process', memory: '1g' } }),
    'isolate.memory',
    '1g',
    /from 16/,
  ],
  [
    'no grace',
    register({ ...isolated, isolate: { in: 'process', grace: 0 } }),
    'isolate.grace',
    '0',
    /at least 1 ms/,
  ],
  // Pauses and limits at run time
  ['a pause of nothing', pause({}), 'options', '{}', /name one of them/],
  [
    'a pause of two things',
    pause({ queue: 'a', node: 'b' }),
    'options',
    'a',
    /queue and node are named at once/,
  ],
  [
    'a pause with a reason that is none',
    pause({ all: true, reason: 7 }),
    'reason',
    '7',
    /text of 1 to 1000/,
  ],
  [
    'a limit of half a place',
    limit({ concurrency: { key: 0.5 } }),
    'concurrency.key',
    '0.5',
    /from 1 to 1000/,
  ],
  [
    'a rate too quick',
    limit({ rate: { limit: 5, per: '1ms' } }),
    'rate.per',
    '1ms',
    /from 1s to 31d/,
  ],
  [
    'a limit and its reset',
    limit({ rate: null, reset: true }),
    'options',
    'reset',
    /at once; give/,
  ],
  ['a redrive by nobody', redrive({}, { by: '' }), 'by', '', /text of 1 to 255/],
  [
    'a redrive of what is no filter',
    redrive({ handlr: 'echo' }),
    'handlr',
    'echo',
    /fields here are/,
  ],
  ['a redrive of nothing', redrive(undefined), 'filter', 'null', /give an object/],
  ['a redrive of a number', redrive(7), 'filter', '7', /give an object/],
  ['a redrive of a list', redrive([]), 'filter', '[]', /give an object/],
  [
    'a redrive of what succeeded',
    redrive({ states: ['succeeded'] }),
    'states',
    'succeeded',
    /fields here are/,
  ],
  // Cancelling, waiting and reading
  ['a cancel without a reason', cancel({ reason: ' ' }), 'reason', ' ', /text of 1 to 1000/],
  ['a cancel misspelt', cancel({ reson: 'late' }), 'reson', 'late', /fields here are by, reason/],
  ['a wait in words', wait({ timeout: 'soon' }), 'timeout', 'soon', /write ms, or "15s"/],
  ['a wait of the past', wait({ timeout: -1 }), 'timeout', '-1', /write ms, or "15s"/],
  ['a wait misspelt', wait({ timeot: 1 }), 'timeot', '1', /fields here are signal, timeout/],
  ['a level that is none', logs({ level: 'loud' }), 'level', 'loud', /write "trace" or/],
  ['a log misspelt', logs({ levl: 'warn' }), 'levl', 'warn', /fields here are after, level/],
  ['a log of none', logs({ limit: -1 }), 'limit', '-1', /from 1 to/],
  ['a log after nothing', logs({ after: 'x' }), 'after', 'x', /give the attempt and seq/],
  // References to handlers, chains
  [
    'a handler that is not there',
    (almanac) => almanac.enqueue(undefined as never, null as never),
    'Handler',
    'undefined',
    /give the name or the class/,
  ],
  ['a chain that is a text', chain('echo'), 'links', 'echo', /give a list such as/],
  [
    'a link misspelt',
    chain([{ handlr: 'echo' }]),
    'links[0].handlr',
    'echo',
    /fields here are name, handler/,
  ],
  [
    'a chain with a client misspelt',
    chain([LINK], { trx: 1 }),
    'trx',
    '1',
    /fields here are client/,
  ],
  // Queues of a node
  [
    'places of a queue below 1',
    queues({ loads: { concurrency: 0 } }),
    'queues.loads.concurrency',
    '0',
    /at least 1/,
  ],
  [
    'what waits elsewhere, of a queue of the nodes',
    queues({ loads: { ahead: 5 } }),
    'queues.loads.ahead',
    '5',
    /executor: 'queue'/,
  ],
  [
    'more places than the node has',
    queues({ loads: { concurrency: 5 } }),
    'queues',
    '5',
    /this node has 4; raise concurrency/,
  ],
  [
    'a flag without a number',
    () => concurrencyFlag('loads=two'),
    '--concurrency',
    'loads=two',
    /give a whole number, places of queues/,
  ],
  [
    'a flag with two numbers',
    () => concurrencyFlag('loads=2,loads=3'),
    '--concurrency',
    'loads=2,loads=3',
    /one for each queue/,
  ],
  ['a flag of no places', () => concurrencyFlag('loads=0'), '--concurrency', '0', /at least 1/],
  [
    'a queue named twice',
    () => queueNames('queues', 'loads,loads'),
    '--queues',
    'loads,loads',
    /each once/,
  ],
  [
    'a queue without a name',
    () => queueNames('queues', 'loads,'),
    '--queues',
    'loads,',
    /separated by commas/,
  ],
]

test.group('Executions | malformed input', () => {
  for (const [what, call, field, value, remedy] of CASES) {
    test(`${what}: field, value and remedy are named`, async ({ assert }) => {
      await using t = await createTestAlmanac({
        handlers: { echo: () => 1 },
        config: { maxPayload: 1_000 },
      })
      const error = await Promise.try(() => call(t.almanac)).then(
        () => null,
        (thrown: Error) => thrown
      )
      assert.instanceOf(error, Error)
      assert.include(error!.message, field)
      assert.include(error!.message, value)
      assert.match(error!.message, remedy)
      assert.match((error as Error & { code: string }).code, /^E_\w+$/)
      // Refused alone: nothing was queued, limited or registered
      assert.isEmpty(await t.almanac.history())
      assert.isEmpty(await t.almanac.controls())
      await t.almanac.enqueue('echo', null)
      await t.tick()
      assert.lengthOf(await t.almanac.history({ states: ['succeeded'] }), 1)
    })
  }
})

const snooze = outcome.snooze as (delay: unknown, reason?: unknown) => unknown

/** What a handler does, and the field, the value and the remedy that its error names. */
const ENDS: [what: string, run: HandlerFunction, field: string, value: string, remedy: RegExp][] = [
  [
    'fails without a reason',
    () => outcome.fail(undefined as never),
    'reason',
    'undefined',
    /text of 1 to 4000/,
  ],
  ['cancels with a number', () => outcome.cancel(7 as never), 'reason', '7', /text of 1 to 4000/],
  ['snoozes in words', () => snooze('soon') as never, 'delay', 'soon', /is not a duration/],
  ['snoozes for ever', () => snooze(Infinity) as never, 'delay', 'Infinity', /is not a duration/],
  [
    'extends by words',
    ({ extend }) => extend('soon' as never) as never,
    'soon',
    'soon',
    /duration/,
  ],
  [
    'keeps a circle',
    ({ saveCheckpoint }) => saveCheckpoint(circle as never) as never,
    'checkpoint',
    'circular',
    /circular/,
  ],
]

test.group('Executions | malformed ends', () => {
  for (const [what, run, field, value, remedy] of ENDS) {
    test(`a handler that ${what} fails alone`, async ({ assert }) => {
      await using t = await createTestAlmanac({
        handlers: { bad: run, good: () => 'done' },
        config: { retry: false },
      })
      const bad = await t.almanac.enqueue('bad', null)
      const good = await t.almanac.enqueue('good', null)
      await t.tick()
      const { state, error } = await t.almanac.executions.get(bad.id)
      assert.equal(state, 'failed')
      assert.include(error!.message, field)
      assert.include(error!.message, value)
      assert.match(error!.message, remedy)
      const ended = await t.almanac.executions.get(good.id)
      assert.deepEqual([ended.state, ended.result], ['succeeded', 'done'])
    })
  }
})
