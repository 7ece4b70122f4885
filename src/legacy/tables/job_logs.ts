import type { LegacySession } from '../connection.ts'
import type { ColumnKey } from '../preset.ts'
import type { TableLayout } from './layout.ts'

export interface RunCountsRow {
  jobLogId: number
  prcid: number
  jobid: number | null
  mapref: string
  sessionid: number
  sourceRows: number
  targetRows: number
  errorRows: number
  /** Epoch ms. */
  now: number
}

/** DWJOBLOG: the row counts of a run. */
export class JobLogs {
  readonly #table: TableLayout<ColumnKey<'jobLogs'>>

  constructor(table: TableLayout<ColumnKey<'jobLogs'>>) {
    this.#table = table
  }

  /** @returns false when the logic wrote a row for this PRCID itself */
  async insertIfNone(session: LegacySession, counts: RunCountsRow): Promise<boolean> {
    if (await this.existsFor(session, counts.prcid)) {
      return false
    }
    await this.insert(session, counts)
    return true
  }

  /** One more row, whatever is there. */
  async insert(session: LegacySession, counts: RunCountsRow): Promise<void> {
    const { now, ...columns } = counts
    const row = this.#table.row({ ...columns, prcdt: now, reccrdt: now })
    await session.run(() => session.client.table(this.#table.name).insert(row))
  }

  async existsFor(session: LegacySession, prcid: number): Promise<boolean> {
    const table = this.#table
    const rows: unknown[] = await session.run(() =>
      session.client
        .from(table.name)
        .select(table.select(['prcid']))
        .where(table.column('prcid'), prcid)
        .limit(1)
    )
    return rows.length > 0
  }
}
