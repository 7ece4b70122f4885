import { hostname } from 'node:os'
import { test } from '@japa/runner'
import { withQueueFlags, type QueueFlags } from '../../src/config/queues.ts'
import { poolWarning } from '../../src/config/pool.ts'
import { nearestName } from '../../src/config/did_you_mean.ts'
import { defineConfig, resolveConfig, stores } from '../../src/define_config.ts'

const DAY = 86_400_000

/** The message of what resolving a config with these values throws. */
function refusal(values: object): string {
  try {
    resolveConfig({ store: stores.memory(), ...values })
  } catch (error) {
    return (error as Error).message
  }
  return 'accepted'
}

test.group('Config | defaults', () => {
  test('sets every default, in ms', ({ assert }) => {
    const { core, ...shell } = resolveConfig(defineConfig({ store: stores.memory() }))

    assert.containSubset(shell, { roles: [], handlersFolder: 'app/handlers', syncInterval: 60_000 })
    assert.equal(core.node, hostname().slice(0, 40))
    assert.containSubset(core, {
      enabled: true,
      concurrency: 10,
      prefetch: 1_000,
      queues: null,
      queuePlaces: {},
      poll: { min: 50, max: 1_000 },
      lease: { ttl: 30_000, renew: 10_000 },
      leader: { ttl: 15_000, renew: 5_000 },
      leaderPriority: 0,
      maxClockSkew: 5_000,
      tickBatch: 500,
      tickMax: 1_000,
      timeout: null,
      maxRescues: 5,
      maxPayload: 1_048_576,
      maxResult: 262_144,
      logLevel: 'trace',
      shutdown: { deadline: 30_000 },
      handlers: {},
      calendars: {},
    })
    assert.deepEqual(core.retry, {
      retries: 3,
      backoff: 'exponential',
      delay: 10_000,
      maxDelay: 900_000,
      jitter: 0.2,
    })
    assert.deepEqual(core.housekeeping.retention.outcomes.failed, { age: 90 * DAY })
    assert.equal(core.housekeeping.retention.journal, 180 * DAY)
    assert.equal(core.housekeeping.retention.totals, 730 * DAY)
  })

  test('turns every duration into ms', ({ assert }) => {
    const { core, syncInterval } = resolveConfig({
      store: stores.memory(),
      poll: '2s',
      lease: { ttl: '1m' },
      timeout: '1h',
      retry: { delay: '1s', maxDelay: '1m', retries: 1 },
      shutdown: { deadline: '5s' },
      syncInterval: '5m',
      housekeeping: {
        interval: '1h',
        retention: {
          outcomes: { failed: { age: 'forever' }, succeeded: { age: '1d', count: 100 } },
          handlers: { import_orders: { succeeded: { count: 5 } } },
          journal: 'forever',
          totals: '365d',
        },
      },
    })

    assert.deepEqual(core.poll, { min: 50, max: 2_000 })
    assert.deepEqual(core.lease, { ttl: 60_000, renew: 20_000 })
    assert.equal(core.timeout, 3_600_000)
    assert.containSubset(core.retry, { retries: 1, delay: 1_000, maxDelay: 60_000 })
    assert.equal(syncInterval, 300_000)
    const { outcomes, handlers, journal, totals } = core.housekeeping.retention
    assert.deepEqual(outcomes.failed, { age: 'forever' })
    assert.deepEqual(outcomes.succeeded, { age: DAY, count: 100 })
    assert.deepEqual(outcomes.missed, { age: 30 * DAY })
    assert.deepEqual(handlers, { import_orders: { succeeded: { age: 'forever', count: 5 } } })
    assert.equal(journal, 'forever')
    assert.equal(totals, 365 * DAY)
  })

  test('a single poll is the longest wait; retry false means none', ({ assert }) => {
    const { core } = resolveConfig({ store: stores.memory(), poll: 50, retry: false })
    assert.deepEqual(core.poll, { min: 50, max: 50 })
    assert.equal(core.retry.retries, 0)
  })

  test('an empty ALMANAC_NODE means the host name', ({ assert }) => {
    const { core } = resolveConfig({ store: stores.memory(), node: '', timeout: null })
    assert.equal(core.node, hostname().slice(0, 40))
    assert.isNull(core.timeout)
  })

  test('takes handlers, roles, queues, a folder and both ends of poll', ({ assert }) => {
    const run = () => 1
    const { core, roles, handlersFolder } = resolveConfig({
      store: stores.memory(),
      handlers: { ping: run },
      roles: ['web'],
      queues: ['mail'],
      handlersFolder: null,
      poll: { min: '20ms', max: '3s' },
    })
    assert.deepEqual(core.handlers, { ping: run })
    assert.deepEqual(roles, ['web'])
    assert.deepEqual(core.queues, ['mail'])
    assert.deepEqual(core.queueSettings, {})
    assert.isNull(handlersFolder)
    assert.deepEqual(core.poll, { min: 20, max: 3_000 })
  })
})

