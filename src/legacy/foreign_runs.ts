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

  constructor(deps: Deps) {
    this.#deps = deps
  }

  async list(): Promise<ForeignRun[]> {
    const { clock, maxAge } = this.#deps
    const begun = clock.monotonic()
    if (this.#seenAt === null || begun - this.#seenAt >= maxAge) {
      this.#runs = await this.#look()
      this.#seenAt = begun
    }
    return this.#runs
  }

  /** The run that blocks a MAPREF, null when none does. */
  async blocking(mapref: string): Promise<ForeignRun | null> {
    const runs = await this.list()
    return runs.find((run) => run.mapref === mapref) ?? null
  }

  async #look(): Promise<ForeignRun[]> {
    const { connection, processLogs, nodes } = this.#deps
    const now = await connection.now()
    const runs = await processLogs.listBlocking(connection.session, { now, ours: [] })
    return runs.filter(({ sessionid }) => !nodes.hasSession(sessionid))
  }
}
