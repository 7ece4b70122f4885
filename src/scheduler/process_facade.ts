import { decoratedHandlers } from '../handler.ts'
import type { NodeRecord, Storage } from '../storage/contract.ts'
import type {
  HandlerClass,
  HandlerFunction,
  HandlerOptions,
  HandlerReference,
} from '../types/handlers.ts'
import type { HandedExecution } from '../types/engine.ts'
import type { WorkSource } from '../types/work_source.ts'
import { Chores, type Chore, type Timetable } from './chores.ts'
import { makeComponents, type Components, type SchedulerDeps } from './components.ts'
import { discoverHandlers } from './discover.ts'
import { Gate, gatedStorage } from './gate.ts'
import { Lifecycle } from './lifecycle.ts'
import type { PullerOptions } from './pullers/options.ts'
import { Pullers } from './pullers/pullers.ts'
import type { SchedulerState } from './status.ts'
import type { Handlers } from './types.ts'
import { ownChores, singleParts, workingParts, type Hook } from './working_parts.ts'

/**
 * The half of the facade that is about this process: its life from boot to
 * shutdown, its handlers, and what adapters add to it.
 */
export abstract class ProcessFacade {
  protected readonly deps: SchedulerDeps
  /** The store behind the gate. */
  protected readonly storage: Storage
  protected readonly gate: Gate
  protected readonly parts: Components
  protected readonly chores: Chores
  protected readonly pullers: Pullers
  /** Aborts at the shutdown, for those who wait. */
  protected readonly closing = new AbortController()
  readonly #working: Lifecycle
  readonly #single: Lifecycle
  readonly #hooks = { start: [] as Hook[], stop: [] as Hook[] }
  #ticking: Promise<string[]> | null = null
  #inRound = false
  /** Whether a `runOnce` outside of any life cycle left the job manager open. */
  #open = false
  /** Whether another engine has work run here: it gets its time to end. */
  #delivering = false

  constructor(deps: SchedulerDeps & { timetable: Timetable }) {
    this.deps = deps
    this.gate = new Gate(deps.storage)
    this.storage = gatedStorage(deps.storage, this.gate)
    const nodeInfo = () => ({ pullers: this.pullers.status() })
    this.parts = makeComponents({ ...deps, storage: this.storage, nodeInfo })
    const nameOf = (handler: HandlerReference) => this.parts.registry.nameOf(handler)
    this.pullers = new Pullers({ ...deps, ...this.parts, storage: this.storage, nameOf })
    this.chores = new Chores(deps)
    ownChores(this.parts, deps.config).forEach((chore) => this.chores.add(chore))
    const working = {
      ...this.parts,
      chores: this.chores,
      pullers: this.pullers,
      hooks: this.#hooks,
      config: deps.config,
      begin: () => this.#begin(),
    }
    this.#working = new Lifecycle(workingParts(working), deps)
    this.#single = new Lifecycle(singleParts(working), deps)
  }

  /** Brings the store in step with what the code defines. */
  protected abstract syncCode(): Promise<void>

  /** `<node>.<boot>` of this process. */
  get nodeId(): string {
    return this.parts.nodeId
  }

  get state(): SchedulerState {
    if (this.gate.state !== 'open') {
      return this.gate.state
    }
    return this.#working.state === 'stopped' ? 'ready' : this.#working.state
  }

  /** Called by the provider when the app boots. */
  boot(): void {
    this.gate.open()
    for (const [name, handler] of Object.entries(this.deps.config.handlers)) {
      this.parts.registry.register(name, handler)
    }
  }

