import { E_CHECKPOINT } from '../../errors.ts'
import type { ExecutionLogger } from '../../types/handlers.ts'
import { FencedError } from '../closing.ts'
import type { LegacySourceConfig } from '../config.ts'
import type { LegacyConnection } from '../connection.ts'
import type { LegacyTables } from '../tables/main.ts'
import {
  COMPLETED,
  planOf,
  readPosition,
  renderPosition,
  type CheckpointPlan,
  type CheckpointValue,
} from './strategy.ts'

interface Deps {
  connection: LegacyConnection
  tables: Pick<LegacyTables, 'mappings' | 'positions'>
  source: Pick<LegacySourceConfig, 'checkpointOf'>
  logger: ExecutionLogger
  /** Of the run that is in progress. */
  run: { prcid: number; mapref: string }
}

/**
 * Where the work of a flow stands: PARAM1 of the run's row, from which a later
 * run of the MAPREF goes on after a failure. Every write is guarded by the
 * row, which must be in progress under this run's PRCID.
 */
export class RunCheckpoint {
  readonly #deps: Deps
  #plan: Promise<CheckpointPlan> | null = null
  /** PARAM1 holds a position that no `complete` has followed. */
  #open = false

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /**
   * The last position of a run that did not complete; the row of this run
   * takes it over, so that it is not lost if this run fails at once.
   *
   * @returns null to begin at the beginning
   * @throws E_CHECKPOINT for a stored position that is none; FencedError when the run is over
   */
  async load(): Promise<CheckpointValue | null> {
    const plan = await this.#planned()
    if (plan.kind === 'none') {
      return null
    }
    const { connection, tables, run } = this.#deps
    const { mapref, prcid: before } = run
    const position = await tables.positions.last(connection.session, { mapref, before })
    if (position === null) {
      return null
    }
    const value = readPosition(position, plan)
    await this.#write(position, plan)
    this.#open = true
    return value
  }

  /**
   * Stores how far the work has come.
   *
   * @throws E_CHECKPOINT naming the value and what would fit; FencedError when the run is over
   */
  async save(value: unknown): Promise<void> {
    const plan = await this.#planned()
    if (plan.kind === 'none') {
      this.#deps.logger.debug('The checkpoint was not saved: it is off for this flow')
      return
    }
    await this.#write(renderPosition(value, plan, this.#deps.tables.positions.limit), plan)
    this.#open = true
  }

  /** Says that there is nothing to go on with. @throws FencedError when the run is over */
  async complete(): Promise<void> {
    const plan = await this.#planned()
    if (plan.kind !== 'none') {
      await this.#write(COMPLETED, plan)
      this.#open = false
    }
  }

  /** The logic has succeeded: whatever it has stored is done with. */
  async succeeded(): Promise<void> {
    if (this.#open) {
      await this.complete()
    }
  }

  #planned(): Promise<CheckpointPlan> {
    this.#plan ??= this.#readPlan()
    return this.#plan
  }

  /** What the tables say of the flow comes before what config says. */
  async #readPlan(): Promise<CheckpointPlan> {
    const { connection, tables, source, run } = this.#deps
    const stored = await tables.mappings.checkpointOf(connection.session, run.mapref)
    const setting = stored ?? source.checkpointOf(run.mapref)
    if (setting?.strategy === 'KEY' && setting.columns.length === 0) {
      const remedy = 'the strategy KEY needs the name of its column (CHKPNTCLNM, or config flows)'
      throw new E_CHECKPOINT([`of MAPREF "${run.mapref}"`, remedy])
    }
    return planOf(setting)
  }

  async #write(position: string, plan: CheckpointPlan): Promise<void> {
    const { connection, tables, run } = this.#deps
    const now = await connection.now()
    const kind = plan.kind === 'key' ? `KEY (${plan.columns.join(', ')})` : plan.kind
    const saved = await tables.positions.save(connection.session, {
      prcid: run.prcid,
      position,
      kind,
      now,
    })
    if (!saved) {
      throw new FencedError(run.prcid)
    }
  }
}
