import type { SqlCell, SqlColumn } from '../../storage/sql_session.ts'
import type { JsonValue } from '../../types/json.ts'
import type { WallClock } from '../wall_clock.ts'
import { exactNumber, textOf } from './cells.ts'

type Sheet = { sheet: string; columns: string[]; rows: JsonValue[][] }

/** JSON characters of all rows: what goes into a column that screens read often. */
const MOST_LENGTH = 65_536

/** The rows of a small report, to be told with its result. */
export class InlineRows {
  readonly #most: number
  readonly #wallClock: WallClock
  readonly #sheets: Sheet[] = []
  #columns: SqlColumn[] = []
  #count = 0

  /** @param most rows; with more none is told */
  constructor(most: number, wallClock: WallClock) {
    this.#most = most
    this.#wallClock = wallClock
  }

  begin(sheet: string, columns: SqlColumn[]): void {
    this.#columns = columns
    this.#sheets.push({ sheet, columns: columns.map(({ name }) => name), rows: [] })
  }

  add(batch: SqlCell[][]): void {
    this.#count += batch.length
    if (this.#count > this.#most) {
      this.#sheets.forEach((sheet) => (sheet.rows = []))
      return
    }
    const { rows } = this.#sheets.at(-1)!
    rows.push(...batch.map((row) => row.map((cell, at) => this.#value(cell, this.#columns[at]))))
  }

  /** null where there are too many. */
  get result(): JsonValue {
    if (this.#most === 0 || this.#count > this.#most) {
      return null
    }
    return JSON.stringify(this.#sheets).length > MOST_LENGTH ? null : this.#sheets
  }

  #value(cell: SqlCell, column: SqlColumn): JsonValue {
    if (typeof cell !== 'string') {
      return cell
    }
    const number = column.kind === 'number' ? exactNumber(cell) : null
    return number ?? textOf(cell, column, this.#wallClock)
  }
}
