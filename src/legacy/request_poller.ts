import type { RunAnswer, RunRequest, Seats, WorkSource } from '../types/work_source.ts'
import type { ExecutionRecord } from '../types/executions.ts'
import { isTransient } from './connection.ts'
import type { Controls } from './controls.ts'
import { FLOW_HANDLER, type FlowRun, type RequestPayload } from './engine/flow_run.ts'
import { concurrencyKeyOf } from './ids.ts'
import { mapRequest, type ImmediateRequest, type LegacyRequest } from './request_mapper.ts'
import type { Requests, RequestRow } from './tables/requests.ts'
import type { OpenRuntime, Runtime, SourceDeps } from './runtime.ts'
import { nodeNameOf } from './claims.ts'

/** Claims of one pull, so that rows that are refused do not leave seats empty. */
const ROUNDS = 5

interface Deps extends SourceDeps {
  open: OpenRuntime
  controls: Controls
  /** The runs of this process. */
  running: () => FlowRun[]
}

/** A row that was claimed, with what it asks for. */
interface Claimed {
  row: RequestRow
  request: ImmediateRequest
}

/**
 * Takes requests out of the request table: claims as many NEW rows as there
 * are seats, refuses each bad one by itself, and runs the others, one per
 * MAPREF.
 */
export class RequestPoller implements WorkSource {
  readonly name: string
  readonly pollInterval: number
  readonly #deps: Deps
  /** Claims whose rows are not handed to the executor yet. */
  readonly #inFlight = new Set<string>()
  /** MAPREFs that were refused a seat because another run has them, by the time of it. */
  readonly #held = new Map<string, number>()

  constructor(deps: Deps) {
    this.#deps = deps
    this.name = `legacy:${deps.source.name}`
    this.pollInterval = deps.source.pollInterval
  }

  /** Whether a claim of this process is still on its way to the executor. */
  isInFlight(claim: string): boolean {
    return this.#inFlight.has(claim)
  }

  async control(): Promise<number> {
    const runtime = await this.#deps.open()
    return runtime.tables.requests ? this.#deps.controls.poll(runtime, runtime.tables.requests) : 0
  }

  async pull(seats: Seats): Promise<number> {
    const runtime = await this.#deps.open()
    const { requests } = runtime.tables
    let taken = 0
    for (let round = 0; requests && round < ROUNDS && taken < seats.count; round++) {
      const claim = this.#deps.claims.next()
      this.#inFlight.add(claim)
      try {
        const rows = await this.#claim(runtime, requests, claim, seats.count - taken)
        if (rows.length === 0) {
          break
        }
        taken += await this.#take(runtime, requests, rows, seats)
      } finally {
        this.#inFlight.delete(claim)
      }
    }
    return taken
  }

  /** Requests whose runs never began go back to the table, where any node may take them. */
  async handBack(executions: ExecutionRecord[]): Promise<ExecutionRecord[]> {
    const { requests } = (await this.#deps.open()).tables
    const returned: ExecutionRecord[] = []
    for (const execution of executions) {
      const { requestId, claim: claimedBy } = execution.payload as RequestPayload
      const { session } = this.#deps.connection
      if (await requests?.handBack(session, { requestId, claimedBy })) {
        returned.push(execution)
      }
    }
    return returned
  }

  /** A run of this MAPREF has ended here: it may be asked for again. */
  ended(mapref: string): void {
    this.#held.delete(mapref)
  }

  async #claim(
    runtime: Runtime,
    requests: Requests,
    claimedBy: string,
    limit: number
  ): Promise<RequestRow[]> {
    const foreign = await runtime.foreignRuns.list()
    const running = this.#deps.running()
    return requests.claimBatch(this.#deps.connection.session, {
      claimedBy,
      limit,
      now: await this.#deps.connection.now(),
      blocked: [...foreign, ...running].map(({ mapref }) => mapref).concat(this.#heldNow()),
      ownPrefix: `${nodeNameOf(this.#deps.scheduler.nodeId).name}.`,
    })
  }

  #heldNow(): string[] {
    const now = this.#deps.clock.monotonic()
    for (const [mapref, since] of this.#held) {
      if (now - since >= this.pollInterval) {
        this.#held.delete(mapref)
      }
    }
    return [...this.#held.keys()]
  }

