import type { LegacySession } from '../connection.ts'
import type { RunParams } from '../params.ts'
import type { ColumnKey } from '../preset.ts'
import type { TableLayout } from './layout.ts'
import type { Row } from './row_sets.ts'
import type { SetWriter } from './set_writer.ts'
import { affectedRows, toNumber, toText } from './values.ts'

/** In progress, complete, failed, stopped: two characters, nothing longer fits. */
export type RunStatus = 'IP' | 'PC' | 'FL' | 'ST'

export interface ProcessLogRow {
  prcid: number
  mapref: string | null
  jobid: number | null
  jobflwid: number | null
  status: string | null
  /** Epoch ms; null when empty or unreadable. */
  startedAt: number | null
  endedAt: number | null
  message: string | null
  sessionid: number | null
}

export interface StartedRun {
  prcid: number
  jobid: number | null
  jobflwid: number | null
  mapref: string
  sessionid: number
  params: RunParams
  /** Epoch ms. */
  now: number
}

export interface EndedRun {
  prcid: number
  status: Exclude<RunStatus, 'IP'>
  now: number
  /** Cut to its column. */
  message?: string | null
  log?: string | null
  sourceRows?: number | null
  targetRows?: number | null
}

/** A run in progress of which the caller decides whether it is its own. */
export interface RunningRow {
  prcid: number
  mapref: string
  startedAt: number | null
  sessionid: number | null
}

/** Runs with a PRCID above one, and some others. */
export interface PrcidRange {
  above: number
  known: number[]
}

/** Age after which a run in progress counts as dead, ms. */
export const BLOCKING_AGE = 24 * 3_600_000

const COLUMNS = [
  'prcid',
  'mapref',
  'jobid',
  'jobflwid',
  'status',
  'strtdt',
  'enddt',
  'message',
  'sessionid',
] as const

/** DWPRCLOG: one row per run. */
export class ProcessLogs {
  readonly #table: TableLayout<ColumnKey<'processLogs'>>
  readonly #sets: SetWriter

  constructor(table: TableLayout<ColumnKey<'processLogs'>>, sets: SetWriter) {
    this.#table = table
    this.#sets = sets
  }

  /** The row of a run whose logic starts now. */
  async insertInProgress(session: LegacySession, run: StartedRun): Promise<void> {
    const row = this.startedRow(run)
    await session.run(() => session.client.table(this.#table.name).insert(row))
  }

  /** The rows of several runs, all or none. */
  async insertAllInProgress(session: LegacySession, runs: StartedRun[]): Promise<void> {
    const rows = runs.map((run) => this.startedRow(run))
    await this.#sets.insert(session, this.#table.name, rows)
  }

  /**
   * Ends a run that still is in progress.
   *
   * @returns false when it is not: another has ended it, nothing was written
   */
  async close(session: LegacySession, end: EndedRun): Promise<boolean> {
    const table = this.#table
    const { [table.column('prcid')]: prcid, ...row } = this.endedRow(end)
    const result: unknown = await session.run(() =>
      session.client
        .from(table.name)
        .where(table.column('prcid'), prcid!)
        .where(table.column('status'), 'IP')
        .update(row)
    )
    return affectedRows(result) > 0
  }

  /**
   * Which of these runs are in progress; inside a transaction they stay so
   * until it ends. One that another transaction is about to change is left out.
   */
  lockInProgress(session: LegacySession, prcids: number[]): Promise<Set<number>> {
    const where = { [this.#table.column('status')]: 'IP' }
    return this.#sets.lockIds(session, this.#table, { key: 'prcid', ids: prcids, where })
  }

  /** Ends several runs that still are in progress. @returns how many were */
  async closeAll(session: LegacySession, ends: EndedRun[]): Promise<number> {
    const table = this.#table
    const key = table.column('prcid')
    const rows = ends.map((end) => this.endedRow(end))
    const where = { [table.column('status')]: 'IP' }
    return this.#sets.update(session, table.name, { key, rows, where })
  }

  async find(session: LegacySession, prcid: number): Promise<ProcessLogRow | null> {
    const table = this.#table
    const rows: Record<string, unknown>[] = await session.run(() =>
      session.client
        .from(table.name)
        .select(table.select(COLUMNS))
        .where(table.column('prcid'), prcid)
    )
    return rows.length === 0 ? null : this.#toLog(rows[0])
  }

  /**
   * Runs in progress that block their MAPREF: younger than 24 h (or of
   * unknown age) and none of `ours`.
   *
   * @param ours PRCIDs that this installation answers for; they are judged by lease
   */
  async listBlocking(
    session: LegacySession,
    { now, ours, among }: { now: number; ours: Iterable<number>; among?: PrcidRange }
  ): Promise<RunningRow[]> {
    const own = new Set(ours)
    const rows = await this.listInProgress(session, among)
    return rows.filter(
      ({ prcid, startedAt }) =>
        !own.has(prcid) && (startedAt === null || startedAt > now - BLOCKING_AGE)
    )
  }

  /** The newest runs, by PRCID. */
  async listRecent(session: LegacySession, limit: number): Promise<ProcessLogRow[]> {
    const table = this.#table
    const rows: Record<string, unknown>[] = await session.run(() =>
      session.client
        .from(table.name)
        .select(table.select(COLUMNS))
        .orderBy(table.column('prcid'), 'desc')
        .limit(limit)
    )
    return rows.map((row) => this.#toLog(row))
  }

  /** The highest PRCID, null when there is none. */
  async highest(session: LegacySession): Promise<number | null> {
    const table = this.#table
    const rows: Record<string, unknown>[] = await session.run(() =>
      session.client.from(table.name).max(table.column('prcid'), 'highest')
    )
    return toNumber(rows[0]?.highest)
  }

  /** Every run in progress, whatever its age, or those of a range. */
  async listInProgress(session: LegacySession, among?: PrcidRange): Promise<RunningRow[]> {
    const table = this.#table
    const prcid = table.column('prcid')
    const rows: Record<string, unknown>[] = await session.run(() =>
      session.client
        .from(table.name)
        .select(table.select(['prcid', 'mapref', 'strtdt', 'sessionid']))
        .where(table.column('status'), 'IP')
        .if(among, (query) =>
          query.where((either) =>
            either.where(prcid, '>', among!.above).orWhereIn(prcid, among!.known)
          )
        )
        .orderBy(prcid)
    )
    return rows.map((row) => ({
      prcid: Number(row.prcid),
      mapref: String(row.mapref ?? ''),
      startedAt: this.#table.wallClock.readOrNull(row.strtdt),
      sessionid: toNumber(row.sessionid),
    }))
  }

  /** The row of a run that begins. */
  startedRow({ now, params, ...identity }: StartedRun): Row {
    const dates = { strtdt: now, reccrdt: now, recupdt: now }
    return this.#table.row({ ...identity, ...params, status: 'IP', ...dates })
  }

  /** What the end of a run changes of its row, with its PRCID. */
  endedRow({ now, ...columns }: EndedRun): Row {
    return this.#table.row({ ...columns, enddt: now, recupdt: now })
  }

  #toLog(row: Record<string, unknown>): ProcessLogRow {
    return {
      prcid: Number(row.prcid),
      mapref: toText(row.mapref),
      jobid: toNumber(row.jobid),
      jobflwid: toNumber(row.jobflwid),
      status: toText(row.status),
      startedAt: this.#table.wallClock.readOrNull(row.strtdt),
      endedAt: this.#table.wallClock.readOrNull(row.enddt),
      message: toText(row.message),
      sessionid: toNumber(row.sessionid),
    }
  }
}
