import type { SqlSession } from '../../../storage/sql_session.ts'
import type { ExecutionLogger, HandlerContext } from '../../../types/handlers.ts'
import type { JsonObject } from '../../../types/json.ts'
import type { RunCheckpoint } from '../../checkpoints/run_checkpoint.ts'
import type { RunParams } from '../../params.ts'
import type { FlowRow } from '../../tables/job_flows.ts'

/** Rows read, written and refused by a run. */
export interface RunCounts {
  sourceRows: number
  targetRows: number
  errorRows: number
}

export interface RunnerInput {
  /** The closing transaction for an atomic runner; for the others outside of any. */
  session?: SqlSession
  flow: FlowRow
  params: RunParams
  /** The parameters as they came, also those beyond ten. */
  requestParams: JsonObject
  prcid: number
  sessionId: number
  mapref: string
  signal: AbortSignal
  logger: ExecutionLogger
  context: HandlerContext
  /** Where the work stands; for runners that are not atomic. */
  checkpoint: Pick<RunCheckpoint, 'load' | 'save' | 'complete'>
}

/** What runs the logic of a flow. */
export interface Runner {
  readonly name: string
  /** The logic runs in the transaction that writes its logs: after a crash nothing of it is left. */
  readonly atomic: boolean
  /** The logic holds a connection of the legacy tables for as long as it runs. */
  readonly holdsConnection?: boolean
  /** A stop ends the logic for certain, within a grace of the runner's own. */
  readonly endsByForce?: boolean
  /** Longest run, ms; null = none. Absent: that of the engine's handler. */
  readonly timeout?: number | null
  /**
   * @returns the counts for the row counts table; null when the logic tells none
   * @throws what the logic threw; a reason of the signal when it was aborted
   */
  run(input: RunnerInput): Promise<RunCounts | null>
}