  async #take(
    runtime: Runtime,
    requests: Requests,
    rows: RequestRow[],
    seats: Seats
  ): Promise<number> {
    const claimed: Claimed[] = []
    for (const row of rows) {
      const request = await this.#accept(runtime, requests, row)
      if (request) {
        claimed.push({ row, request })
      }
    }
    return claimed.length === 0 ? 0 : this.#run(runtime, requests, claimed, seats)
  }

  /** @returns null for a row that was refused, or that is done already */
  async #accept(
    runtime: Runtime,
    requests: Requests,
    row: RequestRow
  ): Promise<ImmediateRequest | null> {
    const mapped = mapRequest(row, this.#deps.source)
    if (!mapped.ok) {
      await this.#refuse(requests, row, mapped.reason)
      return null
    }
    if (mapped.request.type !== 'IMMEDIATE') {
      await this.#deps.controls.handle(runtime, requests, row, mapped.request)
      return null
    }
    const flow = await runtime.flows.resolve(this.#deps.connection.session, mapped.request.mapref)
    if (!flow.ok) {
      await this.#refuse(requests, row, flow.reason)
      return null
    }
    return mapped.request
  }

  async #refuse(requests: Requests, row: RequestRow, reason: string): Promise<void> {
    const { connection, counters, logger } = this.#deps
    counters.increment('legacy.refused')
    logger.warn({ requestId: row.requestId, reason }, 'A legacy request was refused')
    await requests.finish(connection.session, {
      requestId: row.requestId,
      claimedBy: row.claimedBy!,
      status: 'FAILED',
      result: { status: 'FL', message: reason },
      now: await connection.now(),
    })
  }

  async #run(
    runtime: Runtime,
    requests: Requests,
    claimed: Claimed[],
    seats: Seats
  ): Promise<number> {
    const prcids = await runtime.tables.ids.take('processLog', claimed.length)
    const runs = claimed.map(({ row, request }, index) =>
      this.#runRequest(row, request, prcids[index])
    )
    let answers: RunAnswer[]
    try {
      answers = await seats.run(runs)
    } catch (error) {
      return this.#notRun(runtime, requests, claimed, seats, error)
    }
    let taken = 0
    for (const [index, answer] of answers.entries()) {
      if (answer.accepted) {
        taken++
      } else if (answer.conflict === 'concurrency') {
        await this.#postpone(requests, claimed[index])
      }
    }
    return taken
  }

  #runRequest(row: RequestRow, request: ImmediateRequest, prcid: number): RunRequest {
    const { name } = this.#deps.source
    const { requestId, mapref, requestParams, cause } = request
    const claim = row.claimedBy!
    const payload: RequestPayload = {
      source: name,
      mapref,
      requestId,
      claim,
      prcid,
      requestParams,
      cause,
    }
    return {
      handler: FLOW_HANDLER,
      payload,
      dedupeKey: requestKey(name, requestId, claim),
      concurrencyKey: concurrencyKeyOf(name, mapref),
    }
  }

  /** Another run has the MAPREF: the request waits in the table. */
  async #postpone(requests: Requests, { row, request }: Claimed): Promise<void> {
    const { connection, clock } = this.#deps
    const { requestId, claimedBy } = row
    await requests.handBack(connection.session, { requestId, claimedBy: claimedBy! })
    this.#held.set(request.mapref, clock.monotonic())
  }

  /**
   * Our own store did not take the runs. When it is away the rows go back; when
   * it refused one, that one alone is to blame.
   */
  async #notRun(
    runtime: Runtime,
    requests: Requests,
    claimed: Claimed[],
    seats: Seats,
    error: unknown
  ): Promise<number> {
    if (!isTransient(error) && claimed.length > 1) {
      let taken = 0
      for (const one of claimed) {
        taken += await this.#run(runtime, requests, [one], seats)
      }
      return taken
    }
    const [{ row }] = claimed
    if (isTransient(error)) {
      const ids = claimed.map((one) => one.row.requestId)
      await requests.handBackAll(this.#deps.connection.session, row.claimedBy!, ids)
      throw error
    }
    await this.#refuse(requests, row, `the request cannot be run: ${(error as Error).message}`)
    return 0
  }
}

/** The dedupe key of a request's execution: a claim is never made twice. */
export function requestKey(source: string, requestId: string, claim: string): string {
  return `req:${source}:${requestId}@${claim}`
}

export type { LegacyRequest }
