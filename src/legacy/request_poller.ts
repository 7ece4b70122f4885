import type { ExecutionRecord } from '../types/executions.ts'
import type { Seats, WorkSource } from '../types/work_source.ts'
import { nodeNameOf } from './claims.ts'
import { isControl, type Controls } from './controls.ts'
import type { FlowRun, RequestPayload } from './engine/flow_run.ts'
import { legacySourceName } from './ids.ts'
import type { RequestEnds } from './request_ends.ts'
import { mapRequest, type RunnableRequest } from './request_mapper.ts'
import { RequestRuns, type ClaimedRequest } from './request_runs.ts'
import type { OpenRuntime, Runtime, SourceDeps } from './runtime.ts'
import type { Requests, RequestRow } from './tables/requests.ts'

/** Claims of one pull, so that rows that are refused do not leave seats empty. */
const ROUNDS = 5
const NO_FLOW = { ok: true } as const

interface Deps extends SourceDeps {
  open: OpenRuntime
  controls: Controls
  ends: RequestEnds
  /** The runs of this process. */
  running: () => FlowRun[]
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
  readonly #runs: RequestRuns
  /** Claims whose rows have not reached the executor yet. */
  readonly #inFlight = new Set<string>()

  constructor(deps: Deps) {
    this.#deps = deps
    this.#runs = new RequestRuns(deps)
    this.name = legacySourceName(deps.source.name)
    this.pollInterval = deps.source.pollInterval
  }

  /** Whether the rows of this claim are still on their way to the executor. */
  isInFlight(claim: string): boolean {
    return this.#inFlight.has(claim)
  }

  /** A run of this MAPREF is over here. */
  ended(mapref: string): void {
    this.#runs.ended(mapref)
  }

  async control(): Promise<number> {
    const runtime = await this.#deps.open()
    const { requests } = runtime.tables
    return requests ? this.#deps.controls.poll(runtime, requests) : 0
  }

  async stop(): Promise<void> {
    await this.#deps.controls.stop()
  }

  async pull(seats: Seats): Promise<number> {
    const runtime = await this.#deps.open()
    const { requests } = runtime.tables
    let taken = 0
    for (let round = 0; requests && round < ROUNDS && taken < seats.count; round++) {
      const found = await this.#round(runtime, requests, seats, seats.count - taken)
      if (found.claimed === 0) {
        break
      }
      taken += found.taken
    }
    return taken
  }

  /** Requests whose runs never began go back to the table, where any node may take them. */
  async handBack(executions: ExecutionRecord[]): Promise<ExecutionRecord[]> {
    const runtime = await this.#deps.open()
    const { session } = this.#deps.connection
    const returned: ExecutionRecord[] = []
    for (const execution of executions) {
      const { requestId, claim: claimedBy } = execution.payload as RequestPayload
      if (await runtime.tables.requests?.handBack(session, { requestId, claimedBy })) {
        returned.push(execution)
      }
    }
    return returned
  }

  async #round(runtime: Runtime, requests: Requests, seats: Seats, limit: number) {
    const claim = this.#deps.claims.next()
    this.#inFlight.add(claim)
    try {
      const rows = await this.#claim(runtime, requests, claim, limit)
      const accepted = await this.#accept(runtime, requests, rows)
      const taken =
        accepted.length > 0 ? await this.#runs.run(runtime, requests, accepted, seats) : 0
      return { claimed: rows.length, taken }
    } finally {
      this.#inFlight.delete(claim)
    }
  }

  async #claim(
    runtime: Runtime,
    requests: Requests,
    claimedBy: string,
    limit: number
  ): Promise<RequestRow[]> {
    const { connection, scheduler } = this.#deps
    // A look reads the whole of DWPRCLOG where its status has no index
    if (!runtime.foreignRuns.isFresh && !(await requests.hasNew(connection.session))) {
      return []
    }
    const foreign = await runtime.foreignRuns.list()
    const busy = [...foreign, ...this.#deps.running()].map(({ mapref }) => mapref)
    return requests.claimBatch(connection.session, {
      claimedBy,
      limit,
      now: await connection.now(),
      blocked: [...busy, ...this.#runs.held],
      ownPrefix: `${nodeNameOf(scheduler.nodeId).name}.`,
    })
  }

  /** @returns the runs that are asked for; other rows are done, or refused each by itself */
  async #accept(
    runtime: Runtime,
    requests: Requests,
    rows: RequestRow[]
  ): Promise<ClaimedRequest[]> {
    const { source, controls, ends } = this.#deps
    const runs: ClaimedRequest[] = []
    for (const row of rows) {
      const mapped = mapRequest(row, source)
      if (!mapped.ok) {
        await ends.refuse(requests, row, mapped.reason)
      } else if (isControl(mapped.request)) {
        await controls.handle(runtime, requests, row, mapped.request)
      } else {
        runs.push({ row, request: mapped.request })
      }
    }
    return this.#runnable(runtime, requests, runs)
  }

  /** Those whose MAPREF has a flow that may run here, and those that run none. */
  async #runnable(
    runtime: Runtime,
    requests: Requests,
    runs: ClaimedRequest[]
  ): Promise<ClaimedRequest[]> {
    const flows = await Promise.all(
      runs.map(({ request }) =>
        runsFlow(request) ? runtime.flows.resolve(request.mapref) : NO_FLOW
      )
    )
    const runnable: ClaimedRequest[] = []
    for (const [index, flow] of flows.entries()) {
      if (flow.ok) {
        runnable.push(runs[index])
      } else {
        await this.#deps.ends.refuse(requests, runs[index].row, flow.reason)
      }
    }
    return runnable
  }
}

function runsFlow({ type }: RunnableRequest): boolean {
  return type === 'IMMEDIATE' || type === 'HISTORY'
}
