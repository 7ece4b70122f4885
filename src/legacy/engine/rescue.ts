import type { JsonObject } from '../../types/json.ts'
import type { Logger } from '../../types/logger.ts'
import { FencedError, type Closing } from '../closing.ts'
import type { LegacyConnection } from '../connection.ts'
import { isAlmanacSession } from '../claims.ts'
import type { ProcessLogRow } from '../tables/process_logs.ts'
import type { LegacyTables } from '../tables/main.ts'
import type { Writeback } from '../writeback.ts'
import { failure } from './failure.ts'
import { mayBeginAgain, type FlowResolver } from './flow_resolver.ts'
import { withCheckpoint, type FlowRun, type LogicEnd } from './flow_run.ts'
import { verdictOf, type FlowVerdict } from './verdict.ts'

/** Begins the MSG of a run whose node died in its logic. */
export const NODE_LOST = 'node lost'
/** Begins the MSG of a run that was cut off and goes on under another PRCID. */
export const HANDED_BACK = 'handed back'

/** What becomes of a run that an earlier attempt may have begun. */
export type Rescued = { again: FlowRun } | { verdict: FlowVerdict }

interface Deps {
  connection: LegacyConnection
  tables: LegacyTables
  flows: FlowResolver
  writeback: Writeback
  logger: Logger
}

/** Stores the checkpoint, fenced. @throws E_LEASE_LOST when this attempt no longer owns the run */
export type Save = (run: FlowRun) => Promise<void>

/** Times that the row is read again when another hand moves it meanwhile. */
const LOOKS = 5

/**
 * Settles a run that an earlier attempt may have begun, by its PRCID; the
 * legacy tables are the authority.
 *
 * - no row: the logic never began, run it
 * - closed: settle ours to match, and redo what is missing of the write-back
 * - in progress: close it as lost; run again only what harms nothing by
 *   running twice, under a new PRCID
 */
export class RunRescue {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  async settle(run: FlowRun, save: Save): Promise<Rescued> {
    for (let look = 0; look < LOOKS; look++) {
      // Whoever is fenced out must not close the row of its successor
      await save(run)
      const { connection, tables } = this.#deps
      const log = await tables.processLogs.find(connection.session, run.prcid)
      const settled = await this.#judge(run, log, save)
      if (settled) {
        return settled
      }
    }
    throw new FencedError(run.prcid)
  }

  async #judge(run: FlowRun, log: ProcessLogRow | null, save: Save): Promise<Rescued | null> {
    if (!log) {
      return { again: await this.#confirm(run, save) }
    }
    if (log.mapref !== run.mapref || !isAlmanacSession(log.sessionid)) {
      this.#deps.logger.error(
        { prcid: run.prcid, mapref: run.mapref, found: log.mapref },
        'A PRCID of the id source is taken by another run; check the sequence or the id pool'
      )
      return { again: await this.#renumber(run, save) }
    }
    return log.status === 'IP' ? this.#cutOff(run, log, save) : this.#closed(run, log, save)
  }

