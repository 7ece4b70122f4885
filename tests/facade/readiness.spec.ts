import { test } from '@japa/runner'
import { Counters } from '../../src/counters.ts'
import { readShell } from '../../src/config/core.ts'
import { ConfigReader } from '../../src/config/reader.ts'
import { Scheduler } from '../../src/scheduler.ts'
import { MemoryStorage } from '../../src/storage/memory/main.ts'
import { ClockTimetable } from '../../src/testing/clock_timetable.ts'
import { EventRecorder, ManualClock, RecordingLogger } from '../../src/testing/main.ts'
import type { AlmanacOptions } from '../../src/types/config.ts'

function scheduler(config: AlmanacOptions = {}): Scheduler {
  const clock = new ManualClock()
  return new Scheduler({
    storage: new MemoryStorage({ clock }),
    clock,
    logger: new RecordingLogger(),
    counters: new Counters(),
    notifier: new EventRecorder(),
    config: readShell(new ConfigReader(config)).core,
    make: (Class) => new Class(),
    timetable: new ClockTimetable({ clock }),
  })
}

const every = { kind: 'interval', every: '1m' } as const

/** Every public member that does something; `nodeId`, `state`, `boot` and `shutdown` tell and prepare. */
const USES: Record<string, (almanac: Scheduler) => unknown> = {
  start: (almanac) => almanac.start(),
  stop: (almanac) => almanac.stop(),
  tick: (almanac) => almanac.tick(),
  runOnce: (almanac) => almanac.runOnce(),
  once: (almanac) => almanac.once(),
  wake: (almanac) => almanac.wake(),
  deliver: (almanac) => almanac.deliver({ id: 'x', attempt: 1, node: 'x.1', handler: 'x' }),
  capacity: (almanac) => almanac.capacity(),
  nodes: (almanac) => almanac.nodes(),
  handlers: (almanac) => almanac.handlers,
  register: (almanac) => almanac.register('x', () => 1),
  discover: (almanac) => almanac.discover(null),
  addSource: (almanac) => almanac.addSource({ name: 'x', pollInterval: 1, pull: async () => 0 }),
  onStart: (almanac) => almanac.onStart(() => 1),
  onStop: (almanac) => almanac.onStop(() => 1),
  addPuller: (almanac) => almanac.addPuller({ name: 'x', fetch: () => [] }),
  forecast: (almanac) => almanac.forecast(),
  backfill: (almanac) => almanac.backfill('x', { from: 0 }),
  monitor: (almanac) => almanac.monitor(),
  pause: (almanac) => almanac.pause({ all: true }),
  resume: (almanac) => almanac.resume({ all: true }),
  setLimit: (almanac) => almanac.setLimit({ handler: 'x', concurrency: { cluster: 1 } }),
  controls: (almanac) => almanac.controls(),
  graph: (almanac) => almanac.graph(),
  workflow: (almanac) => almanac.workflow(),
  chain: (almanac) => almanac.chain([{ handler: 'x' }]),
  export: (almanac) => almanac.export(),
  import: (almanac) => almanac.import([]),
  deadLetters: (almanac) => almanac.deadLetters(),
  redrive: (almanac) => almanac.redrive('x'),
  addChore: (almanac) => almanac.addChore({ name: 'x', interval: 1_000, run: async () => 1 }),
  events: (almanac) => almanac.events,
  schedule: (almanac) => almanac.schedule({ name: 'x', handler: 'x', trigger: every }),
  syncSource: (almanac) => almanac.syncSource('x', [], { missing: 'pause' }),
  trigger: (almanac) => almanac.trigger('x'),
  preview: (almanac) => almanac.preview(every, { from: 0, count: 1 }),
  describe: (almanac) => almanac.describe(every),
  enqueue: (almanac) => almanac.enqueue('x', null),
  executions: (almanac) => almanac.executions,
  history: (almanac) => almanac.history(),
  stats: (almanac) => almanac.stats(),
  cancel: (almanac) => almanac.cancel('x'),
  waitFor: (almanac) => almanac.waitFor('x'),
  status: (almanac) => almanac.status(),
  watch: (almanac) => almanac.watch(),
  fake: (almanac) => almanac.fake(),
}

/** Of a class and of those it extends. */
function prototypesOf(Class: { prototype: object }): object[] {
  const chain: object[] = []
  for (let each = Class.prototype; each !== Object.prototype; each = Object.getPrototypeOf(each)) {
    chain.push(each)
  }
  return chain
}

test.group('Readiness', () => {
  test('every public member is covered here', ({ assert }) => {
    const members = prototypesOf(Scheduler)
      .flatMap((prototype) => Object.getOwnPropertyNames(prototype))
      .filter((name) => !['constructor', 'syncCode', 'storedStatus'].includes(name))
    const free = ['nodeId', 'state', 'boot', 'shutdown']
    assert.deepEqual(new Set(members), new Set([...Object.keys(USES), ...free]))
  })

  test('{0} throws before the boot and after the shutdown')
    .with(Object.entries(USES))
    .run(async ({ assert }, [, use]) => {
      const almanac = scheduler()
      assert.equal(almanac.state, 'not booted yet')
      await assert.rejects(async () => use(almanac), 'Almanac is not booted yet')
      almanac.boot()
      await almanac.shutdown()
      assert.equal(almanac.state, 'shut down')
      await assert.rejects(async () => use(almanac), 'Almanac is shut down')
    })

  test('what was taken before the shutdown is closed as well', async ({ assert }) => {
    const almanac = scheduler()
    almanac.boot()
    const { events } = almanac
    await almanac.shutdown()
    await almanac.shutdown()
    await assert.rejects(() => events.list(), 'Almanac is shut down')
  })

  test('the handlers of the config are there after the boot', async ({ assert }) => {
    const almanac = scheduler({ handlers: { ping: () => 'pong' } })
    almanac.boot()
    assert.deepEqual(almanac.handlers.names(), ['ping'])
    await almanac.shutdown()
  })
})
