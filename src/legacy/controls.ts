import { isOpen } from '../executions/state.ts'
import type { ExecutionRecord } from '../types/executions.ts'
import type { JsonObject } from '../types/json.ts'
import { isTransient } from './connection.ts'
import { concurrencyKeyOf } from './ids.ts'
import type { RequestEnds } from './request_ends.ts'
import {
  mapRequest,
  type LegacyRequest,
  type RefreshRequest,
  type StopRequest,
} from './request_mapper.ts'
import type { Runtime, SourceDeps } from './runtime.ts'
import type { Requests, RequestRow } from './tables/requests.ts'

/** Control rows claimed at once. */
const BATCH = 50
/** Looks take at most one part in so many of the time. */
const LOOK_PAUSE = 4

export type ControlRequest = StopRequest | RefreshRequest

interface Deps extends SourceDeps {
  ends: RequestEnds
  /** Reads the schedule table now. */
  sync(): Promise<JsonObject>
}

/**
 * Handles the requests that are about other work: STOP and REFRESH_SCHEDULE.
 * They need no slot, are claimed in a statement of their own, and come first.
 */
export class Controls {
  readonly #deps: Deps
  readonly #inFlight = new Set<string>()
  /** On the monotonic scale. */
  #nextLook = 0

  constructor(deps: Deps) {
    this.#deps = deps
  }

  isInFlight(claim: string): boolean {
    return this.#inFlight.has(claim)
  }

  /** Handles what is there. @returns how many */
  async poll(runtime: Runtime, requests: Requests): Promise<number> {
    const { connection, claims } = this.#deps
    if (!(await this.#look(requests))) {
      return 0
    }
    const claimedBy = claims.next()
    this.#inFlight.add(claimedBy)
    try {
      const now = await connection.now()
      const claim = { claimedBy, limit: BATCH, now }
      const rows = await requests.claimControl(connection.session, claim)
      for (const row of rows) {
        await this.#one(runtime, requests, row)
      }
      return rows.length
    } finally {
      this.#inFlight.delete(claimedBy)
    }
  }

  /** Whether there may be some. A long queue takes long to look through: then it is looked at less often. */
  async #look(requests: Requests): Promise<boolean> {
    const { connection, clock, source } = this.#deps
    const began = clock.monotonic()
    if (began < this.#nextLook) {
      return false
    }
    const found = await requests.hasNewControl(connection.session)
    const ended = clock.monotonic()
    const pause = Math.min(source.pollInterval, (ended - began) * LOOK_PAUSE)
    this.#nextLook = found ? ended : ended + pause
    return found
  }

  /** Does what a claimed row asks for and ends it. A database that is away gives the row back. */
  async handle(
    runtime: Runtime,
    requests: Requests,
    row: RequestRow,
    request: ControlRequest
  ): Promise<void> {
    try {
      const result =
        request.type === 'STOP' ? await this.#stop(runtime, request) : await this.#deps.sync()
      await this.#deps.ends.done(requests, row, result)
    } catch (error) {
      if (isTransient(error)) {
        await this.#deps.ends.handBack(requests, [row])
        throw error
      }
      await this.#deps.ends.refuse(requests, row, (error as Error).message)
    }
  }

  async #one(runtime: Runtime, requests: Requests, row: RequestRow): Promise<void> {
    const mapped = mapRequest(row, this.#deps.source)
    if (!mapped.ok) {
      await this.#deps.ends.refuse(requests, row, mapped.reason)
    } else if (isControl(mapped.request)) {
      await this.handle(runtime, requests, row, mapped.request)
    }
  }

  /**
   * Cancels what has not begun and asks what runs to stop; a run that began
   * ends as ST. Rows that wait in the table are not touched: they ask for runs
   * after this one.
   */
  async #stop(runtime: Runtime, request: StopRequest): Promise<JsonObject> {
    const { scheduler, source } = this.#deps
    const open = await scheduler.executions.history({
      concurrencyKey: concurrencyKeyOf(source.name, request.mapref),
      states: ['queued', 'running'],
    })
    const chosen = this.#choose(open, request)
    const stopped: JsonObject[] = []
    for (const execution of chosen) {
      const done = await scheduler.cancel(execution.id, {
        reason: `stopped by request ${request.requestId}`,
        by: `legacy:${source.name}`,
      })
      if (done) {
        stopped.push({ execution: execution.id, state: execution.state })
      }
    }
    return stopped.length > 0
      ? { message: `asked ${stopped.length} run(s) to stop`, stopped, force: request.force }
      : this.#nothing(runtime, request)
  }

  /** Everything that has not begun, and of what runs the one that is meant. */
  #choose(open: ExecutionRecord[], { startedOn }: StopRequest): ExecutionRecord[] {
    const alive = open.filter(({ state }) => isOpen(state))
    const waiting = alive.filter(({ startedAt }) => startedAt === null)
    const begun = alive.filter(({ startedAt }) => startedAt !== null)
    const newest = begun.sort((a, b) => b.startedAt! - a.startedAt!).slice(0, 1)
    const running =
      startedOn === null
        ? newest
        : begun.filter(({ startedAt }) => this.#dayOf(startedAt!) === startedOn)
    return [...waiting, ...running]
  }

  #dayOf(instant: number): string {
    return this.#deps.connection.wallClock.render(instant, 'second').slice(0, 10)
  }

  async #nothing(runtime: Runtime, { mapref, startedOn }: StopRequest): Promise<JsonObject> {
    const foreign = await runtime.foreignRuns.blocking(mapref)
    const when = startedOn === null ? '' : ` that started on ${startedOn}`
    const message = foreign
      ? `run ${foreign.prcid} of another scheduler has MAPREF "${mapref}" in progress; it was left alone`
      : `nothing of MAPREF "${mapref}"${when} runs`
    return { message, stopped: [] }
  }
}

export function isControl(request: LegacyRequest): request is ControlRequest {
  return request.type === 'STOP' || request.type === 'REFRESH_SCHEDULE'
}
