import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import { EventManager } from '../events/event_manager.ts'
import { ExecutionTracker } from '../executions/execution_tracker.ts'
import { Housekeeper } from '../housekeeping/housekeeper.ts'
import { HandlerRegistry } from '../jobs/handler_registry.ts'
import { OWN_QUEUE } from '../jobs/lane.ts'
import { JobManager } from '../jobs/job_manager.ts'
import { SchedulerLoop } from '../loop/scheduler_loop.ts'
import type { Storage } from '../storage/contract.ts'
import { calendarsOf } from '../triggers/exclude.ts'
import { StoreListener } from './store_watch.ts'
import { TriggerManager } from '../triggers/trigger_manager.ts'
import type { CoreConfig } from '../types/config.ts'
import type { Engine } from '../types/engine.ts'
import type { LockBackend } from '../locks/backend.ts'
import type { HandlerClass, HandlerContract, Isolator } from '../types/handlers.ts'
import type { JsonObject } from '../types/json.ts'
import type { Logger } from '../types/logger.ts'
import type { Notifier } from '../types/notifications.ts'

/** What the composition root gives to the facade. */
export interface SchedulerDeps {
  storage: Storage
  clock: Clock
  logger: Logger
  notifier: Notifier
  counters: Counters
  config: CoreConfig
  /** Makes a handler's instance, through the host's container. */
  make: (Class: HandlerClass) => Promise<HandlerContract> | HandlerContract
  /** The host's locks; default: leases of the store. */
  locks?: LockBackend
  isolator?: Isolator
  /** Runs the queues that config gives to another engine. */
  engine?: Engine
}

export type Components = ReturnType<typeof makeComponents>

/**
 * Wires the components of one process.
 */
export function makeComponents(deps: SchedulerDeps & { nodeInfo: () => JsonObject }) {
  const { storage, clock, logger, notifier, counters, config, locks, isolator, engine } = deps
  const nodeId = `${config.node}.${randomBytes(4).toString('hex')}`
  const shared = { storage, clock, logger, notifier, config, nodeId }

  const registry = new HandlerRegistry({ defaults: config, make: deps.make, isolator })
  const triggers = new TriggerManager({ calendars: calendarsOf(config.calendars) })
  const tracker = new ExecutionTracker({ ...shared, counters })
  const jobs = new JobManager({ ...shared, tracker, registry, counters, locks, engine })
  const loop = new SchedulerLoop({
    ...shared,
    triggers,
    counters,
    handlers: registry,
    wakeJobs: () => jobs.wake(),
    absorb: (event, found) => events.absorb(event, found),
    children: { attach: (executions) => events.children.attach(executions) },
  })
  const events = new EventManager({
    storage,
    triggers,
    notifier,
    clock,
    logger,
    config,
    handlers: registry,
    wake: () => {
      loop.wake()
      jobs.wake()
    },
  })
  const housekeeper = new Housekeeper({
    ...shared,
    registry,
    counters,
    mayLead: () => loop.started,
    nodeInfo: deps.nodeInfo,
  })
  const listener = new StoreListener({
    storage,
    clock,
    logger,
    counters,
    wake: { work: () => jobs.wake(OWN_QUEUE), events: () => loop.wake() },
  })
  return { nodeId, registry, triggers, tracker, jobs, loop, events, housekeeper, listener }
}
