import { SystemClock } from '../../src/clock.ts'
import { readShell } from '../../src/config/core.ts'
import { ConfigReader } from '../../src/config/reader.ts'
import { Counters } from '../../src/counters.ts'
import { Scheduler } from '../../src/scheduler.ts'
import { CronTimetable } from '../../src/scheduler/cron_timetable.ts'
import { migrateSchema } from '../../src/storage/database/schema/main.ts'
import type { Storage } from '../../src/storage/contract.ts'
import type { AlmanacOptions } from '../../src/types/config.ts'
import type { Logger } from '../../src/types/logger.ts'
import { CONNECTION, openServer, storageOn } from '../../tests/helpers/server_database.ts'

const quiet = () => {}
export const LOGGER: Logger = {
  trace: quiet,
  debug: quiet,
  info: quiet,
  warn: (data, message) => console.error('warning:', message, data),
  error: (data, message) => console.error('error:', message, data),
}

export interface OpenAlmanac {
  almanac: Scheduler
  storage: Storage
  counters: Counters
  clock: SystemClock
  close(): Promise<void>
}

/** A scheduler on PostgreSQL, as an app composes it: leases, retries, events and history kept. */
export async function openAlmanac(url: string, options: AlmanacOptions): Promise<OpenAlmanac> {
  const lucid = openServer(url, { min: 2, max: 10 })
  await migrateSchema(lucid.connection(CONNECTION))
  const clock = new SystemClock()
  const counters = new Counters()
  const storage = storageOn(lucid, clock)
  const almanac = new Scheduler({
    storage,
    clock,
    logger: LOGGER,
    counters,
    notifier: { emit: quiet },
    config: readShell(new ConfigReader({ node: 'bench', ...options })).core,
    make: (Class) => new Class(),
    timetable: new CronTimetable({ logger: LOGGER }),
  })
  almanac.boot()
  return {
    almanac,
    storage,
    counters,
    clock,
    async close() {
      await almanac.shutdown()
      await lucid.manager.closeAll()
    },
  }
}
