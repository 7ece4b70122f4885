import type { LegacySession } from '../connection.ts'
import type { ColumnKey } from '../preset.ts'
import type { TableLayout } from './layout.ts'
import type { SetWriter } from './set_writer.ts'
import type { Quote } from './row_sets.ts'
import { affectedRows, asAsked, marks, toNumber, toText } from './values.ts'

/** Epoch ms of the last and the next run. */
export type RunMark = { lastRun?: number | null; nextRun?: number | null }

/** The schedules of several MAPREFs. */
export interface ScheduleFamily {
  /** What `findCurrent` finds, by MAPREF. */
  current: Map<string, ScheduleRow>
  /** MAPREFs that a current schedule has as its parent: `listChildren` tells which. */
  parents: Set<string>
}

/** A version of a schedule. */
export interface ScheduleRow {
  jobschid: number
  /** JOBID, where the table has that in its place. */
  jobflwid: number | null
  mapref: string | null
  frqcd: string | null
  frqdd: string | null
  frqhh: string | null
  frqmi: string | null
  /** Wall clocks of the zone, `yyyy-MM-ddTHH:mm:ss`, or `yyyy-MM-dd` where no time is stored. */
  strtdt: string | null
  enddt: string | null
  /** CURFLG is `Y`: the version that counts. */
  current: boolean
  schflg: string | null
  /** SCHFLG is `Y`. */
  enabled: boolean
  /** JOBSCHID of any version of the parent. */
  dpndJobschid: number | null
  /** NXT_RUN_DT as a wall clock to the second; null where it is empty, unreadable or not kept. */
  nextRun: string | null
  /** What of the row could not be read. */
  problems: string[]
}

const COLUMNS = [
  'jobschid',
  'jobflwid',
  'jobid',
  'mapref',
  'frqcd',
  'frqdd',
  'frqhh',
  'frqmi',
  'strtdt',
  'enddt',
  'curflg',
  'schflg',
  'dpndJobschid',
  'nextRun',
] as const

/** DWJOBSCH: the schedules, one row per version. */
export class JobSchedules {
  readonly #table: TableLayout<ColumnKey<'jobSchedules'>>
  readonly #sets: SetWriter
  readonly #quote: Quote

  constructor(table: TableLayout<ColumnKey<'jobSchedules'>>, sets: SetWriter, quote: Quote) {
    this.#table = table
    this.#sets = sets
    this.#quote = quote
  }

  /** Whether LST_RUN_DT or NXT_RUN_DT exists. */
  get keepsRunTimes(): boolean {
    return this.#table.has('lastRun') || this.#table.has('nextRun')
  }

  /** Whether NXT_RUN_DT exists. */
  get keepsNextRun(): boolean {
    return this.#table.has('nextRun')
  }

  /** The most minutes that FRQMI takes: two digits where it is a text of two. */
  get mostMinutes(): number {
    const limit = this.#table.limit('frqmi')
    return limit === null || limit.length > 2 ? 999 : 99
  }

