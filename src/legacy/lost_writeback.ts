import type { ExecutionRecord } from '../types/executions.ts'
import { isAlmanacSession } from './claims.ts'
import { FencedError } from './closing.ts'
import { FLOW_HANDLER, readPayload, runOf, type FlowRun, type LogicEnd } from './engine/flow_run.ts'
import { beginsAgain, endOfLog } from './engine/rescue.ts'
import { dayRunOf, HISTORY_HANDLER } from './history/payload.ts'
import { endOf, LostRequests } from './lost_requests.ts'
import type { Runtime, SourceDeps } from './runtime.ts'
import type { ProcessLogRow } from './tables/process_logs.ts'

type Deps = Pick<SourceDeps, 'connection' | 'scheduler' | 'source' | 'logger'>

/** The write-back of executions that have ended in our own store without it. */
export class LostWriteback {
  readonly #deps: Deps
  readonly #requests: LostRequests

  constructor(deps: Deps) {
    this.#deps = deps
    this.#requests = new LostRequests(deps)
  }

  /**
   * Whether it is a run of this source. A row of a slot names its execution by
   * itself: in a copy of the tables, which is another source, that is not its own.
   */
  isOurs(execution: ExecutionRecord): boolean {
    const { name } = this.#deps.source
    return execution.handler === FLOW_HANDLER && readPayload(execution).source === name
  }

  /** The run of an execution, of a history load that of its day; null when there is no PRCID. */
  runOf(execution: ExecutionRecord): FlowRun | null {
    if (execution.handler !== FLOW_HANDLER) {
      return execution.handler === HISTORY_HANDLER
        ? dayRunOf(execution, execution.checkpoint)
        : null
    }
    return runOf(execution, execution.checkpoint, { slotRows: this.#deps.source.slotGuard })
  }

  /** @returns whether anything was missing */
  async redo(runtime: Runtime, execution: ExecutionRecord): Promise<boolean> {
    const run = this.runOf(execution)
    const written = run !== null && (await this.#redoRun(runtime, execution, run))
    if (execution.handler === FLOW_HANDLER) {
      return written
    }
    return (await this.#requests.redo(runtime, execution)) || written
  }

  async #redoRun(runtime: Runtime, execution: ExecutionRecord, run: FlowRun): Promise<boolean> {
    const { connection, logger } = this.#deps
    const log = await runtime.tables.processLogs.find(connection.session, run.prcid)
    const says = log !== null && log.status !== 'IP' && !beginsAgain(log)
    const end = says ? endOfLog(log) : endOfExecution(execution, run)
    const written = await this.#write(runtime, run, end, log)
    if (written) {
      const { id, state } = execution
      const data = { executionId: id, state, prcid: run.prcid, status: end.status }
      logger.info(data, 'The write-back of a run was redone')
    }
    return written
  }

  async #write(
    { writeback }: Runtime,
    run: FlowRun,
    end: LogicEnd,
    log: ProcessLogRow | null
  ): Promise<boolean> {
    const flow = { jobid: log?.jobid ?? null, mapref: run.mapref }
    const startedAt = log?.startedAt ?? null
    const ids = await writeback.takeIds()
    const closing = { run, flow, end, ids, startedAt, endsRequest: true }
    try {
      return await this.#deps.connection.transaction(async (session) => {
        if (log?.status !== 'IP' || !isOurs(log, run)) {
          return writeback.redo(session, closing)
        }
        await writeback.close(session, closing)
        return true
      })
    } catch (error) {
      // Another node was quicker: nothing is missing any more
      if (error instanceof FencedError) {
        return false
      }
      throw error
    }
  }
}

function isOurs(log: ProcessLogRow, run: FlowRun): boolean {
  return log.mapref === run.mapref && isAlmanacSession(log.sessionid)
}

/** How a run ended whose row does not say it. */
function endOfExecution(execution: ExecutionRecord, run: FlowRun): LogicEnd {
  return run.checkpoint.ended ?? endOf(execution)
}
