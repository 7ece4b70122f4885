import type { LegacySession } from '../connection.ts'
import type { ColumnKey } from '../preset.ts'
import type { TableLayout } from './layout.ts'
import { toText } from './values.ts'

/** What a code leads to. */
export type StoredSelect =
  | { kind: 'found'; sql: string }
  | { kind: 'none' }
  | { kind: 'many'; count: number }
  | { kind: 'off' }

/** DWMAPRSQL: stored SELECTs by code. */
export class StoredSelects {
  readonly #table: TableLayout<ColumnKey<'storedSelects'>> | null

  constructor(table: TableLayout<ColumnKey<'storedSelects'>> | null) {
    this.#table = table
  }

  /** The current one with this code, which must be one. */
  async find(session: LegacySession, code: string): Promise<StoredSelect> {
    const table = this.#table
    if (!table) {
      return { kind: 'off' }
    }
    const rows: Record<string, unknown>[] = await session.run(() =>
      session.client
        .from(table.name)
        .select(table.select(['sql']))
        .where(table.column('code'), code)
        .where(table.column('curflg'), 'Y')
    )
    if (rows.length > 1) {
      return { kind: 'many', count: rows.length }
    }
    const sql = toText(rows[0]?.sql)
    return sql === null ? { kind: 'none' } : { kind: 'found', sql }
  }
}
