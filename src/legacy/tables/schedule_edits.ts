import type { LegacySession } from '../connection.ts'
import type { ColumnKey } from '../preset.ts'
import type { TableLayout, WriteValue } from './layout.ts'
import { affectedRows } from './values.ts'

type Key = ColumnKey<'jobSchedules'>

/** What a person says of a schedule, as its columns take it. */
export interface ScheduleValues {
  mapref: string
  frqcd: string
  frqdd: string | null
  frqhh: number | null
  frqmi: number
  /** Wall clocks of the zone, `yyyy-MM-ddTHH:mm:ss`. */
  strtdt: string
  enddt: string | null
}

/** A new version, which is current and disabled. */
export interface NewSchedule extends ScheduleValues {
  jobschid: number
  jobflwid: number
  /** Of the flow, for tables that name the job. */
  jobid: number | null
  dpndJobschid: number | null
  /** As the version before has it, a wall clock; null for the first. */
  lastRun: string | null
  /** Epoch ms. */
  now: number
}

/**
 * Changes to DWJOBSCH. Each is guarded by CURFLG = Y: what another has
 * replaced meanwhile is not written.
 */
export class ScheduleEdits {
  readonly #table: TableLayout<Key>

  constructor(table: TableLayout<Key>) {
    this.#table = table
  }

  /** The table names the job of a flow in place of the flow. */
  get needsJob(): boolean {
    return !this.#table.has('jobflwid')
  }

  /** LST_RUN_DT of a row as it is stored, for the version after it. */
  async lastRun(session: LegacySession, jobschid: number): Promise<string | null> {
    const table = this.#table
    if (!table.has('lastRun')) {
      return null
    }
    const rows: Record<string, unknown>[] = await session.run(() =>
      session.client
        .from(table.name)
        .select(table.select(['lastRun']))
        .where(table.column('jobschid'), jobschid)
    )
    return table.wallClock.readTextOrNull(rows[0]?.lastRun)
  }

  async insert(session: LegacySession, schedule: NewSchedule): Promise<void> {
    const table = this.#table
    const { now, strtdt, enddt, lastRun, ...columns } = schedule
    const wall = (key: Key, text: string | null) => (text === null ? null : table.wall(key, text))
    const row = table.row({
      ...columns,
      strtdt: wall('strtdt', strtdt),
      enddt: wall('enddt', enddt),
      stflg: 'A',
      curflg: 'Y',
      schflg: 'N',
      reccrdt: now,
      recupdt: now,
      nextRun: null,
    })
    if (lastRun !== null) {
      row[table.column('lastRun')] = table.wall('lastRun', lastRun)
    }
    await session.run(() => session.client.table(table.name).insert(row))
  }

  /** Takes CURFLG from a row that is replaced. @returns false when it was not current any more */
  retire(session: LegacySession, jobschid: number, now: number): Promise<boolean> {
    return this.#change(session, jobschid, { curflg: 'N', nextRun: null, recupdt: now })
  }

  /** Sets SCHFLG. @returns false when the row is not current any more */
  enable(
    session: LegacySession,
    jobschid: number,
    state: { enabled: boolean; nextRun: number | null | undefined; now: number }
  ): Promise<boolean> {
    const { enabled, nextRun, now } = state
    return this.#change(session, jobschid, { schflg: enabled ? 'Y' : 'N', nextRun, recupdt: now })
  }

  /** Sets DPND_JOBSCHID; null takes the parent away. @returns false when the row is not current any more */
  setParent(
    session: LegacySession,
    jobschid: number,
    parent: { dpndJobschid: number | null; now: number }
  ): Promise<boolean> {
    const { dpndJobschid, now } = parent
    return this.#change(session, jobschid, { dpndJobschid, recupdt: now })
  }

  async #change(
    session: LegacySession,
    jobschid: number,
    values: Partial<Record<Key, WriteValue>>
  ): Promise<boolean> {
    const table = this.#table
    const result: unknown = await session.run(() =>
      session.client
        .from(table.name)
        .where(table.column('jobschid'), jobschid)
        .where(table.column('curflg'), 'Y')
        .update(table.row(values))
    )
    return affectedRows(result) > 0
  }
}