  /** Called by the provider when the app ends: stops, then closes the store. */
  async shutdown(options: { deadline?: number } = {}): Promise<void> {
    if (this.gate.state === 'shut down') {
      return
    }
    try {
      await this.#stop(options)
      if (this.#open) {
        await this.parts.jobs.stop(this.#delivering ? options : { deadline: 0 })
        await this.parts.tracker.stop()
      }
    } finally {
      this.closing.abort()
      this.gate.close()
      await this.deps.storage.close()
    }
  }

  /**
   * Starts working: firing what is due (unless `enabled` is false), running
   * what is queued, housekeeping. Does nothing when it works already. A start
   * that fails undoes what it started.
   */
  async start(): Promise<void> {
    this.gate.check()
    await this.#working.start()
  }

  /**
   * Stops working. Running handlers get `deadline` ms (default: config) to
   * end; then their signals abort and their work is handed back.
   */
  async stop(options: { deadline?: number } = {}): Promise<void> {
    this.gate.check()
    await this.#stop(options)
  }

  /**
   * Fires what is due now. Calls at the same time share one tick.
   *
   * @returns ids of the executions; [] when another node leads
   */
  async tick(): Promise<string[]> {
    this.gate.check()
    this.#ticking ??= this.parts.loop.tick().finally(() => (this.#ticking = null))
    return this.#ticking
  }

  /** Claims and runs until nothing is available. @returns how many it ran */
  async runOnce(): Promise<number> {
    this.gate.check()
    this.#open = true
    return this.parts.jobs.runOnce()
  }

  /**
   * One round without starting: the chores, one tick (unless `enabled` is
   * false), and running until nothing is available. A stop ends it early.
   */
  async once(): Promise<{ fired: string[]; ran: number }> {
    this.gate.check()
    return this.#working.inTurn(async () => {
      if (this.#working.state === 'running') {
        return this.#round()
      }
      this.#inRound = true
      try {
        await this.#single.start()
        return await this.#round()
      } finally {
        this.#inRound = false
        await this.#single.stop({ deadline: 0 })
      }
    })
  }

  /**
   * Runs an execution that another engine delivers to this process, which need
   * not be working otherwise. Resolves when its end is stored.
   *
   * @returns false when it came late, or once too often: nothing was run
   * @throws E_NOT_DELIVERED when this process stops, or does not know the handler
   */
  async deliver(handed: HandedExecution): Promise<boolean> {
    this.gate.check()
    this.#open = true
    this.#delivering = true
    return this.parts.jobs.deliver(handed)
  }

  /** Looks for work again now, without waiting for the next poll. */
  wake(): void {
    this.gate.check()
    this.parts.loop.wake()
    this.parts.jobs.wake()
  }

  /** Places for executions in this process. */
  capacity(): { total: number; free: number; running: number } {
    this.gate.check()
    return this.parts.jobs.capacity()
  }

  /** The working processes that the store knows. */
  async nodes(): Promise<NodeRecord[]> {
    return this.storage.nodes.list()
  }

  /** The registered handlers, read only. */
  get handlers(): Handlers {
    this.gate.check()
    return this.parts.registry
  }

  /**
   * @param options for a function; a class carries its own in `static options`
   * @throws E_HANDLER_EXISTS when the name is taken
   */
  register(name: string, handler: HandlerClass | HandlerFunction, options?: HandlerOptions): void {
    this.gate.check()
    this.parts.registry.register(name, handler, options)
  }

  /**
   * Registers the default exports of a folder, and every decorated class.
   *
   * @throws E_HANDLER_EXISTS, E_INVALID_HANDLER
   */
  async discover(folder: URL | null): Promise<void> {
    this.gate.check()
    for (const { Class, module } of folder ? await discoverHandlers(folder) : []) {
      this.parts.registry.registerClass(Class, module)
    }
    decoratedHandlers().forEach(({ Class }) => this.parts.registry.registerClass(Class))
  }

  /** Work from elsewhere, pulled by the job manager. */
  addSource(source: WorkSource): void {
    this.gate.check()
    this.parts.jobs.addSource(source)
  }

  /**
   * Keeps the events of the source `api:<name>` in step with what an API gives.
   * Of the working processes one asks.
   *
   * @throws E_INVALID_INPUT, E_SOURCE_EXISTS
   */
  addPuller(options: PullerOptions): void {
    this.gate.check()
    this.pullers.add(options)
  }

  /** What an adapter does when this process starts working; a throw undoes the start. */
  onStart(hook: Hook): void {
    this.gate.check()
    this.#hooks.start.push(hook)
  }

  /** What an adapter does after the last execution has ended; the last call goes first. */
  onStop(hook: Hook): void {
    this.gate.check()
    this.#hooks.stop.push(hook)
  }

  /** Something to do again and again while this process works. */
  addChore(chore: Chore): void {
    this.gate.check()
    this.chores.add(chore)
  }

  async #stop(options: { deadline?: number }): Promise<void> {
    const deadline = options.deadline ?? this.deps.config.shutdown.deadline
    if (this.#inRound) {
      await this.parts.jobs.stop({ deadline })
    }
    await this.#working.stop({ deadline })
  }

  async #round(): Promise<{ fired: string[]; ran: number }> {
    await this.chores.runAll()
    await this.pullers.runAll(this.closing.signal)
    const fired = this.deps.config.enabled ? await this.tick() : []
    return { fired, ran: await this.parts.jobs.runOnce() }
  }

  async #begin(): Promise<void> {
    await this.gate.verify()
    await this.syncCode()
  }
}
