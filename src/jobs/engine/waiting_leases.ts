import type { Clock, ClockTimer } from '../../clock.ts'
import type { Counters } from '../../counters.ts'
import type { ExecutionTracker } from '../../executions/execution_tracker.ts'
import type { Storage } from '../../storage/contract.ts'
import type { CoreConfig } from '../../types/config.ts'
import type { Engine } from '../../types/engine.ts'
import type { Logger } from '../../types/logger.ts'
import type { Hold } from '../hold.ts'
import type { SeatPool } from '../seat_pool.ts'

/** Between two looks while all places are taken and some come free, ms. */
const CLOSE_LOOK = 100

export interface WaitingLeasesDeps {
  storage: Storage
  tracker: ExecutionTracker
  engine: Engine
  seats: SeatPool
  /** How many may wait. */
  places: number
  clock: Clock
  logger: Logger
  counters: Counters
  nodeId: string
  config: Pick<CoreConfig, 'lease'>
}

interface Waiting {
  hold: Hold
  /** What it goes by in the engine; null until the engine has it. */
  known: string | null
  /** When the engine was known to have it, on the monotonic scale. */
  seenAt: number
}

/**
 * Keeps the leases of what was handed over until a worker has taken it over:
 * which a renewal tells, since it no longer finds it ours. What the engine has
 * lost goes back to the queue, and so does what waits when this node stops.
 */
export class WaitingLeases {
  readonly #deps: WaitingLeasesDeps
  readonly #waiting = new Map<string, Waiting>()
  #timer: ClockTimer | null = null
  #interval: number
  #looking: Promise<void> | null = null
  #failing = false

  constructor(deps: WaitingLeasesDeps) {
    this.#deps = deps
    this.#interval = deps.config.lease.renew
  }

  /** Takes claimed attempts over. Their places are taken already. */
  add(holds: Hold[]): void {
    const seenAt = this.#deps.clock.monotonic()
    holds.forEach((hold) => this.#waiting.set(hold.id, { hold, known: null, seenAt }))
    this.#arm(this.#isFull ? CLOSE_LOOK : this.#deps.config.lease.renew)
  }

  /** The engine has it. */
  pushed(hold: Hold, known: string): void {
    const waiting = this.#waiting.get(hold.id)
    if (waiting?.hold === hold) {
      Object.assign(waiting, { known, seenAt: this.#deps.clock.monotonic() })
    }
  }

  find(id: string): Hold | undefined {
    return this.#waiting.get(id)?.hold
  }

  /** A worker of this very process has taken it over. */
  taken(id: string): void {
    const waiting = this.#waiting.get(id)
    if (waiting) {
      this.#forget(waiting)
    }
  }

  /** Back to the queue, where each keeps its place; what a worker has taken meanwhile stays with it. */
  async release(holds: Hold[], reason: string): Promise<void> {
    const ours = holds
      .map(({ id }) => this.#waiting.get(id))
      .filter((waiting) => waiting !== undefined)
    ours.forEach((waiting) => this.#forget(waiting))
    if (ours.length > 0) {
      await this.#deps.storage.executions.settle({
        now: this.#deps.clock.nowOrNull(),
        settlements: ours.map(({ hold }) => hold.settlement({ to: 'release', reason })),
      })
    }
  }

  /** Somebody asked to stop one that waits. */
  async cancel(hold: Hold, reason: string): Promise<void> {
    this.taken(hold.id)
    await this.#deps.tracker.settle(hold.settlement({ to: 'cancelled', reason }), hold.execution)
  }

  /** Hands all back that waits. */
  async close(): Promise<void> {
    await this.#looking
    this.#timer?.cancel()
    this.#timer = null
    await this.release(this.#holds(), 'drain')
  }

  get #isFull(): boolean {
    return this.#waiting.size >= this.#deps.places
  }

  #holds(): Hold[] {
    return [...this.#waiting.values()].map(({ hold }) => hold)
  }

  #forget(waiting: Waiting): void {
    waiting.hold.end()
    if (this.#waiting.delete(waiting.hold.id)) {
      this.#deps.seats.release(1)
    }
  }

  /** The next look is at the latest then; one that is under way arranges for its next. */
  #arm(interval: number): void {
    if (this.#looking || (this.#timer && this.#interval <= interval)) {
      return
    }
    this.#timer?.cancel()
    this.#interval = interval
    this.#timer = this.#deps.clock.timer(interval, () => {
      this.#timer = null
      const before = this.#waiting.size
      this.#looking = this.#look().finally(() => {
        this.#looking = null
        if (this.#waiting.size > 0) {
          this.#arm(this.#nextInterval(this.#waiting.size < before))
        }
      })
    })
  }

  async #look(): Promise<void> {
    try {
      await this.#renew()
      await this.#releaseLost()
      this.#failing = false
    } catch (error) {
      this.#failed(error)
    }
  }

  /** Closely while places come free, less and less while none does, and else with the lease. */
  #nextInterval(cameFree: boolean): number {
    const { renew } = this.#deps.config.lease
    if (this.#failing) {
      return Math.ceil(renew / 4)
    }
    if (!this.#isFull && !cameFree) {
      return renew
    }
    return cameFree ? CLOSE_LOOK : Math.min(renew, this.#interval * 2)
  }

  async #renew(): Promise<void> {
    const { storage, clock, nodeId, config } = this.#deps
    const waiting = [...this.#waiting.values()]
    waiting.filter(({ hold }) => hold.lapsed).forEach((each) => this.#forget(each))
    const held = this.#holds()
    const began = clock.monotonic()
    const { owned, cancelRequested } = await storage.executions.renew({
      now: clock.nowOrNull(),
      node: nodeId,
      lease: config.lease.ttl,
      holds: held.map(({ id, execution: { attempt } }) => ({ id, attempt, startedAt: null })),
    })
    for (const hold of held) {
      if (owned.has(hold.id)) {
        hold.trustedUntil = began + config.lease.ttl
      } else if (this.find(hold.id) === hold) {
        this.taken(hold.id)
      }
    }
    for (const [id, reason] of cancelRequested) {
      const hold = this.find(id)
      if (hold && held.includes(hold)) {
        void this.cancel(hold, reason)
      }
    }
  }

  /** A message that is gone, though no worker took its execution over, will never come. */
  async #releaseLost(): Promise<void> {
    const { engine, clock, config, counters, logger } = this.#deps
    const now = clock.monotonic()
    const due = [...this.#waiting.values()].filter(
      ({ known, seenAt }) => known !== null && now - seenAt >= config.lease.renew
    )
    const looks = due.map(async (waiting) => {
      if (await engine.has(waiting.hold.execution.queue, waiting.known!)) {
        waiting.seenAt = now
        return []
      }
      return [waiting.hold]
    })
    const looked = await Promise.all(looks)
    const lost = looked.flat()
    if (lost.length > 0) {
      counters.increment('engine.lost', lost.length)
      logger.warn({ executions: lost.length }, 'The other engine has lost what it was handed')
      await this.release(lost, 'lost by the other engine')
    }
  }

  #failed(error: unknown): void {
    this.#deps.counters.increment('engine.errors')
    if (!this.#failing) {
      this.#failing = true
      this.#deps.logger.error(
        { err: error },
        'It cannot be seen what became of executions that were handed over; it is tried again'
      )
    }
  }
}
