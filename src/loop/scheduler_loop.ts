import { tickChannel } from '../telemetry/channels.ts'
import { EventProblems } from './event_problems.ts'
import { Leader, LEADER_LEASE } from './leader.ts'
import { defaultsOf, type KnownHandlers } from './slot_execution.ts'
import { Tick, type TickDeps, type TickResult } from './tick.ts'
import { Succession } from './succession.ts'
import { Ticker } from './ticker.ts'
import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import type { Storage } from '../storage/contract.ts'
import type { TriggerManager } from '../triggers/trigger_manager.ts'
import type { CoreConfig } from '../types/config.ts'
import type { EventRecord } from '../types/events.ts'
import type { Logger } from '../types/logger.ts'
import type { Notifier } from '../types/notifications.ts'

export interface SchedulerLoopDeps {
  storage: Storage
  triggers: TriggerManager
  notifier: Notifier
  clock: Clock
  logger: Logger
  config: Pick<
    CoreConfig,
    'leader' | 'lease' | 'leaderPriority' | 'tickBatch' | 'tickMax' | 'profiles'
  >
  nodeId: string
  /** The registry: a scheduled run goes to the queue that its handler's options name. */
  handlers?: KnownHandlers
  /** Called when executions were queued. */
  wakeJobs: () => void
  counters: Counters
  /** Takes over what plain SQL did to an event, before it is fired. */
  absorb: (event: EventRecord, found: string) => Promise<void>
  /** Finds what runs after executions of events. */
  children: TickDeps['children']
}

const FIRST_RETRY = 100
const LONGEST_RETRY = 10_000
/** After another node or an edit moved an event under this tick's hands. */
const CONTESTED_DELAY = 100

/**
 * Fires what is due while this node leads. It sleeps until the next slot, by
 * the database's clock as last seen plus monotonic time since, so neither a
 * clock step nor the length of a tick shifts a slot.
 */
export class SchedulerLoop {
  readonly #deps: SchedulerLoopDeps
  readonly #leader: Leader
  readonly #succession: Succession
  readonly #problems: EventProblems
  readonly #ticker: Ticker
  readonly #heartbeat: Ticker
  #started = false
  /** Starts, stops and single ticks take turns; so do ticks among themselves. */
  #lifecycle: Promise<unknown> = Promise.resolve()
  #ticking: Promise<unknown> = Promise.resolve()
  #yielding = false

