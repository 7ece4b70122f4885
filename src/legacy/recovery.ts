import { isAlmanacSession } from './claims.ts'
import { isOpen } from '../executions/state.ts'
import type { ExecutionRecord } from '../types/executions.ts'
import type { JsonValue } from '../types/json.ts'
import { failure } from './engine/failure.ts'
import { runOf, type FlowRun, type LogicEnd } from './engine/flow_run.ts'
import { endOfLog } from './engine/rescue.ts'
import { isTransient } from './connection.ts'
import { requestKey } from './request_runs.ts'
import { CONTROL_TYPES } from './request_mapper.ts'
import type { OpenRuntime, Runtime, SourceDeps } from './runtime.ts'
import type { ProcessLogRow } from './tables/process_logs.ts'
import type { Requests, RequestRow } from './tables/requests.ts'
import { FencedError } from './writeback.ts'

/** What one round of the recovery did. */
export interface RecoveryResult {
  /** Rows given back to the queue. */
  handedBack: number
  /** Rows whose write-back was redone. */
  writtenBack: number
}

interface Deps extends SourceDeps {
  open: OpenRuntime
  /** Whether a claim of this process is on its way to the executor. */
  isInFlight(claim: string): boolean
  /** The runs of this process. */
  running: () => FlowRun[]
}

/** Rows that a scheduled run was born with: never given back as NEW. */
const BORN_CLAIMED = /^[SM]:/
/** Executions of one MAPREF that are looked through for a PRCID. */
const HISTORY = 50

/**
 * Ends what a dead process of this installation left in the legacy tables. A
 * row that another program claimed is never touched.
 *
 * A claimed row without an execution goes back to NEW when its boot is dead,
 * or when this process has lost track of it; with an open execution it is left
 * alone, since its lease judges; with an ended one its write-back is redone.
 */
export class Recovery {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  async runOnce(): Promise<RecoveryResult> {
    // First of all: a name that housekeeping takes out meanwhile would be forgotten
    await this.#deps.nodes.refresh()
    const runtime = await this.#deps.open()
    const result: RecoveryResult = { handedBack: 0, writtenBack: 0 }
    const { requests } = runtime.tables
    if (requests) {
      await this.#claimedRows(runtime, requests, result)
    }
    await this.#rowsInProgress(runtime, result)
    return result
  }

  async #claimedRows(runtime: Runtime, requests: Requests, result: RecoveryResult): Promise<void> {
    const { connection, nodes } = this.#deps
    const rows: RequestRow[] = []
    for (const name of nodes.names) {
      rows.push(...(await requests.listClaimed(connection.session, { prefix: `${name}.` })))
    }
    // A boot that joined since is not dead: whoever claims is in the registry before
    await nodes.refresh()
    const here = new Set(this.#deps.running().map(({ requestId }) => requestId))
    for (const row of rows) {
      if (!here.has(row.requestId)) {
        await this.#guard(() => this.#row(runtime, requests, row, result), row.requestId)
      }
    }
  }

