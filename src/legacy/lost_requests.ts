import type { ExecutionRecord } from '../types/executions.ts'
import type { JsonObject } from '../types/json.ts'
import { failure } from './engine/failure.ts'
import type { LogicEnd } from './engine/flow_run.ts'
import { HISTORY_HANDLER, loadRun } from './history/payload.ts'
import { toResult, type HistoryProgress } from './history/progress.ts'
import type { Runtime, SourceDeps } from './runtime.ts'

type Deps = Pick<SourceDeps, 'connection' | 'scheduler'>

/** What the payloads of all requests have that are no single runs. */
type AnyPayload = { requestId: string; claim: string; mapref: string }

/**
 * The ends of requests that are no single run of a flow (history loads,
 * reports, further types), whose executions ended without writing them.
 */
export class LostRequests {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** @returns whether anything was missing */
  async redo(runtime: Runtime, execution: ExecutionRecord): Promise<boolean> {
    const end = endOf(execution)
    if (execution.handler === HISTORY_HANDLER) {
      return this.#load(runtime, execution, end)
    }
    const { requestId, claim: claimedBy, mapref } = execution.payload as AnyPayload
    const { connection, scheduler } = this.#deps
    const { requests } = runtime.tables
    if (!requests) {
      return false
    }
    const status = end.status === 'PC' ? 'DONE' : 'FAILED'
    const told = { status: end.status, mapref, ...resultIn(execution), ...messageOf(end) }
    const result = { ...told, node: scheduler.nodeId }
    const now = await connection.now()
    return requests.finish(connection.session, { requestId, claimedBy, status, result, now })
  }

  #load({ writeback }: Runtime, execution: ExecutionRecord, end: LogicEnd): Promise<boolean> {
    const progress = execution.checkpoint as HistoryProgress | null
    const run = loadRun(execution, progress)
    const details = progress ? { history: toResult(progress) } : {}
    const flow = { jobid: null, mapref: run.mapref }
    const ids = { jobLogId: 0, errorId: 0 }
    const closing = { run, flow, ids, end, details, startedAt: null, endsRequest: true }
    return this.#deps.connection.transaction((session) => writeback.redo(session, closing))
  }
}

/** How an execution ended, in the words of DWPRCLOG. */
export function endOf({ state, reason, error }: ExecutionRecord): LogicEnd {
  switch (state) {
    case 'succeeded':
      return { status: 'PC', counts: null, error: null }
    case 'cancelled':
      return { ...failure('STOPPED', reason ?? 'stopped'), status: 'ST' }
    default: {
      const why = error?.message ?? reason ?? 'it left no message'
      return failure('LOST', `${state}: ${why}`)
    }
  }
}

function resultIn({ result }: ExecutionRecord): JsonObject {
  return typeof result === 'object' && result !== null && !Array.isArray(result) ? result : {}
}

function messageOf({ error }: LogicEnd): JsonObject {
  return error ? { message: error.message } : {}
}
