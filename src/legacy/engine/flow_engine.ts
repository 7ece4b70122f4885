import { Cancelled, Failed, Missed, ReleaseSignal } from '../../jobs/outcome.ts'
import type { AbortReason, HandlerContext } from '../../types/handlers.ts'
import { Backoff } from '../backoff.ts'
import { isTransient } from '../connection.ts'
import type { OpenRuntime, Runtime, SourceDeps } from '../runtime.ts'
import type { Begun } from './begin.ts'
import { failure } from './failure.ts'
import type { RunnableFlow } from './flow_resolver.ts'
import { LogicRun, type ReadyRun } from './logic_run.ts'
import {
  firstCheckpoint,
  readPayload,
  runOf,
  withCheckpoint,
  type FlowRun,
  type LogicEnd,
  type SchedulePayload,
} from './flow_run.ts'
import { verdictOf, type FlowVerdict } from './verdict.ts'

/** Tries to find a free PRCID. */
const BEGINS = 5

interface Deps extends SourceDeps {
  open: OpenRuntime
  /** A run of this MAPREF is over here. */
  onEnded(mapref: string): void
}

type Prepared = { ready: ReadyRun } | { verdict: FlowVerdict }

/**
 * Runs the flows of one legacy source, step by step:
 *
 * 1. a PRCID that our own store knows before the legacy tables do
 * 2. what an earlier attempt left is settled by that PRCID
 * 3. the row in progress, guarded by the request's claim
 * 4. and 5. the logic and the closing transaction (FlowLogic)
 *
 * Until the logic starts, a legacy database that is away costs nothing: the
 * execution goes back to the queue and counts no attempt.
 */
export class FlowEngine {
  readonly #deps: Deps
  readonly #backoff = new Backoff()
  readonly #running = new Map<string, FlowRun>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** The runs of this process, from their beginning to their write-back. */
  get running(): FlowRun[] {
    return [...this.#running.values()]
  }

  /** @throws what the executor classifies; otherwise says how the run ended */
  async run(context: HandlerContext): Promise<FlowVerdict> {
    const { id } = context.execution
    try {
      const runtime = await this.#beforeLogic(() => this.#deps.open())
      const prepared = await this.#beforeLogic(() => this.#prepare(runtime, context))
      this.#backoff.succeeded()
      if ('verdict' in prepared) {
        return prepared.verdict
      }
      return await runtime.logic.execute(
        new LogicRun(prepared.ready, context, this.#deps.clock.monotonic())
      )
    } finally {
      const run = this.#running.get(id)
      this.#running.delete(id)
      // After a day the load goes on, and keeps its MAPREF
      if (run && run.origin !== 'day') {
        this.#deps.onEnded(run.mapref)
      }
    }
  }

  /** Nothing has begun: a database that is away hands the run back. */
  async #beforeLogic<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (!isTransient(error)) {
        throw error
      }
      this.#deps.counters.increment('legacy.handedBack')
      const reason = `the legacy database cannot be reached: ${(error as Error).message}`
      throw new ReleaseSignal(this.#backoff.failed(), reason)
    }
  }

  async #prepare(runtime: Runtime, context: HandlerContext): Promise<Prepared> {
    const slotRows = runtime.tables.requests !== null && this.#deps.source.slotGuard
    const known = runOf(context.execution, context.checkpoint, { slotRows })
    const run = known ?? (await this.#number(runtime, context, slotRows))
    this.#running.set(context.execution.id, run)
    if (context.attempt === 1) {
      return this.#begin(runtime, run, context)
    }
    return this.#afterRescue(runtime, run, context)
  }

