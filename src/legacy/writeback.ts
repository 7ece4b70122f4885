import type { JsonObject } from '../types/json.ts'
import type { Logger } from '../types/logger.ts'
import type { LegacyConnection, LegacySession } from './connection.ts'
import type { Dependents, QueuedChildren } from './dependents.ts'
import type { FlowRun, LogicEnd } from './engine/flow_run.ts'
import type { FlowRow } from './tables/job_flows.ts'
import type { LegacyTables } from './tables/main.ts'
import type { RunTimes } from './run_times.ts'
import { cutText, type TextLimit } from './text_cut.ts'

/** The row in progress was closed by somebody else: this attempt is fenced, all is rolled back. */
export class FencedError extends Error {
  override readonly name = 'FencedError'

  constructor(readonly prcid: number) {
    super(`The run ${prcid} is no longer in progress`)
  }
}

/** What of a flow the log rows carry. */
export type FlowIdentity = Pick<FlowRow, 'jobid' | 'mapref'>

/** Ids that a closing may need, taken before its transaction. */
export interface ClosingIds {
  jobLogId: number
  errorId: number
}

export interface Closing {
  run: FlowRun
  flow: FlowIdentity
  end: LogicEnd
  ids: ClosingIds
  /** When the run began, epoch ms; null when it never did. */
  startedAt: number | null
  /** False leaves the request CLAIMED: the run begins again. */
  endsRequest: boolean
}

interface Deps {
  connection: LegacyConnection
  tables: LegacyTables
  dependents: Dependents
  runTimes: RunTimes
  sessionId: number
  nodeId: string
  logger: Logger
}

/** Longest message in a result; DWPRCLOG and DWJOBERR cut their own. */
const MESSAGE: TextLimit = { length: 2_000, unit: 'characters' }

/**
 * Step 5 of a run: everything that its end changes in the legacy tables, for
 * every outcome, to be called inside ONE transaction.
 */
export class Writeback {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** Takes the ids that a closing may need. Never inside a transaction. */
  async takeIds(): Promise<ClosingIds> {
    const { ids } = this.#deps.tables
    return { jobLogId: await ids.next('jobLog'), errorId: await ids.next('jobError') }
  }

  /**
   * Closes the run and its request, and queues the children of a success.
   *
   * @returns what was written to RESULT_PAYLOAD
   * @throws FencedError when the run no longer is in progress
   */
  async close(session: LegacySession, closing: Closing): Promise<JsonObject> {
    const { run, end } = closing
    const now = await session.sql.now()
    const closed = await this.#deps.tables.processLogs.close(session, {
      prcid: run.prcid,
      status: end.status,
      now,
      message: end.error?.message ?? null,
      ...(end.counts && { sourceRows: end.counts.sourceRows, targetRows: end.counts.targetRows }),
    })
    if (!closed) {
      throw new FencedError(run.prcid)
    }
    await this.#writeLogs(session, closing, now)
    return this.#endRequest(session, closing, now)
  }

  /**
   * What is missing of step 5 for a run whose row is closed, or that never had
   * one. A request that is no longer this claim's shows that nothing is.
   *
   * @returns false when nothing was missing
   */
  async redo(session: LegacySession, closing: Closing): Promise<boolean> {
    const { requestId, claim } = closing.run
    const { requests } = this.#deps.tables
    if (!requests || requestId === null) {
      return false
    }
    if (!(await requests.holdClaim(session, { requestId, claimedBy: claim }))) {
      return false
    }
    await this.#endRequest(session, closing, await session.sql.now())
    return true
  }

  async #writeLogs(session: LegacySession, closing: Closing, now: number): Promise<void> {
    const { end } = closing
    if (end.status === 'PC') {
      const counts = end.counts ?? { sourceRows: 0, targetRows: 0, errorRows: 0 }
      await this.#deps.tables.jobLogs.insertIfNone(session, {
        jobLogId: closing.ids.jobLogId,
        ...this.#identity(closing),
        ...counts,
        now,
      })
    }
    if (end.status === 'FL' && end.error) {
      await this.#deps.tables.jobErrors.insert(session, {
        jobLogId: closing.ids.jobLogId,
        errorId: closing.ids.errorId,
        ...this.#identity(closing),
        type: end.error.type,
        dbMessage: end.error.databaseMessage,
        message: end.error.message,
        now,
      })
    }
  }

  #identity({ run, flow }: Closing) {
    const { sessionId: sessionid } = this.#deps
    return { prcid: run.prcid, jobid: flow.jobid, mapref: run.mapref, sessionid }
  }

  async #endRequest(session: LegacySession, closing: Closing, now: number): Promise<JsonObject> {
    if (!closing.endsRequest) {
      return this.#result(closing, null)
    }
    const children = await this.#children(session, closing, now)
    const result = this.#result(closing, children)
    await this.#finish(session, closing, result, now)
    const { startedAt } = closing
    await this.#deps.runTimes.mark(session, closing.run.mapref, { startedAt, now })
    return result
  }

  async #children(
    session: LegacySession,
    { run, end }: Closing,
    now: number
  ): Promise<QueuedChildren | null> {
    return end.status === 'PC' ? this.#deps.dependents.queue(session, run, now) : null
  }

  async #finish(
    session: LegacySession,
    { run, end }: Closing,
    result: JsonObject,
    now: number
  ): Promise<void> {
    const { requestId, claim, prcid } = run
    const { requests } = this.#deps.tables
    if (!requests || requestId === null) {
      return
    }
    const status = end.status === 'PC' ? 'DONE' : 'FAILED'
    const ended = { requestId, claimedBy: claim, status, result, now } as const
    if (!(await requests.finish(session, ended))) {
      const data = { requestId, claim, prcid }
      this.#deps.logger.warn(data, 'The request of a run was changed by another program meanwhile')
    }
  }

  #result({ run, end, startedAt }: Closing, children: QueuedChildren | null): JsonObject {
    const result: JsonObject = { status: end.status, mapref: run.mapref }
    if (startedAt !== null) {
      result.prcid = run.prcid
    }
    if (end.counts) {
      result.source_rows = end.counts.sourceRows
      result.target_rows = end.counts.targetRows
      result.error_rows = end.counts.errorRows
    }
    if (end.error) {
      result.message = cutText(end.error.message, MESSAGE)
    }
    if (children && children.queued.length > 0) {
      result.children = children.queued
    }
    if (children && children.loops.length > 0) {
      result.loops = children.loops
    }
    return { ...result, node: this.#deps.nodeId }
  }
}
