import type { Counters } from '../counters.ts'
import { toExecutionError } from '../executions/error_record.ts'
import { toJson } from '../json.ts'
import { LockSet } from '../locks/lock_set.ts'
import { executionChannel } from '../telemetry/channels.ts'
import { classify, timedOut, type RunEnd, type RunFacts, type Verdict } from './outcome.ts'
import { givePlace, type Place } from './place.ts'
import { createContext, type ContextDeps } from './run_context.ts'
import { RunTimeout } from './run_timeout.ts'
import { CANCEL_GRACE, STUCK_GRACE, StuckWatch } from './stuck_watch.ts'
import type { LockBackend } from '../locks/backend.ts'
import type { CoreConfig } from '../types/config.ts'
import type { ExecutionLogger, HandlerDefinition } from '../types/handlers.ts'
import type { JsonValue } from '../types/json.ts'
import type { Logger } from '../types/logger.ts'
import type { HandlerRegistry } from './handler_registry.ts'
import type { Hold } from './hold.ts'

interface Deps extends ContextDeps {
  registry: HandlerRegistry
  logger: Logger
  counters: Counters
  config: Pick<CoreConfig, 'lease' | 'maxResult'>
  /** Where the locks of handlers are kept. */
  locks: LockBackend
  random?: () => number
}

/** Two moments of a run; they fall together unless the handler is stuck. Neither rejects. */
export interface RunHandle {
  /** The handler no longer runs: its slot is free. */
  returned: Promise<void>
  /** How it ended is stored, or never will be. */
  settled: Promise<void>
}

/** What one run needs from its beginning to its end. */
interface Run {
  hold: Hold
  definition: HandlerDefinition
  timeout: RunTimeout
  watch: StuckWatch
  logger: ExecutionLogger
  locks: LockSet
  place: Place
}

/**
 * Runs attempts: resolve, arm the timeout, run, classify, settle; what follows
 * is announced once it is stored.
 *
 * A handler that ignores the abort of its timeout is stuck. Its outcome is
 * stored when it ends, or, so that a hung promise blocks nothing for ever:
 * at once when nothing could begin because of it (no attempt left, no
 * concurrency key), else after one length of a lease, which is as long as a
 * dead node would be waited for. Its slot stays taken until it really ends.
 */
export class Executor {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** Whether runs of this handler begin without a slot and take one for their work alone. */
  takesPlace(handler: string): boolean {
    return this.#deps.registry.get(handler).takesPlace === true
  }

  run(hold: Hold, place: Place): RunHandle {
    const returned = Promise.withResolvers<void>()
    const settled = this.#run(hold, place, returned.resolve)
    return { returned: returned.promise, settled }
  }

  async #run(hold: Hold, place: Place, onReturn: () => void): Promise<void> {
    const definition = this.#deps.registry.get(hold.execution.handler)
    hold.begin()
    this.#deps.tracker.started(hold.execution)
    this.#deps.heartbeat.began(hold)

