import type { Clock, ClockTimer } from '../clock.ts'
import type { Counters } from '../counters.ts'
import type { ExecutionTracker } from '../executions/execution_tracker.ts'
import type { StoredProgress } from '../executions/progress.ts'
import type { Storage } from '../storage/contract.ts'
import type { CoreConfig } from '../types/config.ts'
import type { Logger } from '../types/logger.ts'
import { CANCEL_LOOK, CancelWatch } from './cancel_watch.ts'
import type { Hold } from './hold.ts'
import { MarkQueue } from './mark_queue.ts'

/** A start is stored when the handler still runs after so many ms. */
const START_MARK = 250
/** Progress is stored at most once in so many ms. */
const PROGRESS_MARK = 1_000

interface Deps {
  storage: Storage
  tracker: ExecutionTracker
  clock: Clock
  logger: Logger
  counters: Counters
  nodeId: string
  lease: CoreConfig['lease']
  /** Somebody asked to stop this execution. */
  onCancel: (hold: Hold, reason: string) => void
}

/**
 * Renews the leases of all attempts that this node owns, in one call, and
 * tells them when their lease can no longer be trusted. It beats only while
 * there is something to hold.
 *
 * A lease is trusted for its length from *before* the call that claimed or
 * renewed it, on the monotonic clock: whatever the network and the wall clock
 * do, we stop before anybody else may begin.
 */
export class Heartbeat {
  readonly #deps: Deps
  readonly #holds = new Map<string, Hold>()
  readonly #marks: MarkQueue<Hold>
  /** Null where the renewals come often enough. */
  readonly #cancels: CancelWatch | null
  #beat: ClockTimer | null = null
  #watch: ClockTimer | null = null
  #failing = false
  #stopped = false

  constructor(deps: Deps) {
    this.#deps = deps
    this.#marks = new MarkQueue(deps.clock, (holds) => void this.#renew(holds))
    const { storage, clock, onCancel } = deps
    this.#cancels =
      deps.lease.renew > CANCEL_LOOK
        ? new CancelWatch({ storage, clock, onCancel, holds: () => this.holds() })
        : null
  }

  find(executionId: string): Hold | undefined {
    return this.#holds.get(executionId)
  }

  holds(): Hold[] {
    return [...this.#holds.values()]
  }

  add(hold: Hold): void {
    this.#holds.set(hold.id, hold)
    this.#arm()
  }

  remove(hold: Hold): void {
    this.#marks.delete(hold)
    if (this.#holds.get(hold.id) === hold) {
      this.#holds.delete(hold.id)
    }
    if (this.#holds.size === 0) {
      this.#disarm()
    }
  }

  /** The handler began: its start is stored, with others, if it does not end at once. */
  began(hold: Hold): void {
    this.#marks.add(hold, START_MARK)
  }

  /** There is progress to store. */
  progressed(hold: Hold): void {
    this.#marks.add(hold, PROGRESS_MARK)
  }

  /** The attempt no longer owns its execution: aborts its signal and renews it no more. */
  lose(hold: Hold, why: string): void {
    if (hold.lost) {
      return
    }
    hold.lose()
    const { id, attempt, handler } = hold.execution
    this.#deps.counters.increment('leases.lost')
    this.#deps.logger.warn(
      { executionId: id, attempt, handler },
      `The lease of an execution was lost: ${why}`
    )
  }

  /** Undoes `stop`. */
  start(): void {
    this.#stopped = false
    this.#arm()
  }

  /** No renewals any more: what is still held lapses and is rescued elsewhere. */
  stop(): void {
    this.#stopped = true
    this.#marks.clear()
    this.#disarm()
  }

