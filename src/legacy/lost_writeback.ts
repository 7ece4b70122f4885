import type { ExecutionRecord } from '../types/executions.ts'
import { isAlmanacSession } from './claims.ts'
import { FencedError } from './closing.ts'
import { failure } from './engine/failure.ts'
import { FLOW_HANDLER, readPayload, runOf, type FlowRun, type LogicEnd } from './engine/flow_run.ts'
import { beginsAgain, endOfLog } from './engine/rescue.ts'
import type { Runtime, SourceDeps } from './runtime.ts'
import type { ProcessLogRow } from './tables/process_logs.ts'

type Deps = Pick<SourceDeps, 'connection' | 'source' | 'logger'>

/** The write-back of executions that have ended in our own store without it. */
export class LostWriteback {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /**
   * Whether it is a run of this source. A row of a slot names its execution by
   * itself: in a copy of the tables, which is another source, that is not its own.
   */
  isOurs(execution: ExecutionRecord): boolean {
    const { name } = this.#deps.source
    return execution.handler === FLOW_HANDLER && readPayload(execution).source === name
  }

  /** The run of an execution; null when it never got a PRCID. */
  runOf(execution: ExecutionRecord): FlowRun | null {
    return runOf(execution, execution.checkpoint, { slotRows: this.#deps.source.slotGuard })
  }

  /** @returns whether anything was missing */
  async redo(runtime: Runtime, execution: ExecutionRecord): Promise<boolean> {
    const run = this.runOf(execution)
    if (!run) {
      return false
    }
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
  if (run.checkpoint.ended) {
    return run.checkpoint.ended
  }
  switch (execution.state) {
    case 'succeeded':
      return { status: 'PC', counts: null, error: null }
    case 'cancelled':
      return { ...failure('STOPPED', execution.reason ?? 'stopped'), status: 'ST' }
    default: {
      const why = execution.error?.message ?? execution.reason ?? 'it left no message'
      return failure('LOST', `${execution.state}: ${why}`)
    }
  }
}
