import { isDuplicate, type LegacyConnection, type LegacySession } from '../connection.ts'
import { Groups } from '../groups.ts'
import type { FlowRow } from '../tables/job_flows.ts'
import type { SourceDeps } from '../runtime.ts'
import type { LegacyTables } from '../tables/main.ts'
import type { RunGroups } from '../tables/run_groups.ts'
import type { StartedRun } from '../tables/process_logs.ts'
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

interface Deps extends Pick<SourceDeps, 'logger' | 'counters'> {
  connection: LegacyConnection
  tables: LegacyTables
  sessionId: number
}

/** What of a flow the row in progress carries. */
type StartedFlow = Pick<FlowRow, 'jobid' | 'jobflwid'>

interface Start {
  run: FlowRun
  flow: StartedFlow
}

/**
 * Step 3 of a run, one transaction: its request must still be its own, or is
 * born claimed for a scheduled run; then the row in progress is inserted.
 * Runs of requests that come together begin in one transaction.
 */
export class RunStart {
  readonly #deps: Deps
  readonly #groups: Groups<Start, Begun>

  constructor(deps: Deps) {
    this.#deps = deps
    const { logger, counters } = deps
    this.#groups = new Groups({
      name: 'beginnings',
      logger,
      counters,
      one: ({ run, flow }) => this.#beginAlone(run, flow),
      many: (starts) => this.#beginTogether(starts),
    })
  }

  begin(run: FlowRun, flow: StartedFlow): Promise<Begun> {
    const isRequest = run.origin === 'request' && this.#deps.tables.requests !== null
    return isRequest ? this.#groups.add({ run, flow }) : this.#beginAlone(run, flow)
  }

  /** Runs whose request cannot be held at once are left out. */
  async #beginTogether(starts: Start[]): Promise<(Begun | null)[]> {
    const { connection, tables } = this.#deps
    if (tables.groups) {
      return this.#beginInOne(tables.groups, starts)
    }
    const claims = starts.map(({ run }) => ({ requestId: run.requestId!, claimedBy: run.claim }))
    return connection.transaction(async (session) => {
      const now = await session.sql.now()
      const held = await tables.requests!.sets.holdClaims(session, claims)
      const isHeld = ({ run }: Start) => held.has(run.requestId!)
      const rows = starts.filter(isHeld).map(({ run, flow }) => this.#row(run, flow, now))
      await tables.processLogs.insertAllInProgress(session, rows)
      return starts.map((start) => (isHeld(start) ? { kind: 'begun', startedAt: now } : null))
    })
  }

  async #beginInOne(groups: RunGroups, starts: Start[]): Promise<(Begun | null)[]> {
    const now = await this.#deps.connection.now()
    const begun = await groups.begin(
      starts.map(({ run, flow }) => ({
        claim: { requestId: run.requestId!, claimedBy: run.claim },
        run: this.#row(run, flow, now),
      }))
    )
    return starts.map(({ run }) =>
      begun.has(run.prcid) ? { kind: 'begun', startedAt: now } : null
    )
  }

  async #beginAlone(run: FlowRun, flow: StartedFlow): Promise<Begun> {
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
    flow: StartedFlow,
    now: number
  ): Promise<Begun> {
    await this.#deps.tables.processLogs.insertInProgress(session, this.#row(run, flow, now))
    return { kind: 'begun', startedAt: now }
  }

  #row(
    { prcid, mapref, params }: FlowRun,
    { jobid, jobflwid }: StartedFlow,
    now: number
  ): StartedRun {
    return { prcid, jobid, jobflwid, mapref, sessionid: this.#deps.sessionId, params, now }
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