  #arm(): void {
    this.#armBeat(this.#deps.lease.renew)
    if (!this.#stopped && this.#holds.size > 0) {
      this.#cancels?.arm()
    }
    if (!this.#watch) {
      this.#armWatch()
    }
  }

  #armBeat(delay: number): void {
    if (this.#stopped || this.#holds.size === 0) {
      return
    }
    if (!this.#beat) {
      const beat = this.#deps.clock.timer(delay, () => void this.#onBeat(beat))
      this.#beat = beat
    }
  }

  async #onBeat(beat: ClockTimer): Promise<void> {
    const renewed = await this.#renew(this.holds())
    if (this.#beat !== beat) {
      // There was nothing to hold meanwhile: what came since has a beat of its own
      return
    }
    this.#beat = null
    // After a failure there is time for more than one try before the leases lapse
    const { renew } = this.#deps.lease
    this.#armBeat(renewed ? renew : Math.ceil(renew / 4))
  }

  /** @returns false when the storage failed */
  async #renew(candidates: Hold[]): Promise<boolean> {
    this.#loseLapsed()
    const holds = candidates.filter((hold) => !hold.lost && this.#holds.get(hold.id) === hold)
    if (holds.length === 0) {
      return true
    }
    const { storage, clock, nodeId, lease, tracker } = this.#deps
    const began = clock.monotonic()
    const progress = new Map<string, StoredProgress>()
    for (const { id } of holds) {
      const value = tracker.unstoredProgress(id)
      if (value) {
        progress.set(id, value)
      }
    }
    try {
      const { owned, cancelRequested } = await storage.executions.renew({
        now: clock.nowOrNull(),
        node: nodeId,
        lease: lease.ttl,
        holds: holds.map((hold) => ({
          id: hold.id,
          attempt: hold.execution.attempt,
          startedAt: hold.execution.startedAt,
          progress: progress.get(hold.id),
        })),
      })
      this.#recovered()
      progress.forEach((value, id) => tracker.progressStored(id, value))
      holds.forEach((hold) => this.#answered(hold, owned, began))
      this.#passOn(cancelRequested)
      return true
    } catch (error) {
      this.#failed(error)
      return false
    }
  }

  #answered(hold: Hold, owned: Set<string>, began: number): void {
    if (owned.has(hold.id)) {
      hold.trustedUntil = Math.max(hold.trustedUntil, began + this.#deps.lease.ttl)
    } else if (hold.state !== 'ended' && this.#holds.get(hold.id) === hold) {
      this.lose(hold, 'the store says that another owns it')
    }
  }

  #passOn(cancelRequested: Map<string, string>): void {
    for (const [id, reason] of cancelRequested) {
      const hold = this.#holds.get(id)
      if (hold && !hold.signal.aborted && hold.state !== 'ended') {
        this.#deps.onCancel(hold, reason)
      }
    }
  }

  /** Watches the first lease to lapse, of those that a handler still relies on. */
  #armWatch(): void {
    if (this.#stopped) {
      return
    }
    let first = Number.POSITIVE_INFINITY
    for (const hold of this.#holds.values()) {
      if (!hold.lost && hold.state !== 'ended') {
        first = Math.min(first, hold.trustedUntil)
      }
    }
    if (first === Number.POSITIVE_INFINITY) {
      return
    }
    const delay = Math.max(0, first - this.#deps.clock.monotonic())
    this.#watch = this.#deps.clock.timer(Math.ceil(delay), () => {
      this.#watch = null
      this.#loseLapsed()
      this.#armWatch()
    })
  }

  #loseLapsed(): void {
    for (const hold of this.#holds.values()) {
      if (!hold.lost && hold.state !== 'ended' && hold.lapsed) {
        this.lose(hold, 'it could not be renewed in time')
      }
    }
  }

  #failed(error: unknown): void {
    this.#deps.counters.increment('leases.errors')
    if (!this.#failing) {
      this.#failing = true
      this.#deps.logger.error({ err: error }, 'Leases cannot be renewed; it is tried again')
    }
  }

  #recovered(): void {
    if (this.#failing) {
      this.#failing = false
      this.#deps.logger.info({}, 'Leases are renewed again')
    }
  }

  #disarm(): void {
    this.#cancels?.disarm()
    this.#beat?.cancel()
    this.#watch?.cancel()
    this.#beat = null
    this.#watch = null
  }
}
