import type { Clock } from '../../../src/clock.ts'
import type { Counters } from '../../../src/counters.ts'
import { LegacyAdapter } from '../../../src/legacy/adapter.ts'
import { resolveLegacyConfig } from '../../../src/legacy/config.ts'
import type { Scheduler } from '../../../src/scheduler.ts'
import type { HandlerContext } from '../../../src/types/handlers.ts'
import type { Logger } from '../../../src/types/logger.ts'
import { legacyDriver } from '../../helpers/legacy_database.ts'
import { crashingDriver, type CrashPoints } from './crash_points.ts'
import { openWarehouse, type OpenStore, type WarehouseTarget } from './databases.ts'
import type { NodeOptions } from './protocol.ts'

interface LedgerPayload {
  prcid: number
  mapref: string
  params: { param1: string | null }
}

interface Deps {
  almanac: Scheduler
  store: OpenStore
  crash: CrashPoints
  clock: Clock
  logger: Logger
  counters: Counters
}

/** Gives a node legacy tables to work on, and handlers that write into the ledger there. */
export function attachWarehouse(
  target: WarehouseTarget,
  { pollInterval = 100, python }: Pick<NodeOptions, 'pollInterval' | 'python'>,
  { almanac, store, crash, clock, logger, counters }: Deps
): { close(): Promise<void> } {
  const warehouse = openWarehouse(target, store)
  const ledger =
    (point: 'inside an idempotent flow' | 'inside another flow') =>
    async ({ payload }: HandlerContext) => {
      const { prcid, mapref, params } = payload as LedgerPayload
      const sql = 'insert into LEDGER (PRCID, MAPREF, REQUEST) values (?, ?, ?)'
      await warehouse.session.query(sql, [prcid, mapref, params.param1])
      crash.reached(point)
    }
  almanac.register('ledger.again', ledger('inside an idempotent flow'), { idempotent: true })
  almanac.register('ledger.once', ledger('inside another flow'))
  const { sources } = resolveLegacyConfig({
    sources: {
      dw: {
        connection: 'warehouse',
        timezone: 'UTC',
        pollInterval,
        runners: { sql: true, python },
        handlers: [
          { mapref: /^I/, handler: 'ledger.again' },
          { mapref: /^O/, handler: 'ledger.once' },
          { mapref: /^W/, handler: 'wait' },
        ],
      },
    },
  })
  new LegacyAdapter({
    scheduler: almanac,
    config: sources.get('dw')!,
    client: warehouse.client,
    driver: crashingDriver(legacyDriver, crash),
    clock,
    logger,
    counters,
  }).attach()
  return warehouse
}
