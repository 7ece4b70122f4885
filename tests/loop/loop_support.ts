import { Counters } from '../../src/counters.ts'
import { SchedulerLoop } from '../../src/loop/scheduler_loop.ts'
import { MemoryStorage } from '../../src/storage/memory/main.ts'
import { ChaosStorage } from '../../src/testing/chaos_storage.ts'
import { ManualClock } from '../../src/testing/manual_clock.ts'
import { TriggerManager } from '../../src/triggers/trigger_manager.ts'
import { handlers, Lines, Notices } from '../events/support.ts'
import { dueEvent, START } from './support.ts'
import type { Clock } from '../../src/clock.ts'
import type { EventRecord } from '../../src/types/events.ts'
import type { KnownHandlers } from '../../src/loop/slot_execution.ts'
import type { NewEvent, Storage } from '../../src/storage/contract.ts'

export const CONFIG = {
  leader: { ttl: 15_000, renew: 5_000 },
  lease: { ttl: 30_000, renew: 10_000 },
  leaderPriority: 0,
  tickBatch: 10,
  tickMax: 1_000,
  profiles: {},
}

/** A store that several nodes share, and the clock of its database. */
export function makeStore(now = START) {
  const clock = new ManualClock(now)
  const memory = new MemoryStorage({ clock })
  return { clock, memory }
}

export interface NodeOptions {
  storage: Storage
  clock: Clock
  nodeId?: string
  known?: KnownHandlers
  tickBatch?: number
  leaderPriority?: number
  absorb?: (event: EventRecord, found: string) => Promise<void>
}

/** One node's loop, and what it told. */
export function makeNode(options: NodeOptions) {
  const { storage, clock, nodeId = 'a.00000001', known, tickBatch } = options
  const { leaderPriority = CONFIG.leaderPriority } = options
  const chaos = new ChaosStorage(storage)
  const notices = new Notices()
  const logger = new Lines()
  const counters = new Counters()
  const jobs = { woken: 0 }
  const loop = new SchedulerLoop({
    storage: chaos,
    triggers: new TriggerManager(),
    notifier: notices,
    clock,
    logger,
    config: { ...CONFIG, leaderPriority, tickBatch: tickBatch ?? CONFIG.tickBatch },
    nodeId,
    handlers: known ?? handlers,
    wakeJobs: () => (jobs.woken += 1),
    absorb: options.absorb ?? (async () => {}),
    children: { attach: async (executions) => executions },
    counters,
  })
  return { chaos, notices, logger, counters, jobs, loop, nodeId }
}

/** One store with one node on it. */
export function setup(options: Partial<NodeOptions> = {}) {
  const { clock, memory } = makeStore()
  const node = makeNode({ storage: memory, clock, ...options })
  const executions = async (eventId = 'event-1') => {
    const rows = await memory.executions.list({ eventId, limit: 10_000 })
    return rows.sort((a, b) => a.slot! - b.slot!)
  }
  const kinds = async () => {
    const rows = await memory.journal.read({ after: 0, limit: 1_000 })
    return rows.map(({ kind }) => kind)
  }
  return { ...node, clock, memory, executions, kinds }
}

/** Stores an event of a 1 s interval. */
export async function addEvent(
  storage: Storage,
  clock: Clock,
  overrides: Partial<NewEvent> = {}
): Promise<string> {
  const { openQueued, openRunning, ...columns } = dueEvent()
  const id = overrides.id ?? columns.id
  const event = { ...columns, id, name: id, sourceKey: id, ...overrides }
  await storage.events.insert({ now: clock.nowOrNull(), event })
  return id
}
