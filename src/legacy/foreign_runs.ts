import type { Clock } from '../clock.ts'
import type { LegacyConnection } from './connection.ts'
import type { KnownNodes } from './known_nodes.ts'
import type { ProcessLogs } from './tables/process_logs.ts'

interface Deps {
  connection: LegacyConnection
  processLogs: ProcessLogs
  nodes: KnownNodes
  clock: Clock
  /** How long one look is good for, ms. */
  maxAge: number
}

/** A run in progress that is none of ours. */
export interface ForeignRun {
  mapref: string
  prcid: number
}

/**
 * Runs that another scheduler has in progress: younger than 24 hours they
 * block their MAPREF. Our own, told by their SESSIONID, are judged by the
 * lease of their execution alone.
 *
 * DWPRCLOG has no index on its status, so one look serves for a poll interval.
 */
export class ForeignRuns {
  readonly #deps: Deps
  #runs: ForeignRun[] = []
  #seenAt: number | null = null
  #looking: Promise<ForeignRun[]> | null = null

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** Whether `list` answers without a look. */
  get isFresh(): boolean {
    const { clock, maxAge } = this.#deps
    return this.#seenAt !== null && clock.monotonic() - this.#seenAt < maxAge
  }

  async list(): Promise<ForeignRun[]> {
    if (this.isFresh) {
      return this.#runs
    }
    // Many runs that begin at once ask for one look
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null
    })
    return this.#looking
  }

  /** The run that blocks a MAPREF, null when none does. */
  async blocking(mapref: string): Promise<ForeignRun | null> {
    const isIts = (run: ForeignRun) => run.mapref === mapref
    const known = await this.list()
    if (!known.some(isIts)) {
      return null
    }
    // What would stop a run is looked at again: it may have ended since
    const runs = await this.#look()
    return runs.find(isIts) ?? null
  }

  async #look(): Promise<ForeignRun[]> {
    const { connection, processLogs, nodes, clock } = this.#deps
    const begun = clock.monotonic()
    const now = await connection.now()
    const runs = await processLogs.listBlocking(connection.session, { now, ours: [] })
    this.#runs = runs.filter(({ sessionid }) => !nodes.hasSession(sessionid))
    this.#seenAt = begun
    return this.#runs
  }
}