  /** A run of an event gets its PRCID, stored before anything else is done with it. */
  async #number(runtime: Runtime, context: HandlerContext, slotRows: boolean): Promise<FlowRun> {
    const { tables } = runtime
    const payload = readPayload(context.execution) as SchedulePayload
    const current = await tables.schedules.findCurrent(
      this.#deps.connection.session,
      payload.mapref
    )
    const checkpoint = firstCheckpoint(
      await tables.ids.next('processLog'),
      this.#deps.claims.next(),
      current?.jobschid ?? payload.jobschid
    )
    await context.saveCheckpoint(checkpoint)
    return runOf(context.execution, checkpoint, { slotRows })!
  }

  async #afterRescue(runtime: Runtime, run: FlowRun, context: HandlerContext): Promise<Prepared> {
    const rescued = await runtime.rescue.settle(run, (moved) => this.#save(moved, context))
    return 'verdict' in rescued ? rescued : this.#begin(runtime, rescued.again, context)
  }

  async #save(run: FlowRun, context: HandlerContext): Promise<void> {
    await context.saveCheckpoint(run.checkpoint)
    this.#running.set(context.execution.id, run)
  }

  async #begin(runtime: Runtime, first: FlowRun, context: HandlerContext): Promise<Prepared> {
    let run = first
    for (let tries = 0; tries < BEGINS; tries++) {
      const stopped = await this.#stopped(runtime, run, context)
      if (stopped) {
        return { verdict: stopped }
      }
      const resolved = await runtime.flows.resolve(run.mapref)
      if (!resolved.ok) {
        return { verdict: await this.#refuse(runtime, run, failure('REQUEST', resolved.reason)) }
      }
      const begun = await this.#start(runtime, run, resolved, context)
      if (begun.kind === 'begun') {
        const { startedAt } = begun
        if (run.origin !== 'request') {
          // The payload of a request's run says it from its birth
          context.logger.info('The run is in progress', { prcid: run.prcid, mapref: run.mapref })
        }
        return { ready: { run, resolved, startedAt } }
      }
      if (begun.kind !== 'duplicate') {
        return { verdict: notOurs(run, begun) }
      }
      const rescued = await runtime.rescue.settle(run, (moved) => this.#save(moved, context))
      if ('verdict' in rescued) {
        return rescued
      }
      run = rescued.again
    }
    throw new Error(`No free PRCID was found in ${BEGINS} tries; check the id source`)
  }

  /** Step 3. When its answer is lost, the next attempt knows that the logic has not begun. */
  async #start(
    runtime: Runtime,
    run: FlowRun,
    { flow }: RunnableFlow,
    context: HandlerContext
  ): Promise<Begun> {
    try {
      return await runtime.start.begin(run, flow)
    } catch (error) {
      if (isTransient(error)) {
        await this.#save(withCheckpoint(run, { ...run.checkpoint, unbegun: true }), context)
      }
      throw error
    }
  }

  /** Reasons not to begin now. */
  async #stopped(
    runtime: Runtime,
    run: FlowRun,
    { signal }: HandlerContext
  ): Promise<FlowVerdict | null> {
    if (signal.aborted) {
      return this.#aborted(runtime, run, signal.reason as AbortReason)
    }
    const foreign = await runtime.foreignRuns.blocking(run.mapref)
    if (!foreign) {
      return null
    }
    const reason = `run ${foreign.prcid} of another scheduler has MAPREF "${run.mapref}" in progress`
    return new ReleaseSignal(this.#deps.source.pollInterval, reason)
  }

  async #aborted(runtime: Runtime, run: FlowRun, reason: AbortReason): Promise<FlowVerdict> {
    if (reason === 'cancelled' || reason === 'timeout') {
      const message = `${reason === 'timeout' ? 'timed out' : 'stopped'} before it began`
      const end = failure('STOPPED', message)
      return this.#refuse(runtime, run, reason === 'timeout' ? end : { ...end, status: 'ST' })
    }
    return new ReleaseSignal(0, reason)
  }

  /** The run does not begin: its request alone says why. */
  async #refuse(runtime: Runtime, run: FlowRun, end: LogicEnd): Promise<FlowVerdict> {
    const ids = await runtime.writeback.takeIds()
    const closing = { run, flow: { jobid: null, mapref: run.mapref }, end, ids }
    const refused = await this.#deps.connection.transaction(async (session) => {
      const now = await session.sql.now()
      const other = await runtime.start.ownRequest(session, run, now)
      if (!other) {
        await runtime.writeback.redo(session, { ...closing, startedAt: null, endsRequest: true })
      }
      return other
    })
    return refused ? notOurs(run, refused) : verdictOf(end, { status: end.status })
  }
}

function notOurs(run: FlowRun, { kind }: Exclude<Begun, { kind: 'begun' }>): FlowVerdict {
  if (kind === 'elsewhere') {
    return new Missed('ran elsewhere')
  }
  const reason = `request "${run.requestId}" is no longer claimed by "${run.claim}"`
  return run.origin === 'request' ? new Cancelled(reason) : new Failed(reason)
}
