import { setImmediate } from 'node:timers/promises'
import { E_INVALID_INPUT } from '../errors.ts'
import { LeaseBackend } from '../locks/lease_backend.ts'
import { Cancellation } from './cancellation.ts'
import { DeclaredLimits } from './declared_limits.ts'
import { Dispatcher } from './dispatcher.ts'
import { drain } from './drain.ts'
import { Enqueuer, type EnqueueOptions } from './enqueue.ts'
import { Executor } from './executor.ts'
import { handBack } from './hand_back.ts'
import { Heartbeat } from './heartbeat.ts'
import { OWN_QUEUE, OwnQueue } from './own_queue.ts'
import { Prefetch } from './prefetch.ts'
import { SeatPool } from './seat_pool.ts'
import { SourcePump, type Pullable, type SourceStatus } from './source_pump.ts'
import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import type { ExecutionTracker } from '../executions/execution_tracker.ts'
import type { EnqueueResult, Storage } from '../storage/contract.ts'
import type { CoreConfig } from '../types/config.ts'
import type { HandlerReference } from '../types/handlers.ts'
import type { LockBackend } from '../locks/backend.ts'
import type { Logger } from '../types/logger.ts'
import type { Notifier } from '../types/notifications.ts'
import type { WorkSource } from '../types/work_source.ts'
import type { HandlerRegistry } from './handler_registry.ts'
import type { Hold } from './hold.ts'

export interface JobManagerDeps {
  storage: Storage
  tracker: ExecutionTracker
  registry: HandlerRegistry
  notifier: Notifier
  clock: Clock
  logger: Logger
  config: CoreConfig
  /** `<node>.<boot>` */
  nodeId: string
  counters: Counters
  /** Where the locks of handlers are kept. Default: leases of the store. */
  locks?: LockBackend
  /** For the jitter of retries; 0 <= x < 1. */
  random?: () => number
}

/**
 * Finds work for this node and runs it: the own queue and every further
 * source, with the node's concurrency shared among them.
 */
export class JobManager {
  readonly #deps: JobManagerDeps
  readonly #seats: SeatPool
  readonly #heartbeat: Heartbeat
  readonly #dispatcher: Dispatcher
  readonly #cancellation: Cancellation
  readonly #enqueuer: Enqueuer
  readonly #limits: DeclaredLimits
  readonly #pumps = new Map<string, SourcePump>()
  readonly #sources = new Map<string, WorkSource>()
  #running = false
  #stopping: Promise<void> | null = null
  /** How often it was stopped: a single round ends with the first stop after its beginning. */
  #stops = 0

