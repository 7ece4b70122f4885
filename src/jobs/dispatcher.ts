import type { Clock, ClockTimer } from '../clock.ts'
import type { ExecutionTracker } from '../executions/execution_tracker.ts'
import type { Settlement } from '../storage/contract.ts'
import type { Executor } from './executor.ts'
import type { Heartbeat } from './heartbeat.ts'
import type { Hold } from './hold.ts'
import type { Lane } from './lane.ts'
import type { RunPlace } from './places.ts'
import type { RunListener } from './run.ts'

/** What was claimed ahead is handed back when it has waited so long, ms. */
const PATIENCE = 5_000

interface Deps {
  lanes: Lane[]
  clock: Clock
  executor: Executor
  heartbeat: Heartbeat
  tracker: ExecutionTracker
  /** An attempt is over and its end is stored. */
  onEnded: (hold: Hold) => void
  /** These are not going to begin here: they waited too long, or came after the close. */
  onUnwanted: (holds: Hold[]) => void
}

/** How an attempt that never began ends. */
export type UnbegunEnd = Pick<Settlement, 'to' | 'reason'>

/**
 * Gives slots to what was claimed, first come, first served in each lane.
 * What finds no free slot waits there and holds its lease.
 */
export class Dispatcher {
  readonly #deps: Deps
  readonly #watchers = new Set<() => void>()
  /** Attempts from their claim until their end is stored. */
  #active = 0
  #accepted = 0
  #closed = false
  #patience: ClockTimer | null = null
  readonly #listener: RunListener = {
    returned: (hold) => this.#returned(hold),
    stored: (hold) => this.#deps.heartbeat.remove(hold),
    over: (hold) => {
      hold.lane.seats.stored()
      this.#finish(hold)
    },
  }

  constructor(deps: Deps) {
    this.#deps = deps
    deps.lanes.forEach((lane) => lane.onFree(() => this.#fill(lane)))
  }

  /** Slots that are taken. */
  get running(): number {
    return this.#deps.lanes.reduce((sum, { running }) => sum + running, 0)
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
    for (const hold of holds) {
      hold.lane.waiting.push(hold)
    }
    new Set(holds.map(({ lane }) => lane)).forEach((lane) => this.#fill(lane))
  }

  /**
   * Begins an attempt at once, whatever the free slots: another engine bounds
   * what it delivers. Resolves when its end is stored.
   *
   * @param end given when the attempt is to end without having begun
   */
  async runAtOnce(hold: Hold, end: UnbegunEnd | null): Promise<void> {
    this.#active++
    this.#accepted++
    hold.lane.seats.force(1)
    this.#deps.heartbeat.add(hold)
    if (end !== null) {
      await this.endUnbegun(hold, end)
      return
    }
    await new Promise<void>((resolve) => {
      const over = () => {
        this.#listener.over(hold)
        resolve()
      }
      this.#start(hold, hold.lane.places.hold(), { ...this.#listener, over })
    })
  }

  /** Nothing is begun any more. */
  get closed(): boolean {
    return this.#closed
  }

  open(): void {
    this.#closed = false
  }

  /** Begins nothing any more. @returns what waited, to be handed back */
  close(): Hold[] {
    this.#closed = true
    this.#patience?.cancel()
    this.#patience = null
    return this.#deps.lanes.flatMap(({ waiting }) => waiting.splice(0))
  }

  /**
   * Ends an attempt that never began: one of those taken out, or one that
   * waits. Where a cancel meets a hand-back, the first end stands.
   */
  async endUnbegun(hold: Hold, end: UnbegunEnd): Promise<void> {
    if (hold.state !== 'waiting') {
      return
    }
    const { waiting } = hold.lane
    const place = waiting.indexOf(hold)
    if (place !== -1) {
      waiting.splice(place, 1)
    }
    hold.end()
    await this.#deps.tracker.settle(hold.settlement(end), hold.execution)
    hold.lane.seats.release(1)
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

  #fill(lane: Lane): void {
    const takesPlace = (hold: Hold) => this.#deps.executor.takesPlace(hold.execution.handler)
    for (const hold of lane.begin(takesPlace)) {
      if (hold.lapsed) {
        void this.endUnbegun(hold, { to: 'release', reason: 'its lease lapsed before it began' })
      } else {
        this.#start(hold, takesPlace(hold) ? lane.places.prepare() : lane.places.hold())
      }
    }
    this.#watchPatience()
  }

  #start(hold: Hold, place: RunPlace, listener = this.#listener): void {
    hold.place = place
    this.#deps.executor.run(hold, listener)
  }

  #returned({ lane, place, begunAt }: Hold): void {
    lane.ended((this.#deps.clock.monotonic() - begunAt) * (place?.share ?? 1))
    place?.leave()
  }

  #finish(hold: Hold): void {
    this.#deps.heartbeat.remove(hold)
    this.#active--
    this.#deps.onEnded(hold)
    this.#tellWatchers()
  }

  #tellWatchers(): void {
    if (this.#watchers.size === 0) {
      return
    }
    const watchers = [...this.#watchers]
    this.#watchers.clear()
    for (const watcher of watchers) {
      watcher()
    }
  }

  #watchPatience(): void {
    if (this.#patience || this.#deps.lanes.every(({ waiting }) => waiting.length === 0)) {
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
    for (const { waiting, prefetch } of this.#deps.lanes) {
      const overdue = waiting.filter(({ claimedAt }) => claimedAt <= limit)
      if (overdue.length > 0) {
        prefetch.slow()
        overdue.forEach((hold) => waiting.splice(waiting.indexOf(hold), 1))
        this.#deps.onUnwanted(overdue)
      }
    }
  }
}
