import { sleep } from '../../clock.ts'
import { E_LEASE_LOST } from '../../errors.ts'
import { Cancelled, Failed, Missed, ReleaseSignal, Succeeded } from '../../jobs/outcome.ts'
import type { AbortReason, HandlerContext } from '../../types/handlers.ts'
import { Backoff } from '../backoff.ts'
import { isTransient, type LegacySession } from '../connection.ts'
import type { SourceDeps } from '../runtime.ts'
import { FencedError, type Closing, type Writeback } from '../writeback.ts'
import { endOfThrow, failure } from './failure.ts'
import type { ReadyRun } from './flow_engine.ts'
import { withCheckpoint, type LogicEnd } from './flow_run.ts'
import { HANDED_BACK, type RunRescue } from './rescue.ts'
import type { RunCounts } from './runners/runner.ts'
import { verdictOf, type FlowVerdict } from './verdict.ts'

/** Once the outcome is decided, its write-back is not timed out. */
const CLOSING_TIME = '1d'
/** Times that a run cut off by a lost database begins again before it fails. */
const MOST_RESTARTS = 20

interface Deps extends Pick<SourceDeps, 'connection' | 'clock' | 'logger' | 'counters'> {
  writeback: Writeback
  rescue: RunRescue
  sessionId: number
}

/**
 * Steps 4 and 5 of a run. An atomic runner works inside the closing
 * transaction: its effects, the logs and the request commit together or not at
 * all. Any other runner works first and the closing transaction follows, tried
 * again for as long as the lease holds.
 */
export class FlowLogic {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  async execute(ready: ReadyRun, context: HandlerContext): Promise<FlowVerdict> {
    const began = this.#deps.clock.monotonic()
    let counts: RunCounts | null
    try {
      if (ready.resolved.runner.atomic) {
        return await this.#executeAtomic(ready, context)
      }
      counts = await this.#runLogic(ready, context)
    } catch (error) {
      return this.#afterThrow(ready, context, error, this.#deps.clock.monotonic() - began)
    }
    return this.#end(ready, context, { status: 'PC', counts, error: null })
  }

