import type { LegacySession } from '../connection.ts'
import type { ColumnKey } from '../preset.ts'
import {
  columnsIn,
  STRATEGIES,
  type CheckpointSetting,
  type CheckpointStrategy,
} from '../checkpoints/strategy.ts'
import type { TableLayout } from './layout.ts'
import { toText } from './values.ts'
import { E_LEGACY_FLOW } from '../../errors.ts'

const COLUMNS = ['checkpointStrategy', 'checkpointColumn', 'checkpointEnabled'] as const

/** DWMAPR: what is said of a MAPREF. */
export class Mappings {
  readonly #table: TableLayout<ColumnKey<'mappings'>> | null

  /** @param table null where it does not exist */
  constructor(table: TableLayout<ColumnKey<'mappings'>> | null) {
    this.#table = table
  }

  /**
   * How the flow keeps its position; CHKPNTENBLD other than Y means not at all.
   *
   * @returns null where the columns do not exist, or say nothing of this MAPREF
   * @throws E_LEGACY_FLOW when CHKPNTSTRTGY is none of the strategies
   */
  async checkpointOf(session: LegacySession, mapref: string): Promise<CheckpointSetting | null> {
    const table = this.#table
    if (!table || !COLUMNS.some((column) => table.has(column))) {
      return null
    }
    const rows: Record<string, unknown>[] = await session.run(() =>
      session.client
        .from(table.name)
        .select(table.select(COLUMNS))
        .where(table.column('mapref'), mapref)
        .if(table.has('curflg'), (query) =>
          query.where((current) =>
            current.where(table.column('curflg'), 'Y').orWhereNull(table.column('curflg'))
          )
        )
    )
    return rows.length === 0 ? null : this.#setting(rows[0], mapref)
  }

  #setting(row: Record<string, unknown>, mapref: string): CheckpointSetting | null {
    const [strategy, column, enabled] = COLUMNS.map((key) => toText(row[key])?.trim() ?? null)
    if (enabled !== null && enabled.toUpperCase() !== 'Y') {
      return { strategy: 'NONE', columns: [] }
    }
    if (strategy === null && column === null) {
      return null
    }
    const known = (strategy ?? 'AUTO').toUpperCase() as CheckpointStrategy
    if (!STRATEGIES.includes(known)) {
      const remedy = `give one of ${STRATEGIES.join(', ')}`
      const name = this.#table!.column('checkpointStrategy')
      throw new E_LEGACY_FLOW([mapref, `${this.#table!.name}.${name} is "${strategy}"; ${remedy}`])
    }
    return { strategy: known, columns: columnsIn(column) }
  }
}
