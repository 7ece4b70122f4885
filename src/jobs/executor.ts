import type { Counters } from '../counters.ts'
import { toExecutionError } from '../executions/error_record.ts'
import { toJson } from '../json.ts'
import { executionChannel } from '../telemetry/channels.ts'
import {
  classify,
  plainVerdict,
  timedOut,
  type RunEnd,
  type RunFacts,
  type Verdict,
} from './outcome.ts'
import { givePlace } from './place.ts'
import { parentsFor, RunContext, type ContextDeps } from './run_context.ts'
import { Run, type RunListener, type RunParts } from './run.ts'
import { STUCK_GRACE } from './stuck_watch.ts'
import type { LockBackend } from '../locks/backend.ts'
import type { CoreConfig } from '../types/config.ts'
import type { HandlerContext } from '../types/handlers.ts'
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
  readonly #parts: RunParts

  constructor(deps: Deps) {
    this.#deps = deps
    this.#parts = {
      ...deps,
      onStuck: (run) => this.#reportStuck(run),
      onDeaf: (run) => this.#reportDeaf(run),
      onGiveUp: (run) => {
        run.givenUp = true
        this.#settle(run, null)
      },
    }
  }

  /** Whether runs of this handler begin without a slot and take one for their work alone. */
  takesPlace(handler: string): boolean {
    const { registry } = this.#deps
    return registry.has(handler) && registry.get(handler).takesPlace === true
  }

  /** @throws E_UNKNOWN_HANDLER */
  run(hold: Hold, listener: RunListener): void {
    const definition = this.#deps.registry.get(hold.execution.handler)
    hold.begin()
    this.#deps.tracker.started(hold.execution)
    this.#deps.heartbeat.began(hold)
    this.#perform(new Run(hold, definition, this.#parts, listener))
  }

  #perform(run: Run): void {
    const parents = parentsFor(this.#deps, run.hold)
    const begin = (known: HandlerContext['parents']) =>
      this.#traced(run, this.#contextOf(run, known))
    // Outside of workflows the handler begins in this very turn
    const done =
      parents instanceof Promise ? begunUnlessAborted(run, parents, begin) : begin(parents)
    void done.then(
      (value) => this.#ended(run, { kind: 'returned', value }),
      (error: unknown) => this.#ended(run, { kind: 'thrown', error })
    )
  }

  #contextOf(run: Run, parents: HandlerContext['parents']): HandlerContext {
    const context = new RunContext(this.#deps, run, parents)
    if (run.definition.takesPlace && run.hold.place) {
      givePlace(context, run.hold.place)
    }
    return context
  }

  #ended(run: Run, end: RunEnd): void {
    const released = run.end()
    if (released) {
      void released.then(() => this.#finish(run, end))
    } else {
      this.#finish(run, end)
    }
  }

  #finish(run: Run, end: RunEnd): void {
    if (run.givenUp) {
      const { id, handler } = run.hold.execution
      this.#deps.logger.info({ executionId: id, handler }, 'A stuck handler has ended at last')
    } else {
      this.#settle(run, end)
    }
    run.returned()
  }

  #traced({ hold, definition }: Run, context: HandlerContext): Promise<unknown> {
    if (!executionChannel.hasSubscribers) {
      return definition.run(context)
    }
    const { id, eventId, handler, queue, attempt, node } = hold.execution
    const trace = { executionId: id, eventId, handler, queue, attempt, node: node ?? '' }
    return executionChannel.tracePromise(() => definition.run(context), trace)
  }

  /** @returns how many ms more the outcome waits for the handler */
  #reportStuck(run: Run): number {
    const { execution } = run.hold
    const { id, handler, concurrencyKey } = execution
    this.#deps.counters.increment('executions.stuck')
    this.#deps.logger.warn(
      { executionId: id, handler, timeout: run.allowed },
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

  /** @param end null for a handler that is stuck */
  #settle(run: Run, end: RunEnd | null): void {
    const { hold } = run
    const verdict = this.#verdict(run, end)
    hold.end()
    if (verdict === null) {
      this.#deps.counters.increment('executions.left')
      this.#deps.tracker.left(hold.execution)
      run.stored()
      return
    }
    const settlement = hold.settlement({ ...verdict, result: this.#storable(run, verdict) })
    this.#deps.tracker.end(settlement, hold.execution, () => run.stored())
  }

  /** @param end null for a handler that is stuck; the verdict is null when the rescue decides */
  #verdict(run: Run, end: RunEnd | null): Verdict | null {
    const { aborted, cancelReason } = run.hold
    const plain = end && plainVerdict(end, aborted)
    if (plain) {
      return plain
    }
    if (end !== null) {
      return classify(end, this.#facts(run))
    }
    if (aborted === 'cancelled') {
      return { to: 'cancelled', reason: cancelReason }
    }
    return aborted === 'timeout' ? timedOut(null, this.#facts(run)) : null
  }

  #facts({ hold, definition, allowed }: Run): RunFacts {
    const { execution, aborted, cancelReason } = hold
    const retries = execution.retries ?? definition.retry.retries
    return {
      handler: execution.handler,
      aborted,
      cancelReason,
      failures: execution.failures,
      retry: { ...definition.retry, retries },
      timeout: allowed,
      random: this.#deps.random ?? Math.random,
      report: (problem) =>
        this.#deps.logger.warn({ executionId: execution.id }, `${definition.name}: ${problem}`),
    }
  }

  /** The work is done whether its result can be stored or not: a bad one is left out and said. */
  #storable(run: Run, { result }: Verdict): JsonValue | undefined {
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
      this.#deps.logger.warn({ err, executionId: run.hold.id }, 'A result was not stored')
      run.logger.warn(`The result was not stored: ${err.message}`)
      return undefined
    }
  }
}

/** What was cancelled, or timed out, while its parents were read does not begin. */
async function begunUnlessAborted<Known, Value>(
  { hold }: Run,
  parents: Promise<Known>,
  begin: (known: Known) => Promise<Value>
): Promise<Value> {
  const known = await parents
  hold.signal.throwIfAborted()
  return begin(known)
}
