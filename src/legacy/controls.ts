import type { JsonObject } from '../types/json.ts'
import { isTransient } from './connection.ts'
import type { RequestEnds } from './request_ends.ts'
import {
  mapRequest,
  type LegacyRequest,
  type RefreshRequest,
  type StopRequest,
} from './request_mapper.ts'
import type { Runtime, SourceDeps } from './runtime.ts'
import { StopRequests } from './stop_requests.ts'
import type { Requests, RequestRow } from './tables/requests.ts'

/** Control rows claimed at once. */
const BATCH = 50
/** Looks take at most one part in so many of the time. */
const LOOK_PAUSE = 19

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
  readonly #stops: StopRequests
  readonly #inFlight = new Set<string>()
  /** On the monotonic scale. */
  #nextLook = 0

  constructor(deps: Deps) {
    this.#deps = deps
    this.#stops = new StopRequests(deps)
  }

  isInFlight(claim: string): boolean {
    return this.#inFlight.has(claim) || this.#stops.holds(claim)
  }

  /** Answers what waits for an answer: this node ends. */
  stop(): Promise<void> {
    return this.#stops.answerAll()
  }

  /** Handles what is there. @returns how many */
  async poll(runtime: Runtime, requests: Requests): Promise<number> {
    const { connection, claims } = this.#deps
    await this.#stops.answer()
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
      if (request.type === 'STOP') {
        await this.#stops.begin(runtime, requests, row, request)
      } else {
        await this.#deps.ends.done(requests, row, await this.#deps.sync())
      }
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
}

export function isControl(request: LegacyRequest): request is ControlRequest {
  return request.type === 'STOP' || request.type === 'REFRESH_SCHEDULE'
}
