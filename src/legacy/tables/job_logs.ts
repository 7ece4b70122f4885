import type { LegacySession } from '../connection.ts'
import type { ColumnKey } from '../preset.ts'
import type { TableLayout } from './layout.ts'
import type { Row } from './row_sets.ts'
import type { SetWriter } from './set_writer.ts'

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
  readonly #sets: SetWriter

  constructor(table: TableLayout<ColumnKey<'jobLogs'>>, sets: SetWriter) {
    this.#table = table
    this.#sets = sets
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
    const row = this.row(counts)
    await session.run(() => session.client.table(this.#table.name).insert(row))
  }

  /** As `insertIfNone`, for several runs. */
  async insertMissing(session: LegacySession, counts: RunCountsRow[]): Promise<void> {
    const table = this.#table
    const rows = counts.map((each) => this.row(each))
    await this.#sets.insertMissing(session, table.name, table.column('prcid'), rows)
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

  /** As it is written. */
  row({ now, ...columns }: RunCountsRow): Row {
    return this.#table.row({ ...columns, prcdt: now, reccrdt: now })
  }
}