  constructor(deps: JobManagerDeps) {
    this.#deps = deps
    const { config, clock, tracker } = deps
    const slots = config.concurrency
    const prefetch = new Prefetch({ slots, max: config.prefetch })
    this.#seats = new SeatPool({ slots, prefetch, clock })
    this.#heartbeat = new Heartbeat({
      ...deps,
      lease: config.lease,
      onCancel: (hold, reason) => this.#cancellation.here(hold, reason),
    })
    const heartbeat = this.#heartbeat
    const locks = deps.locks ?? new LeaseBackend(deps)
    const executor = new Executor({ ...deps, heartbeat, locks, maxCheckpoint: config.maxPayload })
    this.#dispatcher = new Dispatcher({
      slots,
      ahead: config.prefetch,
      clock,
      executor,
      heartbeat,
      tracker,
      prefetch,
      seats: this.#seats,
      onEnded: (hold) => this.#onEnded(hold),
      onUnwanted: (holds) => void this.#handBack(holds, 'another node may be free'),
    })
    this.#cancellation = new Cancellation({ ...deps, heartbeat, dispatcher: this.#dispatcher })
    this.#enqueuer = new Enqueuer({ ...deps, wake: () => this.wake(OWN_QUEUE) })
    this.#limits = new DeclaredLimits(deps)
    this.#addPump(new OwnQueue({ ...deps, limits: this.#limits }))
  }

  /** Starts pulling. Does nothing when it pulls already. */
  async start(): Promise<void> {
    await this.#stopping
    this.#running = true
    this.#open()
    this.#pumps.forEach((pump) => pump.start())
  }

  /**
   * Drains: see `drain`. Does nothing when it was never started, or has stopped.
   *
   * @param options.deadline ms that running handlers get. Default: config
   */
  async stop(options: { deadline?: number } = {}): Promise<void> {
    const deadline = options.deadline ?? this.#deps.config.shutdown.deadline
    this.#stopping ??= this.#drain(deadline).finally(() => (this.#stopping = null))
    return this.#stopping
  }

  /** There may be work now: of one source, or of all. */
  wake(source?: string): void {
    const pumps = source === undefined ? this.#pumps.values() : [this.#pumps.get(source)]
    for (const pump of pumps) {
      pump?.nudge()
    }
  }

  /** Pauses or limits were changed by this process: it need not wait for the next beat. */
  controlsChanged(): void {
    this.#limits.forget()
    this.wake()
  }

  /**
   * Adds a further source of work; it is pulled from now on while the manager runs.
   *
   * @throws E_INVALID_INPUT when the name is taken
   */
  addSource(source: WorkSource): void {
    if (this.#pumps.has(source.name)) {
      const message = 'another source has this name; give each its own'
      throw new E_INVALID_INPUT('The source of work', [
        { field: 'name', value: source.name, message },
      ])
    }
    this.#sources.set(source.name, source)
    const pump = this.#addPump(source)
    if (this.#running) {
      pump.start()
    }
  }

  /**
   * Enqueues one execution.
   *
   * @returns `inserted: false` when an open execution holds the dedupe key; the id is that one's
   * @throws E_UNKNOWN_HANDLER, E_INVALID_INPUT, E_EMPTY_KEY, E_PAYLOAD_NOT_JSON,
   * E_PAYLOAD_TOO_LARGE, E_CLIENT_MISMATCH
   */
  async enqueue(
    handler: HandlerReference,
    payload: unknown,
    options: EnqueueOptions = {}
  ): Promise<EnqueueResult> {
    return this.#enqueuer.enqueue(handler, payload, options)
  }

  /**
   * Cancels a queued execution, or asks a running one to stop.
   *
   * @returns what was done; null when it had ended already
   * @throws E_EXECUTION_NOT_FOUND
   */
  async cancel(
    id: string,
    options: { reason?: string; by?: string } = {}
  ): Promise<'cancelled' | 'requested' | null> {
    return this.#cancellation.cancel(id, options)
  }

  /**
   * Pulls and runs until nothing is available and everything has ended, or
   * until `stop` is called.
   *
   * @returns how many executions were claimed
   * @throws the failure of a source that still fails in the last round, after
   * the others have had their turn
   */
  async runOnce(): Promise<number> {
    await this.#stopping
    this.#open()
    const before = this.#dispatcher.accepted
    const failures = new Map<SourcePump, unknown>()
    const stops = this.#stops
    while (this.#stops === stops) {
      // An end during the pull may have freed a key that the pull still found taken
      const idle = this.#dispatcher.active === 0
      const found = await this.#pullAll(failures)
      if (found === 0 && idle && this.#dispatcher.active === 0) {
        break
      }
      // Handlers have their turn, also beside a source that finds the same again and again
      const waits = found === 0 && this.#dispatcher.active > 0 && this.#stops === stops
      await (waits ? this.#dispatcher.nextEnd() : setImmediate())
    }
    for (const failure of failures.values()) {
      throw failure
    }
    return this.#dispatcher.accepted - before
  }

  /** Places for executions on this node. */
  capacity(): { total: number; free: number; running: number } {
    const total = this.#deps.config.concurrency
    const { running } = this.#dispatcher
    return { total, free: total - running, running }
  }

  /** How the sources of work fare, the own queue first. */
  sources(): SourceStatus[] {
    return [...this.#pumps.values()].map(({ status }) => status)
  }

  /** Resolves when nothing is held here any more and all ends are stored. */
  async idle(): Promise<void> {
    await this.#dispatcher.idle()
    await this.#deps.tracker.flush()
  }

  #open(): void {
    this.#deps.tracker.open()
    this.#heartbeat.start()
    this.#dispatcher.open()
  }

  async #drain(deadline: number): Promise<void> {
    this.#running = false
    this.#stops++
    const parts = { dispatcher: this.#dispatcher, heartbeat: this.#heartbeat }
    const pumps = [...this.#pumps.values()]
    const giveBack = (holds: Hold[], reason: string) => this.#handBack(holds, reason)
    await drain({ ...this.#deps, ...parts, pumps, handBack: giveBack }, deadline)
    this.#dispatcher.letGo()
  }

  #addPump(source: Pullable): SourcePump {
    // The own queue needs no such look: its claim itself takes nothing then
    const isStopped = source.name === OWN_QUEUE ? undefined : () => this.#limits.isStopped()
    const deps = { ...this.#deps, dispatcher: this.#dispatcher, seats: this.#seats, isStopped }
    const pump = new SourcePump(deps, source)
    this.#pumps.set(source.name, pump)
    return pump
  }

  async #pullAll(failures: Map<SourcePump, unknown>): Promise<number> {
    let found = 0
    for (const pump of this.#pumps.values()) {
      try {
        found += await pump.pullOnce()
        failures.delete(pump)
      } catch (error) {
        pump.noteFailure(error)
        failures.set(pump, error)
      }
    }
    return found
  }

  #handBack(holds: Hold[], reason: string): Promise<void> {
    return handBack(holds, reason, {
      ...this.#deps,
      dispatcher: this.#dispatcher,
      sourceOf: (name) => this.#sources.get(name),
    })
  }

  /** A key, or a place within a limit, is free again: what waited for it may be claimed now. */
  #onEnded(hold: Hold): void {
    const { concurrencyKey, handler } = hold.execution
    if (concurrencyKey !== null || this.#limits.isLimited(handler)) {
      this.wake(OWN_QUEUE)
      this.wake(hold.source)
    }
  }
}