    const { promise: end, resolve } = Promise.withResolvers<RunEnd | null>()
    const run = this.#prepare({ hold, place, definition }, () => resolve(null))
    void this.#perform(run).then((done) => {
      resolve(done)
      this.#ended(run, onReturn)
    })
    await this.#settle(run, await end)
  }

  #prepare(parts: Pick<Run, 'hold' | 'place' | 'definition'>, onGiveUp: () => void): Run {
    const { hold, definition } = parts
    const { clock, tracker } = this.#deps
    const limit = hold.execution.timeout ?? definition.timeout
    const watch = new StuckWatch({
      clock,
      onStuck: () => this.#reportStuck(run),
      onDeaf: () => this.#reportDeaf(run),
      onGiveUp,
    })
    // One that can be killed has its own grace to end in
    const grace = definition.isolate?.grace ?? 0
    const timeout = new RunTimeout(clock, limit, () => {
      hold.abort('timeout')
      watch.arm(grace + STUCK_GRACE)
    })
    hold.onCancel(() => watch.listen(grace + CANCEL_GRACE))
    const logger = tracker.loggerFor(hold.execution)
    const run: Run = { ...parts, timeout, watch, logger, locks: this.#locks(hold) }
    return run
  }

  #locks({ signal, execution: { id, attempt, node } }: Hold): LockSet {
    const { clock, logger, locks: backend } = this.#deps
    return new LockSet({ clock, logger, backend, signal, owner: `${node}/${id}/${attempt}` })
  }

  async #perform(run: Run): Promise<RunEnd> {
    const context = createContext(this.#deps, run)
    if (run.definition.takesPlace) {
      givePlace(context, run.place)
    }
    try {
      const value = await this.#traced(run.hold, () => run.definition.run(context))
      return { kind: 'returned', value }
    } catch (error) {
      return { kind: 'thrown', error }
    } finally {
      run.timeout.cancel()
      run.watch.cancel()
      if (run.locks.used) {
        await run.locks.releaseAll()
      }
    }
  }

  #traced(hold: Hold, work: () => Promise<unknown>): Promise<unknown> {
    if (!executionChannel.hasSubscribers) {
      return work()
    }
    const { id, eventId, handler, queue, attempt, node } = hold.execution
    const trace = { executionId: id, eventId, handler, queue, attempt, node: node ?? '' }
    return executionChannel.tracePromise(work, trace)
  }

  #ended({ hold }: Run, onReturn: () => void): void {
    if (hold.state === 'ended') {
      const { id, handler } = hold.execution
      this.#deps.logger.info({ executionId: id, handler }, 'A stuck handler has ended at last')
    }
    onReturn()
  }

  /** @returns how many ms more the outcome waits for the handler */
  #reportStuck(run: Run): number {
    const { execution } = run.hold
    const { id, handler, concurrencyKey } = execution
    this.#deps.counters.increment('executions.stuck')
    this.#deps.logger.warn(
      { executionId: id, handler, timeout: run.timeout.allowed },
      `Handler "${handler}" ignores its timeout; its slot stays taken until it ends`
    )
    const holdsBack = concurrencyKey !== null || this.#verdict(run, null)?.to === 'retry'
    return holdsBack ? Math.max(0, this.#deps.config.lease.ttl - STUCK_GRACE) : 0
  }

  /** One that was cancelled: how it ends is its own, so that its outcome waits for it. */
  #reportDeaf({ hold }: Run): void {
    const { id, handler } = hold.execution
    this.#deps.counters.increment('executions.stuck')
    this.#deps.logger.warn(
      { executionId: id, handler, reason: hold.cancelReason },
      `Handler "${handler}" ignores its cancel; its slot stays taken until it ends`
    )
  }

  async #settle(run: Run, end: RunEnd | null): Promise<void> {
    const { hold } = run
    const verdict = this.#verdict(run, end)
    hold.end()
    if (verdict === null) {
      this.#deps.counters.increment('executions.left')
      this.#deps.tracker.left(hold.execution)
      return
    }
    const settlement = hold.settlement({ ...verdict, result: this.#storable(run, verdict) })
    await this.#deps.tracker.settle(settlement, hold.execution)
  }

  /** @param end null for a handler that is stuck; the verdict is null when the rescue decides */
  #verdict({ hold, definition, timeout }: Run, end: RunEnd | null): Verdict | null {
    const { execution, aborted, cancelReason } = hold
    const retries = execution.retries ?? definition.retry.retries
    const facts: RunFacts = {
      handler: execution.handler,
      aborted,
      cancelReason,
      failures: execution.failures,
      retry: { ...definition.retry, retries },
      timeout: timeout.allowed,
      random: this.#deps.random ?? Math.random,
      report: (problem) =>
        this.#deps.logger.warn({ executionId: execution.id }, `${definition.name}: ${problem}`),
    }
    if (end !== null) {
      return classify(end, facts)
    }
    if (aborted === 'cancelled') {
      return { to: 'cancelled', reason: cancelReason }
    }
    return aborted === 'timeout' ? timedOut(null, facts) : null
  }

  /** The work is done whether its result can be stored or not: a bad one is left out and said. */
  #storable({ logger, hold }: Run, { result }: Verdict): JsonValue | undefined {
    if (result === undefined || result === null) {
      return undefined
    }
    try {
      const limit = this.#deps.config.maxResult
      return JSON.parse(toJson(result, { field: 'result', limit })) as JsonValue
    } catch (error) {
      // As a record: a toJSON of the result may have thrown anything
      const err = toExecutionError(error)
      this.#deps.counters.increment('results.dropped')
      this.#deps.logger.warn({ err, executionId: hold.id }, 'A result was not stored')
      logger.warn(`The result was not stored: ${err.message}`)
      return undefined
    }
  }
}