  async #executeAtomic(ready: ReadyRun, context: HandlerContext): Promise<FlowVerdict> {
    const ids = await this.#deps.writeback.takeIds()
    const result = await this.#deps.connection.transaction(async (session) => {
      const counts = await this.#runLogic(ready, context, session)
      const end: LogicEnd = { status: 'PC', counts, error: null }
      return this.#deps.writeback.close(session, { ...closingOf(ready, end), ids })
    })
    return new Succeeded(result)
  }

  async #runLogic(
    ready: ReadyRun,
    context: HandlerContext,
    session?: LegacySession
  ): Promise<RunCounts | null> {
    const { run, resolved } = ready
    const counts = await resolved.runner.run({
      session: session?.sql,
      flow: resolved.flow,
      params: run.params,
      prcid: run.prcid,
      sessionId: this.#deps.sessionId,
      mapref: run.mapref,
      signal: context.signal,
      logger: context.logger,
      context,
    })
    // An abort that the logic did not notice: what it did in the transaction is undone
    if (session && context.signal.aborted) {
      throw new Error(`aborted: ${String(context.signal.reason)}`)
    }
    context.extend(CLOSING_TIME)
    return counts
  }

  /** The logic threw, or its transaction did not commit. */
  async #afterThrow(
    ready: ReadyRun,
    context: HandlerContext,
    error: unknown,
    elapsed: number
  ): Promise<FlowVerdict> {
    const aborted = context.signal.aborted ? (context.signal.reason as AbortReason) : null
    if (aborted === 'lease lost' || error instanceof E_LEASE_LOST) {
      throw error
    }
    if (error instanceof FencedError) {
      return this.#fenced(ready, context)
    }
    const handedBack = this.#handsBack(ready, error, aborted)
    if (handedBack) {
      return this.#handBack(ready, context, handedBack)
    }
    const end = explicitEnd(error) ?? endOfThrow(error, aborted, elapsed)
    const verdict = await this.#end(ready, context, end)
    if (aborted === 'timeout' && verdict instanceof Failed) {
      // The executor tells a timeout by its signal, and stores it as what it is
      throw error
    }
    return verdict
  }

  /** Whether a run that was cut off goes on later, and why; null when this is its end. */
  #handsBack(
    { run, resolved }: ReadyRun,
    error: unknown,
    aborted: AbortReason | null
  ): ReleaseSignal | null {
    if (error instanceof ReleaseSignal) {
      return error
    }
    const { atomic } = resolved.runner
    if (aborted === 'shutdown' && (atomic || resolved.idempotent)) {
      return new ReleaseSignal(0, 'shutdown')
    }
    const lost = aborted === null && atomic && isTransient(error)
    if (lost && run.checkpoint.restarts < MOST_RESTARTS) {
      const reason = `the legacy database was lost: ${(error as Error).message}`
      return new ReleaseSignal(250 * 2 ** Math.min(run.checkpoint.restarts, 6), reason)
    }
    return null
  }

  /**
   * Closes the row for a run that begins again under a new PRCID. When the
   * database is away the row stays in progress, and the next attempt closes it.
   */
  async #handBack(
    ready: ReadyRun,
    context: HandlerContext,
    release: ReleaseSignal
  ): Promise<FlowVerdict> {
    const end = failure('RELEASED', `${HANDED_BACK}: ${release.reason}`)
    try {
      const ids = await this.#deps.writeback.takeIds()
      const closing = { ...closingOf(ready, end), ids, endsRequest: false }
      await this.#deps.connection.transaction((session) =>
        this.#deps.writeback.close(session, closing)
      )
    } catch (error) {
      if (error instanceof FencedError) {
        return this.#fenced(ready, context)
      }
      if (!isTransient(error)) {
        throw error
      }
      this.#deps.logger.warn(
        { err: error, prcid: ready.run.prcid },
        'A run is handed back with its row in progress; the next attempt closes it'
      )
    }
    this.#deps.counters.increment('legacy.handedBack')
    return release
  }

  /** Another hand has closed the row: what it says counts. */
  async #fenced(ready: ReadyRun, context: HandlerContext): Promise<FlowVerdict> {
    const { run } = ready
    const rescued = await this.#deps.rescue.settle(run, (moved) =>
      context.saveCheckpoint(moved.checkpoint)
    )
    if ('verdict' in rescued) {
      return rescued.verdict
    }
    return new ReleaseSignal(0, `the row of run ${run.prcid} was closed by another; it runs again`)
  }

  /** The closing transaction of a run whose logic is over, until it is written. */
  async #end(ready: ReadyRun, context: HandlerContext, first: LogicEnd): Promise<FlowVerdict> {
    const backoff = new Backoff()
    for (let end = first; ;) {
      try {
        const ids = await this.#deps.writeback.takeIds()
        const closing = { ...closingOf(ready, end), ids }
        const result = await this.#deps.connection.transaction((session) =>
          this.#deps.writeback.close(session, closing)
        )
        return verdictOf(end, result)
      } catch (error) {
        if (error instanceof FencedError) {
          return this.#fenced(ready, context)
        }
        if (isTransient(error)) {
          await this.#holdOn(ready, context, end, backoff, error)
        } else if (end.status === 'PC') {
          end = failure('WRITEBACK', `its end could not be written: ${(error as Error).message}`)
        } else {
          throw error
        }
      }
    }
  }

  /**
   * The legacy database is away while an outcome waits to be written: our own
   * store keeps it, so that whoever goes on from here need not run the logic
   * again. The call is fenced: it throws when the lease is gone.
   */
  async #holdOn(
    ready: ReadyRun,
    context: HandlerContext,
    end: LogicEnd,
    backoff: Backoff,
    error: unknown
  ): Promise<void> {
    const wait = backoff.failed()
    this.#deps.counters.increment('legacy.closingRetried')
    this.#deps.logger.warn(
      { err: error, prcid: ready.run.prcid, wait },
      'The end of a run could not be written; it is tried again'
    )
    const kept = withCheckpoint(ready.run, { ...ready.run.checkpoint, ended: end })
    try {
      await context.saveCheckpoint(kept.checkpoint)
    } catch (failed) {
      if (!isTransient(failed)) {
        throw failed
      }
    }
    if (context.signal.aborted && context.signal.reason === 'shutdown') {
      throw new ReleaseSignal(0, 'shutdown; only the write-back of the run is missing')
    }
    await sleep(this.#deps.clock, wait)
  }
}

function closingOf({ run, resolved, startedAt }: ReadyRun, end: LogicEnd): Omit<Closing, 'ids'> {
  return { run, flow: resolved.flow, end, startedAt, endsRequest: true }
}

/** A bound handler may say itself how it ended. */
function explicitEnd(thrown: unknown): LogicEnd | null {
  if (thrown instanceof Succeeded) {
    return { status: 'PC', counts: null, error: null }
  }
  if (thrown instanceof Cancelled) {
    return { ...failure('STOPPED', thrown.reason), status: 'ST' }
  }
  return thrown instanceof Missed ? failure('MISSED', thrown.reason) : null
}
