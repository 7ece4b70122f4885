import { isDuplicate, type LegacyConnection, type LegacySession } from '../connection.ts'
import type { FlowRow } from '../tables/job_flows.ts'
import type { LegacyTables } from '../tables/main.ts'
import type { FlowRun } from './flow_run.ts'

/**
 * What step 3 came to.
 *
 * - `begun`: the run is in progress, its logic may start
 * - `unclaimed`: the request row is no longer this claim's
 * - `elsewhere`: another installation has the slot
 * - `duplicate`: the PRCID is taken; nothing was written
 */
export type Begun =
  { kind: 'begun'; startedAt: number } | { kind: 'unclaimed' | 'elsewhere' | 'duplicate' }

interface Deps {
  connection: LegacyConnection
  tables: LegacyTables
  sessionId: number
}

/**
 * Step 3 of a run, one transaction: its request must still be its own, or is
 * born claimed for a scheduled run; then the row in progress is inserted.
 */
export class RunStart {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  async begin(run: FlowRun, flow: Pick<FlowRow, 'jobid' | 'jobflwid'>): Promise<Begun> {
    try {
      return await this.#deps.connection.transaction(async (session) => {
        const now = await session.sql.now()
        const refused = await this.ownRequest(session, run, now)
        return refused ?? (await this.#insert(session, run, flow, now))
      })
    } catch (error) {
      if (isDuplicate(error)) {
        return { kind: 'duplicate' }
      }
      throw error
    }
  }

  /** Makes sure that the request row is this run's. @returns null when it is */
  async ownRequest(
    session: LegacySession,
    run: FlowRun,
    now: number
  ): Promise<Exclude<Begun, { kind: 'begun' }> | null> {
    const { requests } = this.#deps.tables
    const { requestId, claim } = run
    if (!requests || requestId === null) {
      return null
    }
    if (run.origin !== 'request') {
      const row = { requestId, claimedBy: claim, ...ownRow(run), now }
      if (await requests.insertClaimed(session, row)) {
        return null
      }
    }
    if (await requests.holdClaim(session, { requestId, claimedBy: claim })) {
      return null
    }
    return { kind: run.origin === 'slot' ? 'elsewhere' : 'unclaimed' }
  }

  async #insert(
    session: LegacySession,
    run: FlowRun,
    flow: Pick<FlowRow, 'jobid' | 'jobflwid'>,
    now: number
  ): Promise<Begun> {
    await this.#deps.tables.processLogs.insertInProgress(session, {
      prcid: run.prcid,
      jobid: flow.jobid,
      jobflwid: flow.jobflwid,
      mapref: run.mapref,
      sessionid: this.#deps.sessionId,
      params: run.params,
      now,
    })
    return { kind: 'begun', startedAt: now }
  }
}

/** What a scheduled run tells the old screens; the execution tells, after a crash, whose row it is. */
function ownRow({ mapref, cause, executionId, requestParams }: FlowRun) {
  const params = Object.keys(requestParams).length > 0 ? { params: requestParams } : null
  const payload = {
    source: 'schedule',
    jobschid: cause.jobschid,
    execution: executionId,
    ...params,
  }
  return { mapref, type: 'IMMEDIATE', payload }
}
