import type { Clock, ClockTimer } from '../clock.ts'
import type { Counters } from '../counters.ts'
import type { Storage } from '../storage/contract.ts'
import type { CoreConfig } from '../types/config.ts'
import type { HandlerDefinition } from '../types/handlers.ts'
import type { JsonObject } from '../types/json.ts'
import type { Logger } from '../types/logger.ts'
import type { Notifier } from '../types/notifications.ts'
import { Expiry } from './expiry.ts'
import { Nodes } from './nodes.ts'
import { Prune } from './prune.ts'
import { Rescue } from './rescue.ts'
import { Rollup } from './rollup.ts'
import { UnknownHandlers } from './unknown_handlers.ts'

/** Wait after a beat that failed, ms. */
const BEAT_RETRY = 1_000

interface Deps {
  storage: Storage
  notifier: Notifier
  clock: Clock
  logger: Logger
  config: CoreConfig
  /** `<node>.<boot>` */
  nodeId: string
  /** The handlers that this process can run. */
  registry: {
    names(): string[]
    has(name: string): boolean
    get(name: string): Pick<HandlerDefinition, 'retention'>
  }
  counters: Counters
  /** Whether this node runs the loop, and so may lead. */
  mayLead?: () => boolean
  /** What else this node tells of itself. */
  nodeInfo?: () => JsonObject
}

/** A part of housekeeping that failed; the others went on. */
export interface HousekeepingProblem {
  part: string
  message: string
}

export interface HousekeepingReport {
  pruned: number
  rescued: number
  abandoned: number
  expired: number
  rolledUp: number
  problems: HousekeepingProblem[]
}

/**
 * Keeps the store in order: rescues what lost its node, takes dead nodes out
 * of the list, adds up statistics, deletes what is past its retention. Every
 * node does it; each part is safe beside itself elsewhere.
 *
 * While started it also shows that this node lives, and rescues, once per
 * `lease.renew`, so that a lost node is noticed in about two leases whatever
 * the interval of the rest.
 */
export class Housekeeper {
  readonly #deps: Deps
  readonly #nodes: Nodes
  readonly #rescue: Rescue
  readonly #expiry: Expiry
  readonly #rollup: Rollup
  readonly #prune: Prune
  readonly #unknown: UnknownHandlers
  readonly #problems = new Map<string, HousekeepingProblem>()
  #timer: ClockTimer | null = null
  #started = false
  #beating: Promise<unknown> = Promise.resolve()
  #round: Promise<HousekeepingReport> | null = null

  constructor(deps: Deps) {
    this.#deps = deps
    this.#nodes = new Nodes(deps)
    this.#rescue = new Rescue(deps)
    this.#expiry = new Expiry(deps)
    this.#rollup = new Rollup(deps)
    this.#prune = new Prune(deps)
    this.#unknown = new UnknownHandlers(deps)
  }

  /** Shows this node for the first time, and from then on. Failures are reported, never thrown. */
  async start(): Promise<void> {
    if (this.#started) {
      return
    }
    this.#started = true
    this.#beating = this.#beat()
    await this.#beating
  }

  /** Takes this node out of the list, and rests. */
  async stop(): Promise<void> {
    if (!this.#started) {
      return
    }
    this.#started = false
    this.#timer?.cancel()
    this.#timer = null
    await this.#beating
    await this.#round
    await this.#part('nodes', () => this.#nodes.leave())
  }

  /** One round of everything. A part that fails is reported and stops nothing. */
  runOnce(): Promise<HousekeepingReport> {
    this.#round ??= this.#runOnce().finally(() => (this.#round = null))
    return this.#round
  }

  /** What failed the last time it was tried. */
  problems(): HousekeepingProblem[] {
    return [...this.#problems.values()]
  }

  /** Queued executions that no handler here can run, as the last round found them. */
  unknownHandlers(): { handler: string; count: number }[] {
    return this.#unknown.found
  }

  async #runOnce(): Promise<HousekeepingReport> {
    const saved = await this.#part('rescue', () => this.#rescue.runOnce())
    await this.#part('nodes', () => this.#nodes.runOnce())
    const expired = await this.#part('expiry', () => this.#expiry.runOnce())
    // Only what is in the totals may be deleted
    const rolledUp = await this.#part('rollup', () => this.#rollup.runOnce())
    const pruned = await this.#part('prune', () => this.#prune.runOnce())
    await this.#part('unknown handlers', () => this.#unknown.runOnce())
    return {
      pruned: pruned ?? 0,
      rescued: saved?.rescued ?? 0,
      abandoned: saved?.abandoned ?? 0,
      expired: expired ?? 0,
      rolledUp: rolledUp ?? 0,
      problems: this.problems(),
    }
  }

  async #beat(): Promise<void> {
    await this.#part('beat', () => this.#nodes.beat())
    await this.#part('rescue', () => this.#rescue.runOnce())
    await this.#part('nodes', () => this.#nodes.runOnce())
    if (this.#started) {
      const { clock, config } = this.#deps
      // Until a beat comes through this node counts as dead
      const { renew } = config.lease
      const delay = this.#problems.has('beat') ? Math.min(renew, BEAT_RETRY) : renew
      this.#timer = clock.timer(delay, () => {
        this.#beating = this.#beat()
      })
    }
  }

  /** Counts each failure; logs the first of a row, and the recovery. */
  async #part<T>(part: string, work: () => Promise<T>): Promise<T | null> {
    const { logger, counters } = this.#deps
    try {
      const result = await work()
      if (this.#problems.delete(part)) {
        logger.info({ part }, `Housekeeping: ${part} works again`)
      }
      return result
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      counters.increment(`housekeeping.${part.replace(' ', '_')}.errors`)
      if (!this.#problems.has(part)) {
        logger.error({ err: error, part }, `Housekeeping: ${part} failed and is tried again`)
      }
      this.#problems.set(part, { part, message })
      return null
    }
  }
}
