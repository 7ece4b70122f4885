import type { LegacySession } from '../connection.ts'
import type { ColumnKey } from '../preset.ts'
import type { TableLayout } from './layout.ts'
import type { Row } from './row_sets.ts'
import type { SetWriter } from './set_writer.ts'

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
  readonly #sets: SetWriter

  constructor(table: TableLayout<ColumnKey<'jobErrors'>>, sets: SetWriter) {
    this.#table = table
    this.#sets = sets
  }

  async insert(session: LegacySession, error: RunError): Promise<void> {
    const row = this.row(error)
    await session.run(() => session.client.table(this.#table.name).insert(row))
  }

  async insertAll(session: LegacySession, errors: RunError[]): Promise<void> {
    const rows = errors.map((error) => this.row(error))
    await this.#sets.insert(session, this.#table.name, rows)
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
  row({ now, ...columns }: RunError): Row {
    return this.#table.row({ ...columns, prcdt: now, reccrdt: now })
  }
}
