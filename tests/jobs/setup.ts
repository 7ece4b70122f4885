import { Counters } from '../../src/counters.ts'
import { ExecutionTracker } from '../../src/executions/execution_tracker.ts'
import { HandlerRegistry } from '../../src/jobs/handler_registry.ts'
import { JobManager } from '../../src/jobs/job_manager.ts'
import { newId } from '../../src/ids.ts'
import { MemoryStorage } from '../../src/storage/memory/main.ts'
import { ChaosStorage } from '../../src/testing/chaos_storage.ts'
import { ManualClock } from '../../src/testing/manual_clock.ts'
import type { NewExecution, Storage } from '../../src/storage/contract.ts'
import type { CoreConfig } from '../../src/types/config.ts'
import type { Engine } from '../../src/types/engine.ts'
import type { ExecutionRecord } from '../../src/types/executions.ts'
import type { HandlerClass, HandlerFunction, HandlerOptions } from '../../src/types/handlers.ts'
import type { Logger } from '../../src/types/logger.ts'
import type { AlmanacEvents, Notifier } from '../../src/types/notifications.ts'

const WEEK = 7 * 86_400_000
const MONTH = 30 * 86_400_000

export const config: CoreConfig = {
  node: 'test',
  enabled: true,
  concurrency: 4,
  prefetch: 0,
  queues: null,
  queueSettings: {},
  queuePlaces: {},
  poll: { min: 100, max: 1_000 },
  lease: { ttl: 30_000, renew: 10_000 },
  leader: { ttl: 15_000, renew: 5_000 },
  leaderPriority: 0,
  maxClockSkew: 5_000,
  tickBatch: 100,
  tickMax: 1_000,
  timeout: null,
  retry: { retries: 0, backoff: 'fixed', delay: 1_000, maxDelay: 60_000, jitter: 0 },
  locks: 'auto',
  maxRescues: 5,
  maxMeta: 1_000,
  profiles: {},
  changeCheckInterval: 60_000,
  maxPayload: 10_000,
  maxResult: 1_000,
  logLevel: 'trace',
  shutdown: { deadline: 20_000 },
  housekeeping: {
    interval: 15_000,
    batch: 10,
    retention: {
      outcomes: {
        succeeded: { age: WEEK },
        failed: { age: MONTH },
        timed_out: { age: MONTH },
        abandoned: { age: MONTH },
        cancelled: { age: WEEK },
        missed: { age: WEEK },
        skipped: { age: WEEK },
      },
      journal: 90 * 86_400_000,
      totals: 730 * 86_400_000,
    },
  },
  handlers: {},
  calendars: {},
}

export interface LogLine {
  level: string
  message: string
  data: Record<string, unknown>
}

/** A logger that keeps its lines. */
export class LineLogger implements Logger {
  readonly lines: LogLine[] = []
  trace = this.#at('trace')
  debug = this.#at('debug')
  info = this.#at('info')
  warn = this.#at('warn')
  error = this.#at('error')

  /** Messages of one level. */
  of(level: string): string[] {
    return this.lines.filter((line) => line.level === level).map(({ message }) => message)
  }

  #at(level: string) {
    return (data: object, message: string) => {
      this.lines.push({ level, message, data: data as Record<string, unknown> })
    }
  }
}

/** A notifier that keeps what was announced. */
export class Announced implements Notifier {
  readonly all: { name: keyof AlmanacEvents; data: AlmanacEvents[keyof AlmanacEvents] }[] = []

  emit<K extends keyof AlmanacEvents>(name: K, data: AlmanacEvents[K]): void {
    this.all.push({ name, data })
  }

  of<K extends keyof AlmanacEvents>(name: K): AlmanacEvents[K][] {
    return this.all
      .filter((event) => event.name === name)
      .map(({ data }) => data as AlmanacEvents[K])
  }

  names(): string[] {
    return this.all.map(({ name }) => name)
  }
}

export function newExecution(change: Partial<NewExecution> = {}): NewExecution {
  return {
    id: newId(),
    eventId: null,
    handler: 'work',
    queue: 'default',
    origin: 'enqueue',
    payload: null,
    priority: 5,
    slot: null,
    slotKey: null,
    rerunOf: null,
    dedupeKey: null,
    concurrencyKey: null,
    availableAt: null,
    timeout: null,
    retries: null,
    ...change,
  }
}

/** A store that can fail, with its clock. */
export function createStore() {
  const clock = new ManualClock()
  const storage = new ChaosStorage(new MemoryStorage({ clock }))
  return { clock, storage }
}

/** A tracker on a store, and what it said. */
export function createTracker(
  { clock, storage }: { clock: ManualClock; storage: Storage } = createStore(),
  nodeId = 'test.00000001'
) {
  const logger = new LineLogger()
  const notifier = new Announced()
  const counters = new Counters()
  const tracker = new ExecutionTracker({
    storage,
    notifier,
    clock,
    logger,
    nodeId,
    config,
    counters,
  })
  return { tracker, logger, notifier, counters, nodeId }
}

export interface NodeOptions {
  store?: { clock: ManualClock; storage: ChaosStorage }
  /** A clock of the node's own: its process may stand still while others go on. */
  clock?: ManualClock
  config?: Partial<CoreConfig>
  nodeId?: string
  handlers?: Record<string, HandlerFunction | HandlerClass>
  options?: HandlerOptions
  engine?: Engine
}

/** A job manager with all that it needs, and what they said. */
export function createNode(options: NodeOptions = {}) {
  const store = options.store ?? createStore()
  const clock = options.clock ?? store.clock
  const { storage } = store
  const parts = createTracker({ clock, storage }, options.nodeId)
  const nodeConfig = { ...config, ...options.config }
  const registry = new HandlerRegistry({ defaults: nodeConfig, make: (Class) => new Class() })
  for (const [name, handler] of Object.entries(options.handlers ?? {})) {
    registry.register(name, handler, options.options)
  }
  const jobs = new JobManager({
    ...parts,
    storage,
    clock,
    registry,
    config: nodeConfig,
    engine: options.engine,
    random: () => 0,
  })
  return { ...parts, storage, clock, registry, jobs }
}

/** A promise that the test resolves, and whether it was waited for. */
export function gate<T = void>() {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  return { promise, open: resolve, fail: reject }
}

/** Rejects when the signal aborts, as a handler that looks at it does. */
export function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

/** Executions that are claimed by the node. */
export async function claimed(
  storage: Storage,
  clock: ManualClock,
  changes: Partial<NewExecution>[],
  node = 'test.00000001'
): Promise<ExecutionRecord[]> {
  const now = clock.nowOrNull()
  const executions = changes.map((change) => newExecution(change))
  await storage.executions.enqueue({ now, executions })
  return storage.executions.claim({
    now,
    limit: executions.length,
    handlers: [...new Set(executions.map(({ handler }) => handler))],
    node,
    lease: config.lease.ttl,
  })
}