  /** @returns null when the row was moved meanwhile and has to be read again */
  async #cutOff(run: FlowRun, log: ProcessLogRow, save: Save): Promise<Rescued | null> {
    const { ended } = run.checkpoint
    if (ended) {
      const result = await this.#close(run, log, ended, true)
      return result && { verdict: verdictOf(ended, result) }
    }
    const { unbegun } = run.checkpoint
    const again = unbegun || (await this.#mayBeginAgain(run))
    const end = failure('LOST', lostMessage(unbegun, again))
    const result = await this.#close(run, log, end, !again)
    if (!result) {
      return null
    }
    if (!again) {
      return { verdict: verdictOf(end, result) }
    }
    return { again: await this.#renumber(run, save) }
  }

  async #closed(run: FlowRun, log: ProcessLogRow, save: Save): Promise<Rescued> {
    if ((await this.#goesOn(run, log)) && (await this.#stillClaimed(run))) {
      return { again: await this.#renumber(run, save) }
    }
    const end = endOfLog(log)
    const ids = await this.#deps.writeback.takeIds()
    await this.#deps.connection.transaction((session) =>
      this.#deps.writeback.redo(session, {
        ...this.#closing(run, log, end, true),
        ids,
      })
    )
    return { verdict: verdictOf(end, { status: end.status, prcid: run.prcid, mapref: run.mapref }) }
  }

  /** Whether an attempt before this one closed the row in order to begin again. */
  async #goesOn(run: FlowRun, log: ProcessLogRow): Promise<boolean> {
    const promised = log.message?.startsWith(HANDED_BACK) === true
    return beginsAgain(log) && (promised || (await this.#mayBeginAgain(run)))
  }

  async #stillClaimed(run: FlowRun): Promise<boolean> {
    const { connection, tables } = this.#deps
    if (!tables.requests || run.requestId === null) {
      return true
    }
    const row = await tables.requests.find(connection.session, run.requestId)
    return row !== null && row.status === 'CLAIMED' && row.claimedBy === run.claim
  }

  async #mayBeginAgain(run: FlowRun): Promise<boolean> {
    return mayBeginAgain(await this.#deps.flows.resolve(run.mapref))
  }

  /** @returns null when the row no longer is in progress */
  async #close(
    run: FlowRun,
    log: ProcessLogRow,
    end: LogicEnd,
    endsRequest: boolean
  ): Promise<JsonObject | null> {
    const { connection, writeback } = this.#deps
    const closing = { ...this.#closing(run, log, end, endsRequest), ids: await writeback.takeIds() }
    try {
      return await connection.transaction((session) => writeback.close(session, closing))
    } catch (error) {
      if (error instanceof FencedError) {
        return null
      }
      throw error
    }
  }

  #closing(
    run: FlowRun,
    log: ProcessLogRow,
    end: LogicEnd,
    endsRequest: boolean
  ): Omit<Closing, 'ids'> {
    const flow = { jobid: log.jobid, mapref: run.mapref }
    return { run, flow, end, startedAt: log.startedAt, endsRequest }
  }

  /** From here on a row under this PRCID means that the logic may have begun. */
  async #confirm(run: FlowRun, save: Save): Promise<FlowRun> {
    if (!run.checkpoint.unbegun) {
      return run
    }
    const confirmed = withCheckpoint(run, { ...run.checkpoint, unbegun: false })
    await save(confirmed)
    return confirmed
  }

  /** A new PRCID, known to our own store before the legacy tables see it. */
  async #renumber(run: FlowRun, save: Save): Promise<FlowRun> {
    const prcid = await this.#deps.tables.ids.next('processLog')
    const { checkpoint } = run
    const next = withCheckpoint(run, {
      ...checkpoint,
      prcid,
      restarts: checkpoint.restarts + 1,
      unbegun: false,
      ended: null,
    })
    await save(next)
    return next
  }
}

/** Whether a row was closed by this package for a run that may begin again. */
export function beginsAgain({ status, message }: ProcessLogRow): boolean {
  const cutOff = [HANDED_BACK, NODE_LOST].some((mark) => message?.startsWith(mark))
  return status === 'FL' && cutOff
}

function lostMessage(unbegun: boolean, again: boolean): string {
  if (unbegun) {
    return `${HANDED_BACK}: its logic had not begun`
  }
  return again
    ? NODE_LOST
    : `${NODE_LOST}; the flow is not declared idempotent and was not run again`
}

/** The end that a closed row tells. */
export function endOfLog(log: ProcessLogRow): LogicEnd {
  const status = log.status === 'PC' || log.status === 'ST' ? log.status : 'FL'
  if (status === 'PC') {
    return { status, counts: null, error: null }
  }
  const message = log.message ?? `DWPRCLOG ${log.prcid} ended as ${log.status}`
  return { status, counts: null, error: { type: 'RUN', message, databaseMessage: null } }
}
