import type { JsonObject } from '../types/json.ts'
import type { StopRequest } from './request_mapper.ts'
import type { Runtime, SourceDeps } from './runtime.ts'
import { BLOCKING_AGE, type RunningRow } from './tables/process_logs.ts'

type Deps = Pick<SourceDeps, 'connection' | 'nodes' | 'logger'>

/**
 * Rows in progress that no execution of this installation stands behind: left
 * by a node that is gone, or by another scheduler.
 */
export class OrphanedRuns {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /**
   * Ends, as ST, what a stop means and nobody runs. A run of another scheduler
   * is left alone while it counts as running, 24 hours.
   *
   * @returns the answer to the request
   */
  async stop(runtime: Runtime, request: StopRequest): Promise<JsonObject> {
    const { connection } = this.#deps
    const now = await connection.now()
    const rows = await this.#rows(runtime, request)
    const closed: JsonObject[] = []
    for (const row of rows.filter((each) => this.#isDead(each, now))) {
      if (await this.#close(runtime, row, request, now)) {
        closed.push({ prcid: row.prcid, status: 'ST' })
      }
    }
    const alive = rows.find((each) => !this.#isDead(each, now))
    return { message: messageOf(request, closed, alive), stopped: closed }
  }

  async #rows(runtime: Runtime, { mapref, startedOn }: StopRequest): Promise<RunningRow[]> {
    const { session, wallClock } = this.#deps.connection
    const rows = await runtime.tables.processLogs.listInProgress(session)
    return rows.filter(
      (row) =>
        row.mapref === mapref &&
        (startedOn === null ||
          (row.startedAt !== null && wallClock.dayOf(row.startedAt) === startedOn))
    )
  }

  /** Of a node of ours without an execution, or too old for any scheduler. */
  #isDead({ sessionid, startedAt }: RunningRow, now: number): boolean {
    const old = startedAt !== null && startedAt <= now - BLOCKING_AGE
    return old || this.#deps.nodes.hasSession(sessionid)
  }

  async #close(
    { tables }: Runtime,
    { prcid }: RunningRow,
    { requestId }: StopRequest,
    now: number
  ): Promise<boolean> {
    const { session } = this.#deps.connection
    const message = `stopped by request ${requestId}; nothing ran any more`
    const closed = await tables.processLogs.close(session, { prcid, status: 'ST', now, message })
    if (closed) {
      this.#deps.logger.info({ prcid, requestId }, 'A run that was left in progress was closed')
    }
    return closed
  }
}

function messageOf(
  { mapref, startedOn }: StopRequest,
  closed: JsonObject[],
  alive: RunningRow | undefined
): string {
  if (closed.length > 0) {
    const ids = closed.map(({ prcid }) => String(prcid)).join(', ')
    return `nothing of MAPREF "${mapref}" ran any more; closed what was left in progress: ${ids}`
  }
  if (alive) {
    return `run ${alive.prcid} of another scheduler has MAPREF "${mapref}" in progress; it was left alone`
  }
  const when = startedOn === null ? '' : ` that started on ${startedOn}`
  return `nothing of MAPREF "${mapref}"${when} runs`
}