test.group('Config | queues', () => {
  const read = (queues: unknown, flags: QueueFlags = {}) => {
    const config = { store: stores.memory(), queues: withQueueFlags(queues, flags) }
    const { core } = resolveConfig(config as Parameters<typeof resolveConfig>[0])
    return [core.queues, core.queuePlaces]
  }

  test('an object names queues, and the places that some have for themselves', ({ assert }) => {
    assert.deepEqual(read({ loads: { concurrency: 2 }, reports: {} }), [
      ['loads', 'reports'],
      { loads: 2 },
    ])
    assert.deepEqual(read({ 'loads': { concurrency: 2 }, '*': {} }), [null, { loads: 2 }])
  })

  test('an object says what runs each queue', ({ assert }) => {
    const queues = { 'heavy': { executor: 'queue', ahead: 7 }, 'light': {}, '*': {} } as const
    const { core } = resolveConfig({ store: stores.memory(), queues })
    assert.isNull(core.queues)
    assert.deepEqual(core.queueSettings, {
      heavy: { executor: 'queue', ahead: 7 },
      light: { executor: 'node', ahead: 500 },
    })
  })

  test('the command line goes before the config', ({ assert }) => {
    const loads = { loads: { concurrency: 2 }, reports: {} }
    assert.deepEqual(read(loads), read(loads, {}))
    assert.deepEqual(read(loads, { queues: ['reports'] }), [['reports'], {}])
    assert.deepEqual(read(loads, { queues: ['loads'], queuePlaces: { loads: 4 } }), [
      ['loads'],
      { loads: 4 },
    ])
    assert.deepEqual(read(null, { queuePlaces: { loads: 2 } }), [null, { loads: 2 }])
    assert.deepEqual(read(['a', 'b'], { queuePlaces: { b: 1 } }), [['a', 'b'], { b: 1 }])
    assert.throws(
      () => read(['a', 'b'], { queuePlaces: { c: 1 } }),
      /--concurrency: "c=1" is not valid; this process works on a, b; add c to --queues/
    )
  })
})

