import type { Clock } from '../clock.ts'
import type { LegacyConnection } from './connection.ts'
import type { KnownNodes } from './known_nodes.ts'
import type { ProcessLogs, RunningRow } from './tables/process_logs.ts'

interface Deps {
  connection: LegacyConnection
  processLogs: Pick<ProcessLogs, 'highest' | 'listBlocking'>
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

/** A full look again after so many times what the last one took, at most after so long (ms). */
const FULL_PAUSE = 20
const LONGEST_PAUSE = 60_000
/** How far below the highest PRCID a run may begin: ids that were reserved and are used late. */
const LATE_IDS = 10_000

/**
 * Runs that another scheduler has in progress: younger than 24 hours they
 * block their MAPREF. Our own, told by their SESSIONID, are judged by the
 * lease of their execution alone.
 *
 * One look serves for a poll interval. Where DWPRCLOG has no index on its
 * status, a look reads the whole table: then, until so much time has passed
 * that full looks take a small part of it, a look reads what was begun since
 * the last full one, by the primary key, and the runs that are known.
 */
export class ForeignRuns {
  readonly #deps: Deps
  #runs: ForeignRun[] = []
  #seenAt: number | null = null
  #looking: Promise<ForeignRun[]> | null = null
  /** Of the last full look: when the next one is due, and from where on later runs are. */
  #full: { next: number; above: number } | null = null

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
    const { connection, nodes, clock } = this.#deps
    const begun = clock.monotonic()
    const now = await connection.now()
    const isFull = this.#full === null || begun >= this.#full.next
    const found = isFull ? await this.#lookAtAll(now) : await this.#lookAtLater(now)
    this.#runs = found.filter(({ sessionid }) => !nodes.hasSession(sessionid))
    this.#seenAt = begun
    return this.#runs
  }

  async #lookAtAll(now: number): Promise<RunningRow[]> {
    const { connection, processLogs, clock } = this.#deps
    const highest = await processLogs.highest(connection.session)
    const begun = clock.monotonic()
    const found = await processLogs.listBlocking(connection.session, { now, ours: [] })
    const ended = clock.monotonic()
    const pause = Math.min(LONGEST_PAUSE, (ended - begun) * FULL_PAUSE)
    this.#full = { next: ended + pause, above: (highest ?? 0) - LATE_IDS }
    return found
  }

  #lookAtLater(now: number): Promise<RunningRow[]> {
    const { connection, processLogs } = this.#deps
    const known = this.#runs.map(({ prcid }) => prcid)
    const among = { above: this.#full!.above, known }
    return processLogs.listBlocking(connection.session, { now, ours: [], among })
  }
}
