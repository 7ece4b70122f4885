import type { LegacySession } from '../connection.ts'
import type { ColumnKey } from '../preset.ts'
import type { TableLayout } from './layout.ts'

export interface RunError {
  jobLogId: number
  errorId: number
  prcid: number
  jobid: number | null
  mapref: string
  sessionid: number
  /** At most 10 characters. */
  type: string
  /** What the database said; null for an error of another kind. */
  dbMessage: string | null
  message: string
  keyValue?: string | null
  /** Epoch ms. */
  now: number
}

/** DWJOBERR: the errors of a run. Texts are cut to their columns. */
export class JobErrors {
  readonly #table: TableLayout<ColumnKey<'jobErrors'>>

  constructor(table: TableLayout<ColumnKey<'jobErrors'>>) {
    this.#table = table
  }

  async insert(session: LegacySession, error: RunError): Promise<void> {
    const { now, ...columns } = error
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
