import { E_INVALID_INPUT } from '../errors.ts'
import { LeaseBackend } from '../locks/lease_backend.ts'
import { CANCELLED, Cancellation } from './cancellation.ts'
import { DeclaredLimits } from './declared_limits.ts'
import { Dispatcher } from './dispatcher.ts'
import { drain } from './drain.ts'
import { EngineSide } from './engine/main.ts'
import { HandOver } from './engine/hand_over.ts'
import { Enqueuer, type EnqueueOptions } from './enqueue.ts'
import { Executor } from './executor.ts'
import { handBack } from './hand_back.ts'
import { Heartbeat } from './heartbeat.ts'
import { lanesOf, OWN_QUEUE, type Lane } from './lane.ts'
import { OwnQueue } from './own_queue.ts'
import { singleRound } from './single_round.ts'
import { Pumps } from './pumps.ts'
import type { SourceStatus } from './source_pump.ts'
import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import type { ExecutionTracker } from '../executions/execution_tracker.ts'
import type { EnqueueResult, NewExecution, Storage } from '../storage/contract.ts'
import type { CoreConfig } from '../types/config.ts'
import type { HandlerReference } from '../types/handlers.ts'
import type { Engine, HandedExecution } from '../types/engine.ts'
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
  /** Runs the queues whose executor is another engine. */
  engine?: Engine
  /** For the jitter of retries; 0 <= x < 1. */
  random?: () => number
}

/**
 * Finds work for this node and runs it: the own queue and every further
 * source, with the node's concurrency shared among them.
 */
export class JobManager {
  readonly #deps: JobManagerDeps
  /** The one that all share first. */
  readonly #lanes: [Lane, ...Lane[]]
  readonly #heartbeat: Heartbeat
  readonly #dispatcher: Dispatcher
  readonly #cancellation: Cancellation
  readonly #enqueuer: Enqueuer
  readonly #limits: DeclaredLimits
  readonly #engine: EngineSide
  readonly #pumps: Pumps
  readonly #sources = new Map<string, WorkSource>()
  #running = false
  #stopping: Promise<void> | null = null
  /** How often it was stopped: a single round ends with the first stop after its beginning. */
  #stops = 0

