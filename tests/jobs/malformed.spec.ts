import { test } from '@japa/runner'
import { concurrencyFlag, queueNames } from '../../commands/_input.ts'
import { resolveConfig, stores } from '../../src/define_config.ts'
import { createTestAlmanac } from '../../src/testing/factory.ts'
import type { Scheduler } from '../../src/scheduler.ts'
import { circle, coded } from './malformed.ts'

type Call = (almanac: Scheduler) => unknown
/** What is given, and the field, the value and the remedy that the error names. */
type Case = [what: string, call: Call, field: string, value: string, remedy: RegExp]
type Refusal = Error & { code: string; help: string }

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
const kept = (retention: object) => () =>
  resolveConfig({ store: stores.memory(), housekeeping: { retention } })
const steps = (name: string, options: object) => (almanac: Scheduler) =>
  almanac.workflow().add('a', 'echo', null).add(name, 'echo', null, options).enqueue()
const isolated = { module: import.meta.url }

const CASES = [
  // Enqueue options
  ...coded<Case>('E_INVALID_INPUT', [
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
    ['a delay of ages', enqueue({ delay: 1e300 }), 'delay', '1e+300', /at most a thousand years/],
    [
      'a timeout of ages',
      enqueue({ timeout: '365251d' }),
      'timeout',
      '365251d',
      /at most a thousand years/,
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
    [
      'a key with NUL',
      enqueue({ dedupeKey: 'a\0b' }),
      'dedupeKey',
      'a',
      /leave that character out/,
    ],
    [
      'a mode without a key',
      enqueue({ dedupe: 'replace' }),
      'dedupe',
      'replace',
      /give a dedupeKey/,
    ],
    ['an expiry of nothing', enqueue({ expiresIn: 0 }), 'expiresIn', '0', /at least 1 ms/],
    ['half a retry', enqueue({ retries: 1.5 }), 'retries', '1.5', /from 0 to 10000/],
    ['a timeout of nothing', enqueue({ timeout: 0 }), 'timeout', '0', /at least 1 ms/],
    [
      'a limit of its key',
      enqueue({ concurrencyKey: 'k', concurrencyLimit: 2 }),
      'concurrencyLimit',
      '2',
      /unknown; the fields here are .*concurrencyKey/,
    ],
    [
      'a mode that is none',
      enqueue({ dedupeKey: 'k', dedupe: 'drop' }),
      'dedupe',
      'drop',
      /"skip" or "replace"/,
    ],
    [
      'an extension of no delay',
      enqueue({ dedupeKey: 'k', dedupe: 'extend' }),
      'dedupe',
      'extend',
      /give a delay or availableAt/,
    ],
    [
      'a subject with half a character',
      enqueue({ subject: 'a\ud83d' }),
      'subject',
      'a',
      /leave that character out/,
    ],
    ['meta that is a list', enqueue({ meta: [1] }), 'meta', '1', /give an object, such as/],
  ]),
  // Payloads
  ...coded<Case>('E_PAYLOAD_NOT_JSON', [
    ['a payload with a symbol', payload({ s: Symbol('s') }), 'payload', 's', /is a symbol/],
    ['a payload with a bigint', payload({ n: 1n }), 'payload', 'BigInt', /BigInt/],
    ['a payload with a function', payload({ f: () => 1 }), 'payload', 'f', /is a function/],
    ['a payload that is a circle', payload(circle), 'payload', 'circular', /circular/],
    ['a payload with NaN', payload([Number.NaN]), 'payload', 'NaN', /is NaN/],
  ]),
  ...coded<Case>('E_PAYLOAD_TOO_LARGE', [
    ['a payload too large', payload('x'.repeat(2_000)), 'payload', '2002 bytes', /1000/],
  ]),
  // Options of handlers
  ...coded<Case>('E_INVALID_DURATION', [
    [
      'a timeout of a handler',
      register({ timeout: 'ages' }),
      'timeout',
      'ages',
      /is not a duration/,
    ],
    [
      'a delay of a retry in words',
      register({ retry: { delay: 'a while' } }),
      'retry.delay',
      'a while',
      /is not a duration/,
    ],
    [
      'a longest delay of the past',
      register({ retry: { maxDelay: -1 } }),
      'retry.maxDelay',
      '-1',
      /is not a duration/,
    ],
  ]),
  ...coded<Case>('E_INVALID_HANDLER', [
    [
      'a level of a handler',
      register({ logLevel: 'loud' }),
      'logLevel',
      'loud',
      /give trace, debug/,
    ],
    [
      'limits that are a number',
      register({ concurrency: 0 }),
      'concurrency',
      '0',
      /give an object such as/,
    ],
    [
      'a policy misspelt',
      register({ retry: { retrys: 3 } }),
      'retry.retrys',
      '3',
      /did you mean "retries"/,
    ],
    ['a rate that is a text', register({ rate: '' }), 'rate', '', /give an object such as/],
    ['a rate of none', register({ rate: { limit: 0, per: '1m' } }), 'rate.limit', '0', /from 1/],
    [
      'isolation of a handler that nobody finds',
      register({ isolate: 'process' }),
      'module',
      'undefined',
      /import\.meta\.url/,
    ],
    [
      'isolation nowhere',
      register({ ...isolated, isolate: { memory: 64 } }),
      'isolate.in',
      'undefined',
      /write "process" or "thread"/,
    ],
    [
      'isolation misspelt',
      register({ ...isolated, isolate: { in: 'thread', ram: 64 } }),
      'isolate.ram',
      '64',
      /fields here are in, memory, grace/,
    ],
    [
      'an option of a handler misspelt',
      register({ timout: '5m' }),
      'timout',
      '5m',
      /did you mean "timeout"/,
    ],
    ['a queue that is a number', register({ queue: 7 }), 'queue', '7', /give a text of 1 to 255/],
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
    [
      'a retry in words',
      register({ retry: 'often' }),
      'retry',
      'often',
      /give an object.*or false/,
    ],
    ['retryIf that is none', register({ retryIf: 'E_NET' }), 'retryIf', 'E_NET', /give a function/],
    ['a timeout of no time', register({ timeout: 0 }), 'timeout', '0', /at least 1 ms, or null/],
    [
      'a retention in words',
      register({ retention: 'long' }),
      'retention',
      'long',
      /give an object/,
    ],
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
  ]),
  // Pauses and limits at run time
  ...coded<Case>('E_INVALID_INPUT', [
    ['a limit of nobody', limit({ handler: '', rate: null }), 'handler', '', /text of 1 to 255/],
    [
      'a limit of nothing',
      limit({}),
      'options',
      'echo',
      /give concurrency, rate or both, or reset/,
    ],
    ['a limit misspelt', limit({ cluster: 2 }), 'cluster', '2', /fields here are .*concurrency/],
    ['a rate in words', limit({ rate: '5/1m' }), 'rate', '5/1m', /give an object such as/],
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
    // References to handlers
  ]),
  ...coded<Case>('E_INVALID_HANDLER', [
    [
      'a handler that is not there',
      (almanac) => almanac.enqueue(undefined as never, null as never),
      'Handler',
      'undefined',
      /give the name or the class/,
    ],
  ]),
  // Chains and workflows
  ...coded<Case>('E_INVALID_INPUT', [
    ['a step named twice', steps('a', {}), 'steps[1].name', 'a', /its own/],
    [
      'a step after nobody',
      steps('b', { after: 'x' }),
      'steps[1].after',
      'x',
      /the steps are a, b/,
    ],
    [
      'a step after an end that is none',
      steps('b', { after: { step: 'a', on: 'never' } }),
      'on',
      'never',
      /"success"/,
    ],
    ['a step with a key', steps('b', { dedupeKey: 'k' }), 'dedupeKey', 'k', /leave it out/],
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
  ]),
  // Queues of a node, and what is kept
  ...coded<Case>('E_INVALID_CONFIG', [
    ['queues that are a text', queues('loads'), 'queues', 'loads', /give a list of queue names/],
    ['no queue at all', queues([]), 'queues', '[]', /or null for all/],
    ['a queue named with nothing', queues({ '': {} }), 'queues', '', /give a list of queue names/],
    [
      'an executor that is none',
      queues({ loads: { executor: 'redis' } }),
      'queues.loads.executor',
      'redis',
      /give one of node, queue/,
    ],
    [
      'places of a queue that others run',
      queues({ loads: { executor: 'queue', concurrency: 2 } }),
      'queues.loads.concurrency',
      '2',
      /the workers of the other engine say/,
    ],
    [
      'another engine for all queues',
      queues({ '*': { executor: 'queue' } }),
      'queues.*.executor',
      'queue',
      /name the queues/,
    ],
    [
      'nothing handed over',
      queues({ loads: { executor: 'queue', ahead: 0 } }),
      'queues.loads.ahead',
      '0',
      /from 1 to 10000/,
    ],
    [
      'totals kept for less than a day',
      kept({ totals: '1h' }),
      'housekeeping.retention.totals',
      '1h',
      /at least 86400000 ms/,
    ],
    [
      'a queue misspelt',
      queues({ loads: { concurency: 2 } }),
      'queues.loads.concurency',
      'not a known key',
      /did you mean "concurrency"/,
    ],
    [
      'totals kept in words',
      kept({ totals: 'long' }),
      'housekeeping.retention.totals',
      'long',
      /a text such as "15s"/,
    ],
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
  ]),
  ...coded<Case>('E_INVALID_FLAG', [
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
  ]),
]

test.group('Executions | malformed input', () => {
  for (const [code, what, call, field, value, remedy] of CASES) {
    test(`${what}: code, field, value and remedy are named`, async ({ assert }) => {
      await using t = await createTestAlmanac({
        handlers: { echo: () => 1 },
        config: { maxPayload: 1_000 },
      })
      const error = await Promise.try(() => call(t.almanac)).then(
        () => null,
        (thrown: Refusal) => thrown
      )
      assert.instanceOf(error, Error)
      assert.include(error!.message, field)
      assert.include(error!.message, value)
      assert.match(error!.message, remedy)
      assert.equal(error!.code, code)
      assert.isNotEmpty(error!.help)
      // Refused alone: nothing was queued, limited or registered
      assert.isEmpty(await t.almanac.history())
      assert.isEmpty(await t.almanac.controls())
      await t.almanac.enqueue('echo', null)
      await t.tick()
      assert.lengthOf(await t.almanac.history({ states: ['succeeded'] }), 1)
    })
  }
})
