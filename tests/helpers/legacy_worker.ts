import { argv, stdout } from 'node:process'
import { SystemClock } from '../../src/clock.ts'
import { ConfigReader } from '../../src/config/reader.ts'
import { readShell } from '../../src/config/core.ts'
import { Counters } from '../../src/counters.ts'
import { LegacyAdapter } from '../../src/legacy/adapter.ts'
import { resolveLegacyConfig } from '../../src/legacy/config.ts'
import type { LegacyRequestPayload } from '../../src/legacy/types/requests.ts'
import { Scheduler } from '../../src/scheduler.ts'
import { CronTimetable } from '../../src/scheduler/cron_timetable.ts'
import { DatabaseStorage } from '../../src/storage/database/main.ts'
import { EventRecorder } from '../../src/testing/event_recorder.ts'
import type { Logger } from '../../src/types/logger.ts'
import { legacyDriver } from './legacy_database.ts'
import { CONNECTION, openDatabase } from './server_database.ts'

/**
 * A worker process for crash.spec.ts, with leases short enough for a test. It
 * works until it is killed, or drains on SIGTERM.
 *
 *   legacy_worker.ts <store url> <warehouse url> [<further config of the source, JSON>]
 *
 * One database has one pool for both.
 */
const [, , storeUrl, warehouseUrl, further = '{}'] = argv
const clock = new SystemClock()
const counters = new Counters()
const ignore = () => {}
const print = (data: object, message: string) => {
  const { err } = data as { err?: Error }
  process.stderr.write(`${message} ${err?.stack ?? JSON.stringify(data)}\n`)
}
const logger: Logger = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: print }

const { core } = readShell(
  new ConfigReader({
    node: 'worker',
    concurrency: 8,
    prefetch: 16,
    poll: { min: 10, max: 100 },
    lease: { ttl: 1_500, renew: 400 },
    leader: { ttl: 1_500, renew: 400 },
    maxRescues: 50,
  })
)
const lucid = openDatabase(storeUrl)
const almanac = new Scheduler({
  storage: new DatabaseStorage({
    client: lucid.connection(CONNECTION),
    connectionName: CONNECTION,
    logger,
  }),
  clock,
  logger,
  counters,
  notifier: new EventRecorder(),
  config: core,
  make: (Class) => new Class(),
  timetable: new CronTimetable({ logger }),
})
almanac.boot()
almanac.register('upload', ({ payload }) => {
  const { mapref, payload: given } = payload as LegacyRequestPayload<{ rows: number }>
  return { mapref, rows: given.rows }
})

const { sources } = resolveLegacyConfig({
  sources: {
    dw: {
      connection: 'warehouse',
      timezone: 'UTC',
      maxPayload: 10_000,
      pollInterval: 100,
      runners: { sql: true },
      ...(JSON.parse(further) as object),
    },
  },
})
const warehouse = storeUrl === warehouseUrl ? lucid : openDatabase(warehouseUrl)
new LegacyAdapter({
  scheduler: almanac,
  config: sources.get('dw')!,
  client: warehouse.connection(CONNECTION),
  driver: legacyDriver,
  clock,
  logger,
  counters,
}).attach()

process.once('SIGTERM', () => {
  void almanac
    .shutdown({ deadline: 5_000 })
    .then(() => Promise.all([lucid, warehouse].map(({ manager }) => manager.closeAll())))
})
await almanac.start()
stdout.write('working\n')