test.group('Config | refusals', () => {
  test('{1}')
    .with([
      [{ concurency: 5 }, 'concurency is not a known key; did you mean "concurrency"?'],
      [{ lease: { tll: 5 } }, 'lease.tll is not a known key; did you mean "ttl"?'],
      [
        { zzzzzzzzz: 1 },
        'zzzzzzzzz is not a known key; the keys are builtIn, calendars, changeCheckInterval',
      ],
      [{ profiles: { a: () => 1 } }, 'profiles.a is [Function: a]; give plain JSON: '],
      [{ profiles: { a: null } }, 'profiles.a is null; give a payload, such as'],
      [{ profiles: { ' a': 1 } }, 'profiles. a is 1; name it in 1 to 100 letters'],
      [{ profiles: [1] }, 'profiles is [ 1 ]; give an object'],
      [{ maxMeta: 1 }, 'maxMeta is 1; give a whole number of at least 2'],
      [{ changeCheckInterval: '7s' }, 'changeCheckInterval is 7000 ms; give an even part of'],
      [{ concurrency: 0 }, 'concurrency is 0; give a whole number of at least 1'],
      [{ concurrency: '5' }, "concurrency is '5'; give a whole number of at least 1"],
      [{ concurrency: 1.5 }, 'concurrency is 1.5; give a whole number'],
      [{ tickBatch: 20_000 }, 'tickBatch is 20000; give a whole number from 1 to 10000'],
      [{ enabled: 'yes' }, "enabled is 'yes'; give true or false"],
      [{ poll: '5 parsecs' }, "poll is '5 parsecs'; give at least 10 ms"],
      [{ poll: true }, 'poll is true; give at least 10 ms'],
      [{ timeout: -1 }, 'timeout is -1; give at least 1 ms'],
      [{ lease: 30 }, 'lease is 30; give an object'],
      [{ node: 'a b' }, "node is 'a b'; give 1 to 40 letters"],
      [{ queues: [] }, 'queues is []; give a list of queue names, an object such as'],
      [{ queues: {} }, 'queues is {}; give a list of queue names, an object such as'],
      [{ queues: 'loads' }, "queues is 'loads'; give a list of queue names"],
      [{ queues: { loads: 2 } }, 'queues.loads is 2; give an object'],
      [
        { queues: { loads: { places: 2 } } },
        'queues.loads.places is not a known key; the keys are',
      ],
      [
        { queues: { loads: { concurrency: 0 } } },
        'queues.loads.concurrency is 0; give a whole number of at least 1',
      ],
      [
        { queues: { '*': { concurrency: 2 } } },
        'queues.*.concurrency is 2; leave it out: the other queues share',
      ],
      [
        { concurrency: 5, queues: { loads: { concurrency: 3 }, reports: { concurrency: 3 } } },
        'queues is { loads: 3, reports: 3 }; the queues take 6 places, this node has 5',
      ],
      [
        { concurrency: 3, queues: { 'loads': { concurrency: 3 }, '*': {} } },
        'queues is { loads: 3 }; the queues take 3 places, and one for *, this node has 3',
      ],
      [
        { queues: { a: { executor: 'redis' } } },
        "queues.a.executor is 'redis'; give one of node, queue",
      ],
      [{ queues: { a: { ahead: 0 } } }, 'queues.a.ahead is 0; give a whole number from 1 to'],
      [
        {
          queues: { default: { executor: 'queue' } },
          legacy: { sources: { dw: { connection: 'dw', timezone: 'UTC' } } },
        },
        "queues.default.executor is 'queue'; flows of legacy sources run in this queue",
      ],
      [
        { queues: { a: { executor: 'queue', concurrency: 2 } } },
        'queues.a.concurrency is 2; leave it out: the workers of the other engine',
      ],
      [
        { queues: { '*': { executor: 'queue' } } },
        "queues.*.executor is 'queue'; name the queues that another engine runs",
      ],
      [{ queues: [1] }, 'queues is [ 1 ]; give a list of queue names'],
      [{ roles: ['worker'] }, "roles is [ 'worker' ]; give a list of web, console, test, repl"],
      [{ retry: { backoff: 'cubic' } }, "retry.backoff is 'cubic'; give one of exponential"],
      [{ retry: { jitter: 2 } }, 'retry.jitter is 2; give a number from 0 to 1'],
      [{ handlers: { a: 'x' } }, "handlers.a is 'x'; give a handler class or a function"],
      [{ calendars: { x: [] } }, 'calendars.x is []; give an object with one or more of dates'],
      [{ calendars: { x: {} } }, 'calendars.x is {}; give an object with one or more of dates'],
      [{ calendars: { x: { days: [] } } }, 'calendars.x.days is not a known key; give an object'],
      [
        { calendars: { x: { dates: ['12-25', '12-32'], weekdays: ['SO'] } } },
        'calendars.x.dates[1] is 12-32; write an existing date as "yyyy-MM-dd", or "MM-dd" for every year; calendars.x.weekdays[0] is SO',
      ],
      [{ handlersFolder: 5 }, 'handlersFolder is 5; give a folder inside the app'],
      [{ store: 'sqlite' }, "store is 'sqlite'; give stores.database"],
      [
        { housekeeping: { retention: { outcomes: { failed: { age: 'ever' } } } } },
        "housekeeping.retention.outcomes.failed.age is 'ever'",
      ],
    ] as [object, string][])
    .run(({ assert }, [values, message]) => {
      assert.include(refusal(values), `config/almanac.ts: ${message}`)
    })

  test('a config that is no object is refused', ({ assert }) => {
    assert.throws(() => resolveConfig(undefined), /the file is missing; run "node ace configure/)
    assert.throws(() => resolveConfig([]), /the config is \[\]; give an object/)
  })
})

test.group('Config | intervals against each other', () => {
  test('{1}')
    .with([
      [{ lease: { ttl: 30_000, renew: 15_000 } }, 'lease.renew is 15000 ms; give at most a third'],
      [{ leader: { ttl: 900, renew: 301 }, tickMax: 900 }, 'leader.renew is 301 ms'],
      [{ poll: { min: '2s', max: '1s' } }, 'poll.min is 2000 ms; give at most poll.max (1000 ms)'],
      [{ poll: '1m' }, 'poll.max is 60000 ms; give at most lease.ttl (30000 ms)'],
      [{ tickMax: '20s' }, 'tickMax is 20000 ms; give at most leader.ttl (15000 ms)'],
      [{ retry: { delay: '1h' } }, 'retry.delay is 3600000 ms; give at most retry.maxDelay'],
      [{ syncInterval: '7s' }, 'syncInterval is 7000 ms; give an even part of a minute'],
      [{ syncInterval: '90s' }, 'syncInterval is 90000 ms; give an even part'],
      [{ housekeeping: { interval: '5h' } }, 'housekeeping.interval is 18000000 ms'],
    ] as [object, string][])
    .run(({ assert }, [values, message]) => {
      assert.include(refusal(values), message)
    })

  test('the bounds themselves are accepted', ({ assert }) => {
    const bounds = { lease: { ttl: 3_000, renew: 1_000 }, poll: '3s', tickMax: '15s' }
    assert.equal(
      refusal({ ...bounds, syncInterval: '12h', housekeeping: { interval: '1d' } }),
      'accepted'
    )
  })
})

test.group('Config | the connection pool', () => {
  test('a pool that is too small is named with the remedy', ({ assert }) => {
    const warning = poolWarning('primary', { client: 'pg', pool: { max: 5 } }, 10)
    assert.include(warning, 'Connection "primary" opens at most 5 connections, and 10 handlers')
    assert.include(warning, 'raise pool.max')
    assert.include(poolWarning('primary', { client: 'mysql2' }, 10), 'at most 10 connections')
  })

  test('a pool that is large enough, and SQLite, give no warning', ({ assert }) => {
    assert.isNull(poolWarning('primary', { client: 'pg', pool: { max: 12 } }, 10))
    assert.isNull(poolWarning('primary', { client: 'better-sqlite3' }, 10))
  })
})

test.group('Config | did you mean', () => {
  test('finds the nearest name, and none when all are far', ({ assert }) => {
    assert.equal(nearestName('Pol', ['pool', 'poll', 'prefetch']), 'pool')
    assert.equal(nearestName('shutdwon', ['shutdown', 'store']), 'shutdown')
    assert.isNull(nearestName('xyz', ['concurrency', 'enabled']))
  })
})
