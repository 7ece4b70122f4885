import { createInterface } from 'node:readline'
import { once } from 'node:events'
import { SystemClock } from '../../../src/clock.ts'
import { ConfigReader } from '../../../src/config/reader.ts'
import { readShell } from '../../../src/config/core.ts'
import { ProcessIsolator } from '../../../src/isolation/process_isolator.ts'
import { Counters } from '../../../src/counters.ts'
import { Scheduler } from '../../../src/scheduler.ts'
import { CronTimetable } from '../../../src/scheduler/cron_timetable.ts'
import { EventRecorder } from '../../../src/testing/event_recorder.ts'
import type { Logger } from '../../../src/types/logger.ts'
import { CrashPoints, hooked, storeHooks } from './crash_points.ts'
import { openStore } from './databases.ts'
import { Freezes } from './freezes.ts'
import type { NodeOptions } from './protocol.ts'
import { clusterHandlers } from './handlers.ts'
import { tell } from './telling.ts'

/**
 * A node of the long tests, in a process of its own: the scheduler as an app
 * composes it, with decorators that tell the parent what happens and, where
 * it is told to, kill this process.
 *
 * It reads its options from the first line of its standard input, works until
 * it is killed, or drains on SIGTERM.
 */
const input = createInterface({ input: process.stdin })
tell({ kind: 'loaded' })
const [line] = (await once(input, 'line')) as [string]
input.close()
const options = JSON.parse(line) as NodeOptions

/** A machine whose wall clock is wrong; its monotonic clock is right. */
class SkewedClock extends SystemClock {
  override now(): number {
    return super.now() + (options.skew ?? 0)
  }
}

const clock = new SkewedClock()
const counters = new Counters()
const note = (level: 'warn' | 'error') => (data: object, message: string) => {
  const { err, ...rest } = data as { err?: Error }
  tell({ kind: 'problem', level, message, detail: err?.stack ?? JSON.stringify(rest) })
}
const quiet = () => {}
const logger: Logger = {
  trace: quiet,
  debug: quiet,
  info: quiet,
  warn: note('warn'),
  error: note('error'),
}

const crash = new CrashPoints(options.crash ?? [])
const store = openStore(options.store, { logger, clock })
const freezes = new Freezes(store.storage, tell)
const { core } = readShell(new ConfigReader(options.config))
// What only some nodes need would make the start of all others longer
const engines = options.engine && (await import('./engine.ts'))
const other = engines?.openEngine(options.engine!, core.concurrency, async (handed) =>
  almanac.deliver(handed)
)
const almanac: Scheduler = new Scheduler({
  storage: hooked(store.storage, freezes.hooks(storeHooks(crash))),
  clock,
  logger,
  counters,
  notifier: new EventRecorder(),
  config: core,
  make: (Class) => new Class(),
  engine: other?.engine,
  isolator: new ProcessIsolator({ clock, root: new URL('app/', import.meta.url).href }),
  timetable: new CronTimetable({ logger }),
})
almanac.boot()
freezes.watch()

for (const [name, { run, options: given }] of Object.entries(clusterHandlers(tell, options))) {
  almanac.register(name, run, given)
}

const legacy = options.warehouse && (await import('./node_legacy.ts'))
const deps = { almanac, store, crash, clock, logger, counters }
const warehouse = legacy?.attachWarehouse(options.warehouse!, options, deps)

process.once('SIGTERM', () => {
  void almanac.stop().then(async () => {
    await other?.stop()
    tell({ kind: 'stopped', running: almanac.capacity().running })
    freezes.end()
    await almanac.shutdown()
    await Promise.all([store.close(), warehouse?.close()])
  })
})
try {
  await other?.start()
  await almanac.start()
  tell({ kind: 'working', nodeId: almanac.nodeId, now: Date.now() })
} catch (error) {
  const { code = '', message } = error as Error & { code?: string }
  tell({ kind: 'failed', code, message })
  process.exit(1)
}
