import type { JsonObject } from '../types/json.ts'
import type { Logger } from '../types/logger.ts'
import {
  countsOf,
  endedRequest,
  endedRun,
  errorOf,
  FencedError,
  resultOf,
  type Closing,
  type ClosingIds,
} from './closing.ts'
import type { LegacyConnection, LegacySession } from './connection.ts'
import type { Dependents, QueuedChildren } from './dependents.ts'
import type { LegacyTables } from './tables/main.ts'
import type { RunTimes } from './run_times.ts'

interface Deps {
  connection: LegacyConnection
  tables: LegacyTables
  dependents: Dependents
  runTimes: RunTimes
  sessionId: number
  nodeId: string
  logger: Logger
}

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
    const now = await session.sql.now()
    const { processLogs } = this.#deps.tables
    if (!(await processLogs.close(session, endedRun(closing, now)))) {
      throw new FencedError(closing.run.prcid)
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
    const { tables, sessionId } = this.#deps
    const counts = countsOf(closing, sessionId, now)
    const error = errorOf(closing, sessionId, now)
    if (counts) {
      await tables.jobLogs.insertIfNone(session, counts)
    }
    if (error) {
      await tables.jobErrors.insert(session, error)
    }
  }

  async #endRequest(session: LegacySession, closing: Closing, now: number): Promise<JsonObject> {
    if (!closing.endsRequest) {
      return resultOf(closing, null, this.#deps.nodeId)
    }
    const children = await this.#children(session, closing, now)
    const result = resultOf(closing, children, this.#deps.nodeId)
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
    closing: Closing,
    result: JsonObject,
    now: number
  ): Promise<void> {
    const { requests } = this.#deps.tables
    const ended = endedRequest(closing, result, now)
    if (requests && ended && !(await requests.finish(session, ended))) {
      const { requestId, claim, prcid } = closing.run
      const data = { requestId, claim, prcid }
      this.#deps.logger.warn(data, 'The request of a run was changed by another program meanwhile')
    }
  }
}
