import type { LegacySession } from '../connection.ts'
import type { ColumnKey } from '../preset.ts'
import type { TableLayout } from './layout.ts'
import { toText } from './values.ts'

/** DWPARAMS: settings by type and code. */
export class Parameters {
  readonly #table: TableLayout<ColumnKey<'parameters'>> | null

  constructor(table: TableLayout<ColumnKey<'parameters'>> | null) {
    this.#table = table
  }

  /** null when there is no such setting, no value, or no table. */
  async value(session: LegacySession, type: string, code: string): Promise<string | null> {
    const table = this.#table
    if (!table) {
      return null
    }
    const rows: Record<string, unknown>[] = await session.run(() =>
      session.client
        .from(table.name)
        .select(table.select(['value']))
        .where(table.column('type'), type)
        .where(table.column('code'), code)
    )
    return toText(rows[0]?.value)
  }
}