  /** One row that cannot be recovered does not stop the others. */
  async #guard(work: () => Promise<void>, subject: string): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (isTransient(error)) {
        throw error
      }
      this.#deps.counters.increment('legacy.recoveryErrors')
      this.#deps.logger.error({ err: error, subject }, 'A legacy row could not be recovered')
    }
  }

  async #row(
    runtime: Runtime,
    requests: Requests,
    row: RequestRow,
    result: RecoveryResult
  ): Promise<void> {
    const owner = this.#deps.nodes.ownerOf(row.claimedBy!)
    if (owner === 'foreign' || this.#deps.isInFlight(row.claimedBy!)) {
      return
    }
    const execution = await this.#executionOf(row)
    if (execution) {
      if (!isOpen(execution.state) && (await this.#writeBack(runtime, execution))) {
        result.writtenBack++
      }
      return
    }
    // Without an execution in our store a row of a slot is another installation's
    if (owner === 'live' || BORN_CLAIMED.test(row.requestId)) {
      return
    }
    const { requestId, claimedBy } = row
    const { session } = this.#deps.connection
    if (await requests.handBack(session, { requestId, claimedBy: claimedBy! })) {
      this.#deps.logger.info({ requestId, claimedBy }, 'A request of a lost node is queued again')
      result.handedBack++
    }
  }

  async #executionOf(row: RequestRow): Promise<ExecutionRecord | null> {
    const { scheduler, source } = this.#deps
    if ((CONTROL_TYPES as readonly string[]).includes(row.type)) {
      return null
    }
    if (BORN_CLAIMED.test(row.requestId)) {
      const id = executionIn(row.payload)
      return id === null ? null : scheduler.executions.find(id)
    }
    const key = requestKey(source.name, row.requestId, row.claimedBy!)
    return scheduler.executions.findByDedupeKey(key)
  }

  /**
   * Runs of ours that are in progress though their execution has ended: where
   * no request row led to them.
   */
  async #rowsInProgress(runtime: Runtime, result: RecoveryResult): Promise<void> {
    const { connection, nodes } = this.#deps
    const rows = await runtime.tables.processLogs.listInProgress(connection.session)
    const here = new Set(this.#deps.running().map(({ prcid }) => prcid))
    for (const { prcid, mapref, sessionid } of rows) {
      if (here.has(prcid) || !nodes.hasSession(sessionid)) {
        continue
      }
      await this.#guard(async () => {
        const execution = await this.#executionWith(mapref, prcid)
        if (execution && !isOpen(execution.state) && (await this.#writeBack(runtime, execution))) {
          result.writtenBack++
        }
      }, `PRCID ${prcid}`)
    }
  }

  async #executionWith(mapref: string, prcid: number): Promise<ExecutionRecord | null> {
    const { scheduler, source } = this.#deps
    const concurrencyKey = `legacy:${source.name}:${mapref}`
    const recent = await scheduler.executions.history({ concurrencyKey, limit: HISTORY })
    return recent.find((execution) => this.#runOf(execution)?.prcid === prcid) ?? null
  }

  #runOf(execution: ExecutionRecord): FlowRun | null {
    return runOf(execution, execution.checkpoint, { slotRows: this.#deps.source.slotGuard })
  }

  /** @returns whether anything was missing */
  async #writeBack(runtime: Runtime, execution: ExecutionRecord): Promise<boolean> {
    const run = this.#runOf(execution)
    if (!run) {
      return false
    }
    const { connection } = this.#deps
    const { writeback, tables } = runtime
    const log = await tables.processLogs.find(connection.session, run.prcid)
    const end = log && log.status !== 'IP' ? endOfLog(log) : endOfExecution(execution, run)
    const closing = {
      run,
      flow: { jobid: log?.jobid ?? null, mapref: run.mapref },
      end,
      ids: await writeback.takeIds(),
      startedAt: log?.startedAt ?? null,
      endsRequest: true,
    }
    const inProgress = log?.status === 'IP' && this.#isOurs(log, run)
    const written = await this.#inTransaction(async (session) => {
      if (inProgress) {
        await writeback.close(session, closing)
        return true
      }
      return writeback.redo(session, closing)
    })
    if (written) {
      const { id, state } = execution
      const data = { executionId: id, state, prcid: run.prcid, status: end.status }
      this.#deps.logger.info(data, 'The write-back of a run was redone')
    }
    return written
  }

  async #inTransaction(
    work: Parameters<SourceDeps['connection']['transaction']>[0]
  ): Promise<boolean> {
    try {
      return (await this.#deps.connection.transaction(work)) === true
    } catch (error) {
      // Another node was quicker: nothing is missing any more
      if (error instanceof FencedError) {
        return false
      }
      throw error
    }
  }

  #isOurs(log: ProcessLogRow, run: FlowRun): boolean {
    return log.mapref === run.mapref && isAlmanacSession(log.sessionid)
  }
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

function executionIn(payload: string | null): string | null {
  try {
    const given = JSON.parse(payload ?? 'null') as JsonValue
    const id =
      given !== null && typeof given === 'object' && !Array.isArray(given) && given.execution
    return typeof id === 'string' ? id : null
  } catch (error) {
    if (error instanceof SyntaxError) {
      return null
    }
    throw error
  }
}
