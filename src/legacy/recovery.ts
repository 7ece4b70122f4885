import { isSessionOf, parseClaim, sessionIdOf } from './claims.ts'
import { isOpen } from '../executions/state.ts'
import type { ExecutionRecord } from '../types/executions.ts'
import type { JsonValue } from '../types/json.ts'
import type { FlowRun } from './engine/flow_run.ts'
import { isTransient } from './connection.ts'
import { LostWriteback } from './lost_writeback.ts'
import { requestKey } from './request_births.ts'
import { CONTROL_REQUESTS } from './request_types.ts'
import type { OpenRuntime, Runtime, SourceDeps } from './runtime.ts'
import type { Requests, RequestRow } from './tables/requests.ts'

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
  readonly #lost: LostWriteback
  /** MAPREFs whose runs have ended here since the last look began: what it read of them is old. */
  #ended = new Set<string>()

  constructor(deps: Deps) {
    this.#deps = deps
    this.#lost = new LostWriteback(deps)
  }

  /** A run of this MAPREF is over here. */
  ended(mapref: string): void {
    this.#ended.add(mapref)
  }

  async runOnce(): Promise<RecoveryResult> {
    this.#ended.clear()
    // First of all: a name that housekeeping takes out meanwhile would be forgotten
    await this.#deps.nodes.refresh()
    const runtime = await this.#deps.open()
    const result: RecoveryResult = { handedBack: 0, writtenBack: 0 }
    const { requests } = runtime.tables
    const claimed = requests ? await this.#claimedRows(runtime, requests, result) : []
    const sessions = await this.#rowsInProgress(runtime, result)
    const names = new Set(claimed.map(({ claimedBy }) => parseClaim(claimedBy!)?.name))
    this.#deps.nodes.forget(
      (name) => names.has(name) || sessions.some((session) => isSessionOf(session, name))
    )
    return result
  }

  /** @returns the rows that were found */
  async #claimedRows(
    runtime: Runtime,
    requests: Requests,
    result: RecoveryResult
  ): Promise<RequestRow[]> {
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
    return rows
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
    const isOld = owner === 'this boot' && this.#ended.has(row.mapref)
    if (owner === 'foreign' || isOld || this.#deps.isInFlight(row.claimedBy!)) {
      return
    }
    const execution = await this.#executionOf(row)
    if (execution) {
      if (!isOpen(execution.state) && (await this.#lost.redo(runtime, execution))) {
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
    if (CONTROL_REQUESTS.includes(row.type)) {
      return null
    }
    if (BORN_CLAIMED.test(row.requestId)) {
      const id = executionIn(row.payload)
      const execution = id === null ? null : await scheduler.executions.find(id)
      return execution && this.#lost.isOurs(execution) ? execution : null
    }
    const key = requestKey(source.name, row.requestId, row.claimedBy!)
    return scheduler.executions.findByDedupeKey(key)
  }

  /**
   * Runs of ours that are in progress though their execution has ended: where
   * no request row led to them.
   *
   * @returns the sessions of all rows in progress
   */
  async #rowsInProgress(runtime: Runtime, result: RecoveryResult): Promise<(number | null)[]> {
    const { connection, nodes } = this.#deps
    const rows = await runtime.tables.processLogs.listInProgress(connection.session)
    const here = new Set(this.#deps.running().map(({ prcid }) => prcid))
    const own = sessionIdOf(this.#deps.scheduler.nodeId)
    for (const { prcid, mapref, sessionid } of rows) {
      const isOld = sessionid === own && this.#ended.has(mapref)
      if (here.has(prcid) || isOld || !nodes.hasSession(sessionid)) {
        continue
      }
      await this.#guard(async () => {
        const execution = await this.#executionWith(mapref, prcid)
        if (execution && !isOpen(execution.state) && (await this.#lost.redo(runtime, execution))) {
          result.writtenBack++
        }
      }, `PRCID ${prcid}`)
    }
    return rows.map(({ sessionid }) => sessionid)
  }

  async #executionWith(mapref: string, prcid: number): Promise<ExecutionRecord | null> {
    const { scheduler, source } = this.#deps
    const concurrencyKey = `legacy:${source.name}:${mapref}`
    const recent = await scheduler.executions.history({ concurrencyKey, limit: HISTORY })
    return recent.find((execution) => this.#lost.runOf(execution)?.prcid === prcid) ?? null
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