  constructor(deps: JobManagerDeps) {
    this.#deps = deps
    const { config, clock, tracker } = deps
    this.#lanes = lanesOf(config, clock)
    this.#heartbeat = new Heartbeat({
      ...deps,
      lease: config.lease,
      onCancel: (hold, reason) => this.#cancellation.here(hold, reason),
    })
    const heartbeat = this.#heartbeat
    const locks = deps.locks ?? new LeaseBackend(deps)
    const executor = new Executor({ ...deps, heartbeat, locks, maxCheckpoint: config.maxPayload })
    this.#dispatcher = new Dispatcher({
      lanes: this.#lanes,
      clock,
      executor,
      heartbeat,
      tracker,
      onEnded: (hold) => this.#onEnded(hold),
      onUnwanted: (holds) => void this.#handBack(holds, 'another node may be free'),
    })
    this.#cancellation = new Cancellation({ ...deps, heartbeat, dispatcher: this.#dispatcher })
    this.#enqueuer = new Enqueuer({ ...deps, wake: () => this.wake(OWN_QUEUE) })
    this.#limits = new DeclaredLimits(deps)
    this.#pumps = new Pumps({ ...deps, dispatcher: this.#dispatcher, limits: this.#limits })
    for (const lane of this.#lanes.filter(
      ({ slots, queues }) => slots > 0 && queues?.length !== 0
    )) {
      this.#pumps.add(new OwnQueue({ ...deps, lane, limits: this.#limits }), lane)
    }
    this.#engine = new EngineSide({
      ...deps,
      limits: this.#limits,
      dispatcher: this.#dispatcher,
      lane: this.#lanes[0],
    })
    this.#engine.handOvers.forEach((each) => this.#pumps.add(each, each.lane, each))
  }

  /** Starts pulling. Does nothing when it pulls already. */
  async start(): Promise<void> {
    await this.#stopping
    this.#running = true
    this.#open()
    this.#pumps.all.forEach((pump) => pump.start())
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
    this.#pumps.wake(source)
  }

  /** Pauses or limits were changed by this process: it need not wait for the next beat. */
  controlsChanged(): void {
    this.#limits.forget()
    this.wake()
  }

  /**
   * Adds a further source of work; it is pulled from now on while the manager runs.
   *
   * @throws E_INVALID_INPUT when the name is taken, or queues with places of
   * their own leave none for it
   */
  addSource(source: WorkSource): void {
    const [shared] = this.#lanes
    const message = this.#pumps.has(source.name)
      ? 'another source has this name; give each its own'
      : 'the queues have all places of this node for themselves; raise concurrency'
    if (this.#pumps.has(source.name) || shared.slots === 0) {
      throw new E_INVALID_INPUT('The source of work', [
        { field: 'name', value: source.name, message },
      ])
    }
    this.#sources.set(source.name, source)
    const pump = this.#pumps.add(source, shared)
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

  /** The execution that `enqueue` would insert; throws as it does. */
  plan(handler: HandlerReference, payload: unknown, options: EnqueueOptions = {}): NewExecution {
    return this.#enqueuer.plan(handler, payload, options)
  }

  /** Inserts planned executions with their children, in one transaction. @throws E_CLIENT_MISMATCH */
  async enqueueRun(executions: NewExecution[], client?: unknown): Promise<void> {
    return this.#enqueuer.enqueueRun(executions, client)
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
    const done = await this.#cancellation.cancel(id, options)
    if (done === 'cancelled') {
      // What runs after it in any case may begin
      this.wake(OWN_QUEUE)
    } else if (done === 'requested') {
      await this.#engine.cancel(id, options.reason ?? CANCELLED)
    }
    return done
  }

  /**
   * Runs an execution that another engine delivers, whatever the free slots.
   * Resolves when its end is stored.
   *
   * @returns false when it came late, or once too often: nothing was run
   * @throws E_NOT_DELIVERED when this process cannot run it, or what the store throws
   */
  async deliver(handed: HandedExecution): Promise<boolean> {
    return this.#engine.deliver(handed)
  }

  /**
   * Pulls and runs until nothing is available and everything has ended, or
   * until `stop` is called.
   *
   * What is for another engine stays in the queue.
   *
   * @returns how many executions were claimed
   * @throws the failure of a source that still fails in the last round, after
   * the others have had their turn
   */
  async runOnce(): Promise<number> {
    await this.#stopping
    this.#open()
    const before = this.#dispatcher.accepted
    const stops = this.#stops
    await singleRound({
      // Nobody would keep the leases of what was handed over
      pumps: this.#pumps.all.filter(({ source }) => !(source instanceof HandOver)),
      dispatcher: this.#dispatcher,
      isStopped: () => this.#stops !== stops,
    })
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
    return this.#pumps.all.map(({ status }) => status)
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
    const pumps = this.#pumps.all
    const giveBack = (holds: Hold[], reason: string) => this.#handBack(holds, reason)
    await drain({ ...this.#deps, ...parts, pumps, handBack: giveBack }, deadline)
    this.#dispatcher.letGo()
  }

  #handBack(holds: Hold[], reason: string): Promise<void> {
    return handBack(holds, reason, {
      ...this.#deps,
      dispatcher: this.#dispatcher,
      sourceOf: (name) => this.#sources.get(name),
    })
  }

  /** A key, a place within a limit or for what is limited, is free, or a parent has ended. */
  #onEnded(hold: Hold): void {
    const { concurrencyKey, workflowId } = hold.execution
    const hasLimits = this.#limits.limited.size > 0
    // Another node may have enqueued what a limit holds back since the queue was last looked at
    if (workflowId !== null || hasLimits) {
      this.wake(OWN_QUEUE)
    }
    if (concurrencyKey !== null || workflowId !== null || hasLimits) {
      this.#pumps.freed(hold.source)
    }
  }
}