  constructor(deps: SchedulerLoopDeps) {
    const { clock, config } = deps
    this.#deps = deps
    this.#leader = new Leader(deps)
    this.#succession = new Succession({ ...deps, lease: LEADER_LEASE })
    this.#problems = new EventProblems(deps)
    this.#ticker = new Ticker({
      clock,
      beat: () => this.#beat(),
      onError: (error, failures) => this.#failed('tick', error, failures),
      backoff: { first: FIRST_RETRY, cap: LONGEST_RETRY },
    })
    this.#heartbeat = new Ticker({
      clock,
      beat: () => this.#lead(),
      onError: (error, failures) => this.#failed('leader', error, failures),
      backoff: { first: FIRST_RETRY, cap: config.leader.renew },
    })
  }

  /** Whether this node holds a term that it trusts. */
  get isLeader(): boolean {
    return this.#leader.trusted()
  }

  get started(): boolean {
    return this.#started
  }

  /** Begins to lead where it can, and to tick. A store that is away is waited for. */
  start(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#started) {
        return
      }
      this.#started = true
      const delay = await this.#lead().catch((error: unknown) => {
        this.#failed('leader', error, 1)
        return FIRST_RETRY
      })
      this.#heartbeat.start(delay)
      this.#ticker.start()
    })
  }

  /** Ends the tick that is under way and gives the term back. */
  stop(): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#started) {
        return
      }
      this.#started = false
      await Promise.all([this.#ticker.stop(), this.#heartbeat.stop()])
      await this.#ticking
      await this.#resign()
    })
  }

  /**
   * Fires what is due now. When the loop is not started, this node tries to
   * lead for this one tick.
   *
   * @returns the ids of the executions that were queued; [] when another node leads
   */
  async tick(): Promise<string[]> {
    if (this.#started) {
      return this.#tickAsLeader(this.#leader.trusted())
    }
    return this.#inTurn(async () => {
      if (this.#started) {
        return this.#tickAsLeader(this.#leader.trusted())
      }
      try {
        return await this.#tickAsLeader(await this.#leader.acquire())
      } finally {
        await this.#resign()
      }
    })
  }

  /** Something changed: looks at the events now instead of at the end of its sleep. */
  wake(): void {
    this.#ticker.wake()
  }

  /** One beat of the heartbeat. @returns ms until the next */
  async #lead(): Promise<number> {
    const led = this.#leader.trusted()
    const leads = await this.#leader.keep(() => this.#succession.mayLead())
    if (leads && !led && this.#ticker.running) {
      this.#ticker.wake()
    }
    const heir = leads && led ? await this.#succession.heir() : null
    if (heir !== null) {
      this.#yieldTo(heir)
    }
    return this.#deps.config.leader.renew
  }

  /** Ends the term after the tick that is under way, and before the next one. */
  #yieldTo(heir: string): void {
    if (this.#yielding) {
      return
    }
    this.#yielding = true
    const { logger, nodeId } = this.#deps
    const over = this.#ticking.then(async () => {
      this.#yielding = false
      logger.info({ node: nodeId, heir }, 'A node of higher priority is to lead')
      await this.#leader.resign('yielded')
    })
    this.#ticking = over.catch((error: unknown) => this.#failed('leader', error, 1))
  }

  /** One beat of the ticker. @returns ms until the next */
  async #beat(): Promise<number> {
    const { storage, clock, config } = this.#deps
    if (!this.#leader.trusted()) {
      return config.tickMax
    }
    const ahead = await storage.events.peek({ now: clock.nowOrNull() })
    const wait = ahead.next === null ? config.tickMax : ahead.next - ahead.now
    if (wait > 0) {
      return Math.min(config.tickMax, wait)
    }
    const { now, seenAt, left } = await this.#run()
    if (left === 'more') {
      return 0
    }
    const next = await storage.events.nextDueAt({ after: now })
    const longest = left === 'contested' ? CONTESTED_DELAY : config.tickMax
    const elapsed = clock.monotonic() - seenAt
    return next === null ? longest : Math.min(longest, next - now - elapsed)
  }

  async #resign(): Promise<void> {
    try {
      await this.#leader.resign()
    } catch (error) {
      this.#deps.logger.warn({ err: error }, 'The term could not be given back; it ends by itself')
    }
  }

  async #tickAsLeader(leads: boolean): Promise<string[]> {
    const result = leads ? await this.#run() : null
    return result?.fired ?? []
  }

  #run(): Promise<TickResult> {
    const run = this.#ticking.then(() => {
      const { config, counters, handlers, nodeId } = this.#deps
      counters.increment('ticks')
      const tick = new Tick({
        ...this.#deps,
        problems: this.#problems,
        defaults: defaultsOf(handlers),
        profiles: config.profiles,
        batch: config.tickBatch,
        trusted: () => this.#leader.trusted(),
      })
      return tickChannel.tracePromise(() => tick.run(), { node: nodeId })
    })
    this.#ticking = settled(run)
    return run
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#lifecycle.then(work)
    this.#lifecycle = settled(turn)
    return turn
  }

  /** The first failure in a row is a warning; those that follow are counted. */
  #failed(part: 'tick' | 'leader', error: unknown, failures: number): void {
    const { logger, counters } = this.#deps
    counters.increment(`${part}.failed`)
    const message = `The loop goes on after a failure (${part}, ${failures} in a row)`
    if (failures === 1) {
      logger.warn({ err: error, part }, message)
    } else {
      logger.debug({ err: error, part }, message)
    }
  }
}

/** Waits for work whatever becomes of it: its caller is told, those in the queue are not. */
function settled(work: Promise<unknown>): Promise<void> {
  return work.then(
    () => undefined,
    () => undefined
  )
}
