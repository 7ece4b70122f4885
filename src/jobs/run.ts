import { progressProblem } from '../executions/progress_value.ts'
import { LockSet } from '../locks/lock_set.ts'
import { RunTimeout } from './run_timeout.ts'
import { CANCEL_GRACE, STUCK_GRACE, StuckWatch } from './stuck_watch.ts'
import type { Clock } from '../clock.ts'
import type { ExecutionTracker } from '../executions/execution_tracker.ts'
import type { Report } from '../input/fields.ts'
import type { LockBackend } from '../locks/backend.ts'
import type { ExecutionLogger, HandlerDefinition } from '../types/handlers.ts'
import type { Logger } from '../types/logger.ts'
import type { Hold } from './hold.ts'

/** Told of each run. */
export interface RunListener {
  /** The handler no longer runs: its slot is free. */
  returned(hold: Hold): void
  /** How it ended is stored, or never will be. A stuck handler may still run. */
  stored(hold: Hold): void
  /** Both, the last word on it. */
  over(hold: Hold): void
}

/** What all runs of a node share. */
export interface RunParts {
  clock: Clock
  tracker: ExecutionTracker
  logger: Logger
  /** Where the locks of handlers are kept. */
  locks: LockBackend
  /** It ignores its timeout. @returns how many ms more its outcome waits for it */
  onStuck: (run: Run) => number
  /** It ignores a cancel. */
  onDeaf: (run: Run) => void
  /** Its outcome waits no longer. */
  onGiveUp: (run: Run) => void
}

/**
 * One run of a handler, from its beginning until its end is stored. Timeout,
 * watch, log and locks are made when they are first needed: most runs need none.
 */
export class Run {
  readonly hold: Hold
  readonly definition: HandlerDefinition
  readonly #parts: RunParts
  readonly #listener: RunListener
  #timeout: RunTimeout | null = null
  #watch: StuckWatch | null = null
  #logger: ExecutionLogger | null = null
  #locks: LockSet | null = null
  #over = false
  #refusedProgress = false
  /** How it ends is settled without its handler, which has not ended. */
  givenUp = false
  #returned = false
  #stored = false

  constructor(hold: Hold, definition: HandlerDefinition, parts: RunParts, listener: RunListener) {
    this.hold = hold
    this.definition = definition
    this.#parts = parts
    this.#listener = listener
    const limit = hold.execution.timeout ?? definition.timeout
    if (limit !== null) {
      this.extend(limit)
    }
    hold.onCancel(() => this.#watching()?.listen(this.#grace + CANCEL_GRACE))
  }

  /** How long the attempt may run in all, ms, as it stands now; null = without end. */
  get allowed(): number | null {
    return this.#timeout?.allowed ?? null
  }

  /** The execution's own log. */
  get logger(): ExecutionLogger {
    return (this.#logger ??= this.#makeLogger())
  }

  /** The locks that the handler asked for. */
  get locks(): LockSet {
    return (this.#locks ??= this.#makeLocks())
  }

  /** Moves the timeout to `ms` from now. Once it has expired, or the handler has ended, nothing changes. */
  extend(ms: number): void {
    if (!this.#over) {
      this.#timeout ??= new RunTimeout(this.#parts.clock, this.hold.begunAt, () => this.#expired())
      this.#timeout.extend(ms)
    }
  }

  /** A part of its progress that cannot be read: the first is told in its log, a loop may tell many. */
  refuseProgress(...problem: Parameters<Report>): void {
    if (!this.#refusedProgress) {
      this.#refusedProgress = true
      this.logger.warn(progressProblem(...problem))
    }
  }

  /** The handler has ended. Resolves when its locks are released; null where there are none. */
  end(): Promise<void> | null {
    this.#over = true
    this.#timeout?.cancel()
    this.#watch?.cancel()
    return this.#locks?.used ? this.#locks.releaseAll() : null
  }

  /** The handler no longer runs. */
  returned(): void {
    this.#returned = true
    this.#listener.returned(this.hold)
    if (this.#stored) {
      this.#listener.over(this.hold)
    }
  }

  /** How it ended is stored, or never will be. */
  stored(): void {
    this.#stored = true
    this.#listener.stored(this.hold)
    if (this.#returned) {
      this.#listener.over(this.hold)
    }
  }

  #expired(): void {
    this.hold.abort('timeout')
    this.#watching()?.arm(this.#grace + STUCK_GRACE)
  }

  /** One that can be killed has its own grace to end in, ms. */
  get #grace(): number {
    return this.definition.isolate?.grace ?? 0
  }

  #watching(): StuckWatch | null {
    const { clock, onStuck, onDeaf, onGiveUp } = this.#parts
    if (!this.#over) {
      this.#watch ??= new StuckWatch({
        clock,
        onStuck: () => onStuck(this),
        onDeaf: () => onDeaf(this),
        onGiveUp: () => onGiveUp(this),
      })
    }
    return this.#watch
  }

  #makeLogger(): ExecutionLogger {
    return this.#parts.tracker.loggerFor(this.hold.execution, this.definition.logLevel)
  }

  #makeLocks(): LockSet {
    const { clock, logger, locks: backend } = this.#parts
    const { signal, execution } = this.hold
    const owner = `${execution.node}/${execution.id}/${execution.attempt}`
    return new LockSet({ clock, logger, backend, signal, owner })
  }
}
