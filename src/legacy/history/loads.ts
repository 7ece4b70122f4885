import { Cancelled, ReleaseSignal, Succeeded } from '../../jobs/outcome.ts'
import type { AbortReason, HandlerContext } from '../../types/handlers.ts'
import { Backoff } from '../backoff.ts'
import { failure } from '../engine/failure.ts'
import type { LogicEnd } from '../engine/flow_run.ts'
import type { SourceWork } from '../engine/source_handler.ts'
import { Stops } from '../engine/stops.ts'
import { verdictOf, type FlowVerdict } from '../engine/verdict.ts'
import { Refusal } from '../request_fields.ts'
import { orReleased, untilWritten } from '../request_closing.ts'
import type { OpenRuntime, Runtime, SourceDeps } from '../runtime.ts'
import { HistoryBegin } from './begin.ts'
import { countsIn, DayRuns } from './day_runs.ts'
import type { Day } from './days.ts'
import { endOfLoad, stoppedLoad } from './end.ts'
import { HistoryLoad, unclaimed } from './load.ts'
import { loadRun, type HistoryPayload } from './payload.ts'
import { dayEnded, dueDay, toResult, type HistoryProgress } from './progress.ts'

/** What a load waits longer than its day when it is stopped by force, ms: the row of the day is told first. */
const AFTER_ITS_DAY = 1_000

interface Deps extends SourceDeps {
  open: OpenRuntime
  /** Runs a flow, whatever asked for it. */
  engine: SourceWork
}

/**
 * History loads of one source: one run of the flow per day, in order. A load
 * is one execution, so that it holds its MAPREF from its first day to its
 * last; its checkpoint knows the day that runs, by its PRCID, before the
 * legacy tables do.
 */
export class HistoryLoads implements SourceWork {
  readonly #deps: Deps
  readonly #backoff = new Backoff()
  readonly #stops: Stops

  constructor(deps: Deps) {
    this.#deps = deps
    this.#stops = new Stops({ ...deps, grace: deps.source.stopGrace + AFTER_ITS_DAY })
  }

  async run(context: HandlerContext): Promise<FlowVerdict> {
    const runtime = await this.#orReleased(() => this.#deps.open())
    const outcome = await this.#stops.around(
      context,
      () => this.#orRefused(runtime, context),
      (end) => this.#end(runtime, context, end, context.checkpoint as HistoryProgress | null)
    )
    return 'closed' in outcome ? outcome.closed : outcome.done
  }

  async #orRefused(runtime: Runtime, context: HandlerContext): Promise<FlowVerdict> {
    try {
      return await this.#run(runtime, context)
    } catch (error) {
      if (error instanceof Refusal) {
        return this.#end(runtime, context, failure('REQUEST', error.reason), null)
      }
      throw error
    }
  }

  async #run(runtime: Runtime, context: HandlerContext): Promise<FlowVerdict> {
    const { connection, scheduler, source, clock, engine } = this.#deps
    const { tables } = runtime
    const begin = new HistoryBegin({ connection, tables, onError: source.history.onError })
    const payload = context.execution.payload as HistoryPayload
    const kept = context.checkpoint as HistoryProgress | null
    const progress = kept ?? (await this.#orReleased(() => begin.progress(payload)))
    const told = tables.requestProgress
    const load = new HistoryLoad({ context, connection, told, nodeId: scheduler.nodeId }, progress)
    await load.keep({})
    await this.#orReleased(() => begin.truncate(load))
    const days = new DayRuns({ clock, scheduler, tables, engine })
    return this.#days(runtime, load, days)
  }

  async #days(runtime: Runtime, load: HistoryLoad, days: DayRuns): Promise<FlowVerdict> {
    const { context } = load
    for (let day = nextDay(load); day !== null; day = nextDay(load)) {
      const today = day
      const aborted = context.signal.aborted && (context.signal.reason as AbortReason)
      if (aborted && aborted !== 'cancelled') {
        return new ReleaseSignal(0, aborted)
      }
      const verdict = aborted
        ? new Cancelled('stopped')
        : await this.#orReleased(() => days.run(load, today))
      if (verdict instanceof ReleaseSignal) {
        return verdict
      }
      if (verdict instanceof Cancelled) {
        return this.#end(
          runtime,
          context,
          stoppedLoad(load.progress, today, verdict),
          load.progress
        )
      }
      await load.keep(afterDay(load.progress, today, verdict))
      if (!(verdict instanceof Succeeded) && load.progress.onError === 'stop') {
        break
      }
    }
    return this.#end(runtime, context, endOfLoad(load.progress), load.progress)
  }

  /** Ends the request, and queues the children of a load that is complete. */
  async #end(
    { writeback }: Runtime,
    context: HandlerContext,
    end: LogicEnd,
    progress: HistoryProgress | null
  ): Promise<FlowVerdict> {
    const { clock, logger, connection } = this.#deps
    const { execution } = context
    const run = loadRun(execution, progress)
    const details = progress ? { history: toResult(progress) } : {}
    const closing = {
      ...{ run, end, details, endsRequest: true, startedAt: null },
      flow: { jobid: null, mapref: run.mapref },
      ids: { jobLogId: 0, errorId: 0 },
    }
    const written = await untilWritten({ clock, logger }, context, () =>
      connection.transaction((session) => writeback.redo(session, closing))
    )
    return written
      ? verdictOf(end, { status: end.status, mapref: run.mapref, ...details })
      : new Cancelled(unclaimed(execution.payload as HistoryPayload))
  }

  #orReleased<T>(work: () => Promise<T>): Promise<T> {
    return orReleased(this.#backoff, work)
  }
}

/** The day that was under way comes first. */
function nextDay({ progress }: HistoryLoad): Day | null {
  return progress.current?.day ?? dueDay(progress)
}

function afterDay(
  progress: HistoryProgress,
  day: Day,
  verdict: Exclude<FlowVerdict, Cancelled | ReleaseSignal>
): HistoryProgress {
  if (verdict instanceof Succeeded) {
    return dayEnded(progress, day, countsIn(verdict.result))
  }
  const prcid = progress.current?.run.prcid ?? null
  return dayEnded(progress, day, { failed: { day, prcid, message: verdict.message } })
}
