import { Failed } from '../../jobs/outcome.ts'
import type { HandlerContext, HandlerLock, Progress } from '../../types/handlers.ts'
import type { JsonValue } from '../../types/json.ts'
import { firstCheckpoint, FLOW_HANDLER, type FlowCheckpoint } from '../engine/flow_run.ts'
import type { SourceWork } from '../engine/source_handler.ts'
import type { FlowVerdict } from '../engine/verdict.ts'
import type { SourceDeps } from '../runtime.ts'
import type { LegacyTables } from '../tables/main.ts'
import { DayTimeout } from './day_timeout.ts'
import { daysBetween, type Day } from './days.ts'
import type { HistoryLoad } from './load.ts'
import { dayPayload } from './payload.ts'

interface Deps extends Pick<SourceDeps, 'clock' | 'scheduler'> {
  tables: LegacyTables
  /** Runs a flow, whatever asked for it. */
  engine: SourceWork
}

/**
 * Runs single days of a load: each is a run of the flow like any other, with
 * a PRCID of its own that the load's checkpoint knows before the legacy tables
 * do, and with the flow's timeout for itself.
 */
export class DayRuns {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** A day that was under way is settled by its PRCID, and run again only as the rescue allows. */
  async run(load: HistoryLoad, day: Day): Promise<FlowVerdict> {
    const resumed = load.progress.current?.day === day
    if (!resumed) {
      const prcid = await this.#deps.tables.ids.next('processLog')
      const run = firstCheckpoint(prcid, load.payload.claim, null)
      await load.keep({ current: { day, run } })
    }
    await load.tell(day)
    const { clock, scheduler, engine } = this.#deps
    const limit = scheduler.handlers.get(FLOW_HANDLER).timeout
    const timeout = new DayTimeout(clock, load.context.signal, limit)
    const locks: HandlerLock[] = []
    try {
      return await engine.run(contextOf(load, day, { timeout, locks, attempt: resumed ? 2 : 1 }))
    } catch (error) {
      if (timeout.ranOut && !load.context.signal.aborted) {
        return new Failed('timed out', { cause: error })
      }
      throw error
    } finally {
      timeout.cancel()
      await Promise.all(locks.map((lock) => lock.release()))
    }
  }
}

/** The context of the load as the run of one day sees it. */
function contextOf(
  load: HistoryLoad,
  day: Day,
  { timeout, locks, attempt }: { timeout: DayTimeout; locks: HandlerLock[]; attempt: number }
): HandlerContext {
  const { context } = load
  const payload = dayPayload(load.payload, day)
  const { current, first, last, complete } = load.progress
  const total = daysBetween(first, last)
  return {
    payload,
    execution: { ...context.execution, payload, checkpoint: current?.run ?? null },
    attempt,
    parents: {},
    slot: null,
    signal: timeout.signal,
    logger: context.logger,
    fencingToken: context.fencingToken,
    get checkpoint() {
      return load.progress.current?.run ?? null
    },
    progress: (progress) =>
      context.progress({ done: complete, total, message: `${day} ${wordsOf(progress)}`.trim() }),
    saveCheckpoint: (run: JsonValue) => load.keep({ current: { day, run: run as FlowCheckpoint } }),
    extend: (duration) => timeout.extend(duration),
    lock: (name, ttl) => {
      const lock = context.lock(name, ttl)
      locks.push(lock)
      return lock
    },
  }
}

function wordsOf(progress: Progress | number): string {
  const { percent, message } = typeof progress === 'number' ? { percent: progress } : progress
  return [percent === undefined ? '' : `${percent} %`, message ?? ''].join(' ').trim()
}

/** The PRCID and the counts that a day that completed has told. */
export function countsIn(result: JsonValue) {
  const told = (result ?? {}) as Record<string, unknown>
  const count = (name: string) => (typeof told[name] === 'number' ? told[name] : 0)
  const rows = {
    source: count('source_rows'),
    target: count('target_rows'),
    errors: count('error_rows'),
  }
  return { prcid: count('prcid'), rows }
}
