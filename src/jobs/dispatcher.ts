import type { Clock, ClockTimer } from '../clock.ts'
import type { ExecutionTracker } from '../executions/execution_tracker.ts'
import type { Settlement } from '../storage/contract.ts'
import type { Executor } from './executor.ts'
import type { Heartbeat } from './heartbeat.ts'
import type { Hold } from './hold.ts'
import { Places } from './places.ts'
import type { Prefetch } from './prefetch.ts'
import type { SeatPool } from './seat_pool.ts'

/** What was claimed ahead is handed back when it has waited so long, ms. */
const PATIENCE = 5_000

interface Deps {
  slots: number
  /** Most attempts that get ready for a slot while all are taken. */
  ahead: number
  clock: Clock
  executor: Executor
  heartbeat: Heartbeat
  tracker: ExecutionTracker
  seats: SeatPool
  prefetch: Prefetch
  /** An attempt is over and its end is stored. */
  onEnded: (hold: Hold) => void
  /** These are not going to begin here: they waited too long, or came after the close. */
  onUnwanted: (holds: Hold[]) => void
}

/** How an attempt that never began ends. */
export type UnbegunEnd = Pick<Settlement, 'to' | 'reason'>

/**
 * Gives slots to what was claimed, first come, first served. What finds no
 * free slot waits here and holds its lease.
 */
export class Dispatcher {
  readonly #deps: Deps
  readonly #waiting: Hold[] = []
  readonly #watchers = new Set<() => void>()
  readonly #places: Places
  /** Attempts from their claim until their end is stored. */
  #active = 0
  #accepted = 0
  #closed = false
  #patience: ClockTimer | null = null

  constructor(deps: Deps) {
    this.#deps = deps
    const { slots, ahead, clock } = deps
    this.#places = new Places({ slots, ahead, clock, onFree: () => this.#onFree() })
  }

  /** Slots that are taken. */
  get running(): number {
    return this.#places.taken
  }

  get active(): number {
    return this.#active
  }

  /** How many were ever accepted. */
  get accepted(): number {
    return this.#accepted
  }

  /** Takes claimed attempts over. Their seats are taken already. */
  add(holds: Hold[]): void {
    this.#active += holds.length
    this.#accepted += holds.length
    for (const hold of holds) {
      this.#deps.heartbeat.add(hold)
    }
    if (this.#closed) {
      this.#deps.onUnwanted(holds)
      return
    }
    this.#waiting.push(...holds)
    this.#fill()
  }

  open(): void {
    this.#closed = false
  }

  /** Begins nothing any more. @returns what waited, to be handed back */
  close(): Hold[] {
    this.#closed = true
    this.#patience?.cancel()
    this.#patience = null
    return this.#waiting.splice(0)
  }

  /**
   * Ends an attempt that never began: one of those taken out, or one that
   * waits. Where a cancel meets a hand-back, the first end stands.
   */
  async endUnbegun(hold: Hold, end: UnbegunEnd): Promise<void> {
    if (hold.state !== 'waiting') {
      return
    }
    const place = this.#waiting.indexOf(hold)
    if (place !== -1) {
      this.#waiting.splice(place, 1)
    }
    hold.end()
    await this.#deps.tracker.settle(hold.settlement(end), hold.execution)
    this.#finish(hold)
  }

  /** Resolves when the next attempt is over, or when nobody waits for it any more. */
  nextEnd(): Promise<void> {
    return new Promise((resolve) => this.#watchers.add(resolve))
  }

  /** The node was drained: what still runs is not waited for. */
  letGo(): void {
    this.#tellWatchers()
  }

  /** Resolves when nothing waits, runs, or waits to be stored. */
  async idle(): Promise<void> {
    while (this.#active > 0) {
      await this.nextEnd()
    }
  }

  #fill(): void {
    while (this.#waiting.length > 0 && this.#mayBegin(this.#waiting[0])) {
      const hold = this.#waiting.shift()!
      if (hold.lapsed) {
        void this.endUnbegun(hold, { to: 'release', reason: 'its lease lapsed before it began' })
      } else {
        void this.#start(hold)
      }
    }
    this.#watchPatience()
  }

  #mayBegin({ execution }: Hold): boolean {
    return this.#places.mayBegin(this.#deps.executor.takesPlace(execution.handler))
  }

  #onFree(): void {
    this.#deps.seats.changed()
    this.#fill()
  }

  async #start(hold: Hold): Promise<void> {
    const { clock, executor, prefetch } = this.#deps
    const takesPlace = executor.takesPlace(hold.execution.handler)
    const place = takesPlace ? this.#places.prepare() : this.#places.hold()
    const begun = clock.monotonic()
    const { returned, settled } = executor.run(hold, place)
    void returned.then(() => {
      const share = takesPlace ? this.#places.share : 1
      prefetch.ended((clock.monotonic() - begun) * share)
      place.leave()
    })
    await settled
    // Its lease is no longer ours to renew, even while a stuck handler keeps the slot
    this.#deps.heartbeat.remove(hold)
    await returned
    this.#finish(hold)
  }

  #finish(hold: Hold): void {
    this.#deps.heartbeat.remove(hold)
    this.#active--
    this.#deps.onEnded(hold)
    this.#deps.seats.release(1)
    this.#tellWatchers()
  }

  #tellWatchers(): void {
    const watchers = [...this.#watchers]
    this.#watchers.clear()
    for (const watcher of watchers) {
      watcher()
    }
  }

  #watchPatience(): void {
    if (this.#patience || this.#waiting.length === 0) {
      return
    }
    this.#patience = this.#deps.clock.timer(PATIENCE, () => {
      this.#patience = null
      this.#handBackOverdue()
      this.#watchPatience()
    })
  }

  #handBackOverdue(): void {
    const limit = this.#deps.clock.monotonic() - PATIENCE
    const overdue = this.#waiting.filter(({ claimedAt }) => claimedAt <= limit)
    if (overdue.length > 0) {
      this.#deps.prefetch.slow()
      for (const hold of overdue) {
        this.#waiting.splice(this.#waiting.indexOf(hold), 1)
      }
      this.#deps.onUnwanted(overdue)
    }
  }
}
