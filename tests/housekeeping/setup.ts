import { Counters } from '../../src/counters.ts'
import { Housekeeper } from '../../src/housekeeping/housekeeper.ts'
import { HandlerRegistry } from '../../src/jobs/handler_registry.ts'
import { newId } from '../../src/ids.ts'
import { Announced, config, createStore, LineLogger, newExecution } from '../jobs/setup.ts'
import type { NewEvent, NewExecution } from '../../src/storage/contract.ts'
import type { ChaosStorage } from '../../src/testing/chaos_storage.ts'
import type { ManualClock } from '../../src/testing/manual_clock.ts'
import type { CoreConfig } from '../../src/types/config.ts'
import type { Outcome } from '../../src/types/executions.ts'

export interface HousekeeperOptions {
  store?: ReturnType<typeof createStore>
  /** A clock of the process's own. */
  clock?: ManualClock
  nodeId?: string
  config?: Partial<CoreConfig>
}

export function createHousekeeper(options: HousekeeperOptions = {}) {
  const store = options.store ?? createStore()
  const clock = options.clock ?? store.clock
  const merged: CoreConfig = { ...config, ...options.config }
  const registry = new HandlerRegistry({ defaults: merged, make: (Class) => new Class() })
  const parts = { logger: new LineLogger(), notifier: new Announced(), counters: new Counters() }
  const nodeId = options.nodeId ?? 'test.00000001'
  const { storage } = store
  const housekeeper = new Housekeeper({
    ...parts,
    storage,
    clock,
    nodeId,
    registry,
    config: merged,
  })
  return { ...parts, store, storage, clock, registry, nodeId, housekeeper }
}

export function retention(change: Partial<CoreConfig['housekeeping']['retention']>) {
  return {
    housekeeping: {
      ...config.housekeeping,
      retention: { ...config.housekeeping.retention, ...change },
    },
  }
}

/** An execution that is running on a node. */
export async function running(
  storage: ChaosStorage,
  clock: ManualClock,
  change: Partial<NewExecution> = {},
  node = 'dead.00000009'
) {
  const [birth] = await storage.executions.insertRunning({
    now: clock.now(),
    executions: [newExecution(change)],
    node,
    lease: config.lease.ttl,
  })
  if (!birth.inserted) {
    throw new Error('The execution was not inserted')
  }
  return birth.execution
}

/** Executions that have ended now. */
export async function ended(
  storage: ChaosStorage,
  clock: ManualClock,
  count: number,
  change: Partial<NewExecution> & { to?: Exclude<Outcome, 'skipped'> } = {}
) {
  const { to = 'succeeded', ...rest } = change
  const ids: string[] = []
  for (let index = 0; index < count; index++) {
    const execution = await running(storage, clock, rest)
    const { id, node, attempt } = execution
    await storage.executions.settle({
      now: clock.now(),
      settlements: [{ id, node: node!, attempt, to, startedAt: clock.now() }],
    })
    ids.push(id)
  }
  return ids
}

export function newEvent(name: string, change: Partial<NewEvent> = {}): NewEvent {
  return {
    id: newId(),
    name,
    source: 'api',
    sourceKey: name,
    sourceHash: null,
    handler: 'work',
    payload: null,
    trigger: { kind: 'interval', every: 60_000 },
    status: 'active',
    statusBy: 'user',
    queue: null,
    priority: null,
    misfire: { policy: 'once', grace: 0, cap: 1 },
    overlap: 'wait',
    onResume: 'skip',
    concurrencyKey: null,
    timeout: null,
    retries: null,
    maxRuns: null,
    nextRunAt: null,
    pausedAt: null,
    ...change,
  }
}
