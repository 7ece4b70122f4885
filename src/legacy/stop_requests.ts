import { isOpen } from '../executions/state.ts'
import type { ExecutionRecord } from '../types/executions.ts'
import type { JsonObject } from '../types/json.ts'
import { stopReason } from './engine/stops.ts'
import { concurrencyKeyOf } from './ids.ts'
import { OrphanedRuns } from './orphaned_runs.ts'
import type { RequestEnds } from './request_ends.ts'
import type { StopRequest } from './request_mapper.ts'
import type { Runtime, SourceDeps } from './runtime.ts'
import type { Requests, RequestRow } from './tables/requests.ts'

/** How long the answer to a stop waits for the end of what it stops, ms. */
const LONGEST_WAIT = 60_000

interface Deps extends SourceDeps {
  ends: RequestEnds
}

/** A stop whose runs have not ended yet. */
interface PendingStop {
  requests: Requests
  row: RequestRow
  request: StopRequest
  stopped: JsonObject[]
  /** On the monotonic scale. */
  since: number
}

/**
 * STOP: cancels what has not begun and asks what runs to stop, on whatever
 * node; a run that began ends as ST. Its request is answered when that is
 * done, or at once where it is to be forced. Rows that wait in the table are
 * not touched: they ask for runs after this one.
 */
export class StopRequests {
  readonly #deps: Deps
  readonly #orphans: OrphanedRuns
  readonly #pending = new Set<PendingStop>()

  constructor(deps: Deps) {
    this.#deps = deps
    this.#orphans = new OrphanedRuns(deps)
  }

  /** Whether a request of this claim waits for its answer. */
  holds(claim: string): boolean {
    return [...this.#pending].some(({ row }) => row.claimedBy === claim)
  }

  async begin(
    runtime: Runtime,
    requests: Requests,
    row: RequestRow,
    request: StopRequest
  ): Promise<void> {
    const { ends, clock } = this.#deps
    const stopped = await this.#ask(request)
    if (stopped.length === 0) {
      await ends.done(requests, row, await this.#orphans.stop(runtime, request))
      return
    }
    const { force } = request
    if (force || stopped.every(({ state }) => state === 'queued')) {
      const message = `asked ${stopped.length} run(s) to stop`
      await ends.done(requests, row, { message, stopped, force })
      return
    }
    this.#pending.add({ requests, row, request, stopped, since: clock.monotonic() })
  }

  /** Answers those whose runs have ended meanwhile. */
  async answer(): Promise<void> {
    for (const pending of this.#pending) {
      await this.#answer(pending, this.#deps.clock.monotonic() - pending.since >= LONGEST_WAIT)
    }
  }

  /** This node ends: nobody would answer later. */
  async answerAll(): Promise<void> {
    for (const pending of this.#pending) {
      await this.#answer(pending, true)
    }
  }

  async #ask({ mapref, requestId, startedOn, force }: StopRequest): Promise<JsonObject[]> {
    const { scheduler, source } = this.#deps
    const open = await scheduler.executions.history({
      concurrencyKey: concurrencyKeyOf(source.name, mapref),
      states: ['queued', 'running'],
    })
    const stopped: JsonObject[] = []
    for (const { id, state } of this.#choose(open, startedOn)) {
      const reason = stopReason(requestId, force)
      if (await scheduler.cancel(id, { reason, by: `legacy:${source.name}` })) {
        stopped.push({ execution: id, state })
      }
    }
    return stopped
  }

  /** Everything that has not begun, and of what runs the one that is meant. */
  #choose(open: ExecutionRecord[], startedOn: string | null): ExecutionRecord[] {
    const { wallClock } = this.#deps.connection
    const alive = open.filter(({ state }) => isOpen(state))
    const waiting = alive.filter(({ startedAt }) => startedAt === null)
    const begun = alive.filter(({ startedAt }) => startedAt !== null)
    const newest = begun.sort((a, b) => b.startedAt! - a.startedAt!).slice(0, 1)
    const running =
      startedOn === null
        ? newest
        : begun.filter(({ startedAt }) => wallClock.dayOf(startedAt!) === startedOn)
    return [...waiting, ...running]
  }

  async #answer(pending: PendingStop, overdue: boolean): Promise<void> {
    const { scheduler, ends } = this.#deps
    const found = await Promise.all(
      pending.stopped.map(({ execution }) => scheduler.executions.find(String(execution)))
    )
    const running = found.filter((each) => each !== null && isOpen(each.state))
    if (running.length > 0 && !overdue) {
      return
    }
    const stopped = pending.stopped.map((each, index) => ({ ...each, ...endOf(found[index]) }))
    const message =
      running.length > 0
        ? `asked ${stopped.length} run(s) to stop; ${running.length} had not ended when this was answered`
        : `${stopped.length} run(s) ended`
    // Kept for the next look where the table is away
    await ends.done(pending.requests, pending.row, {
      message,
      stopped,
      force: pending.request.force,
    })
    this.#pending.delete(pending)
  }
}

/** What became of a run: its outcome, and what its row says. */
function endOf(execution: ExecutionRecord | null): JsonObject {
  if (!execution || isOpen(execution.state)) {
    return {}
  }
  const { status, prcid } = (execution.result ?? {}) as JsonObject
  return {
    outcome: execution.state,
    ...(status !== undefined && { status }),
    ...(prcid !== undefined && { prcid }),
  }
}