  /**
   * Every current row, by MAPREF, then JOBSCHID.
   *
   * @param options.lock keeps others from changing them until the transaction ends
   */
  listCurrent(
    session: LegacySession,
    options: { lock?: boolean; mapref?: string } = {}
  ): Promise<ScheduleRow[]> {
    const table = this.#table
    const { lock = false, mapref } = options
    return this.#read(session, (query) =>
      query
        .where(table.column('curflg'), 'Y')
        .if(mapref !== undefined, (each) => each.where(table.column('mapref'), mapref!))
        .orderBy(table.column('mapref'))
        .orderBy(table.column('jobschid'))
        .if(lock, (each) => each.forUpdate())
    )
  }

  /** The MAPREF of each JOBSCHID, of whatever version, that a current row names as its parent. */
  async parentMaprefs(session: LegacySession): Promise<Map<number, string>> {
    const table = this.#table
    const named = session.client
      .from(table.name)
      .select(table.column('dpndJobschid'))
      .where(table.column('curflg'), 'Y')
      .whereNotNull(table.column('dpndJobschid'))
    const rows: Record<string, unknown>[] = await session.run(() =>
      session.client
        .from(table.name)
        .select(table.select(['jobschid', 'mapref']))
        .whereIn(table.column('jobschid'), named)
        .whereNotNull(table.column('mapref'))
    )
    return new Map(rows.map((row) => [Number(row.jobschid), String(row.mapref)]))
  }

  /** Any version. */
  async findById(session: LegacySession, jobschid: number): Promise<ScheduleRow | null> {
    const rows = await this.#read(session, (query) =>
      query.where(this.#table.column('jobschid'), jobschid)
    )
    return rows[0] ?? null
  }

  /** The current row of a MAPREF; of several the highest JOBSCHID. */
  async findCurrent(session: LegacySession, mapref: string): Promise<ScheduleRow | null> {
    const table = this.#table
    const rows = await this.#read(session, (query) =>
      query
        .where(table.column('mapref'), mapref)
        .where(table.column('curflg'), 'Y')
        .orderBy(table.column('jobschid'), 'desc')
        .limit(1)
    )
    return rows[0] ?? null
  }

  /**
   * The current schedules whose DPND_JOBSCHID leads, through any version of
   * the parent, to this MAPREF. Of several current rows of a child the
   * highest JOBSCHID says who its parent is.
   */
  async listChildren(session: LegacySession, parentMapref: string): Promise<ScheduleRow[]> {
    const table = this.#table
    const { client } = session
    const versions = () =>
      client
        .from(table.name)
        .select(table.column('jobschid'))
        .where(table.column('mapref'), parentMapref)
    const children = client
      .from(table.name)
      .select(table.column('mapref'))
      .where(table.column('curflg'), 'Y')
      .whereIn(table.column('dpndJobschid'), versions())
    const rows = await this.#read(session, (query) =>
      query
        .where(table.column('curflg'), 'Y')
        .whereIn(table.column('mapref'), children)
        .orderBy(table.column('jobschid'))
    )
    const parents: Record<string, unknown>[] = await session.run(versions)
    const ids = new Set(parents.map((row) => Number(row[table.column('jobschid')])))
    const newest = [...new Map(rows.map((row) => [row.mapref, row])).values()]
    return newest.filter(({ dpndJobschid }) => dpndJobschid !== null && ids.has(dpndJobschid))
  }

  /**
   * What the ends of runs of these MAPREFs concern.
   *
   * @throws Error when the database finds one under another spelling
   */
  async familyOf(session: LegacySession, maprefs: string[]): Promise<ScheduleFamily> {
    const { rows } = await session.run(() =>
      session.sql.query(this.#familySql(maprefs.length), maprefs)
    )
    const schedules = rows.map((row) => this.#toSchedule(row))
    const found = asAsked(
      schedules.map(({ mapref }) => mapref),
      maprefs
    )
    const current = schedules.filter((schedule) => schedule.current)
    return {
      current: new Map(current.map((schedule) => [schedule.mapref!, schedule])),
      parents: new Set(found.filter((_, index) => Number(rows[index].parent) === 1)),
    }
  }

  #familySql(count: number): string {
    const table = this.#table
    const of = (key: (typeof COLUMNS)[number], alias: string) =>
      this.#quote(table.qualified(key, alias))
    const name = this.#quote(table.name)
    return `select ${table.reading(COLUMNS, this.#quote, 'p').join(', ')},
      case when exists (select 1 from ${name} c where ${of('curflg', 'c')} = 'Y'
        and ${of('dpndJobschid', 'c')} = ${of('jobschid', 'p')}) then 1 else 0 end as ${this.#quote('parent')}
      from ${name} p where ${of('mapref', 'p')} in ${marks(count)} order by ${of('jobschid', 'p')}`
  }

  /** As `ProcessLogs.lockInProgress`: which of these rows no other transaction is about to change. */
  lock(session: LegacySession, jobschids: number[]): Promise<Set<number>> {
    return this.#sets.lockIds(session, this.#table, { key: 'jobschid', ids: jobschids })
  }

  /** As `markRun`, for several schedules. */
  async markRuns(session: LegacySession, runs: Map<number, RunMark>): Promise<void> {
    const table = this.#table
    const key = table.column('jobschid')
    const rows = [...runs].map(([jobschid, run]) => ({ [key]: jobschid, ...table.row(run) }))
    await this.#sets.update(session, table.name, { key, rows, where: {} })
  }

  /**
   * Keeps LST_RUN_DT and NXT_RUN_DT where they exist.
   *
   * @param run epoch ms; null empties the column, undefined leaves it
   * @returns whether a row was written
   */
  async markRun(session: LegacySession, jobschid: number, run: RunMark): Promise<boolean> {
    const table = this.#table
    const row = table.row(run)
    if (Object.keys(row).length === 0) {
      return false
    }
    const result: unknown = await session.run(() =>
      session.client
        .from(table.name)
        .where(table.column('jobschid'), jobschid)
        .where(table.column('curflg'), 'Y')
        .update(row)
    )
    return affectedRows(result) > 0
  }

  async #read(
    session: LegacySession,
    narrow: (query: ScheduleQuery) => ScheduleQuery
  ): Promise<ScheduleRow[]> {
    const table = this.#table
    const rows: Record<string, unknown>[] = await session.run(() =>
      narrow(session.client.from(table.name).select(table.select(COLUMNS)))
    )
    return rows.map((row) => this.#toSchedule(row))
  }

  #toSchedule(row: Record<string, unknown>): ScheduleRow {
    const problems: string[] = []
    const wallClock = (key: 'strtdt' | 'enddt') => {
      try {
        return this.#table.wallClock.readText(row[key])
      } catch (error) {
        problems.push(`${this.#table.column(key)}: ${(error as Error).message}`)
        return null
      }
    }
    return {
      jobschid: Number(row.jobschid),
      jobflwid: toNumber(row.jobflwid ?? row.jobid),
      mapref: toText(row.mapref),
      frqcd: toText(row.frqcd),
      frqdd: toText(row.frqdd),
      frqhh: toText(row.frqhh),
      frqmi: toText(row.frqmi),
      strtdt: wallClock('strtdt'),
      enddt: wallClock('enddt'),
      current: row.curflg === 'Y',
      schflg: toText(row.schflg),
      enabled: row.schflg === 'Y',
      dpndJobschid: toNumber(row.dpndJobschid),
      nextRun: this.#table.wallClock.readTextOrNull(row.nextRun),
      problems,
    }
  }
}

type ScheduleQuery = ReturnType<LegacySession['client']['from']>
