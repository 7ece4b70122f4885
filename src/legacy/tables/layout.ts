import type { ColumnType } from '../preset.ts'
import { cutText, type TextLimit } from '../text_cut.ts'
import type { WallClock } from '../wall_clock.ts'
import type { LegacyClient } from './client.ts'

/** A column that exists, as it is spelled in the database. */
export interface LegacyColumn {
  name: string
  type: ColumnType
  /** The type that the table declares, in the database's words. */
  declared: string
  limit: TextLimit | null
  /** SQL, with `??` for the column, that reads it; null: the column itself. */
  read: string | null
  /** It holds instants, not wall clocks. */
  instant: boolean
  /** Takes out what the database cannot store. */
  clean(text: string): string
}

type RawBuilder = ReturnType<LegacyClient['raw']>
export type RawSql = (sql: string, bindings: string[]) => RawBuilder

interface Deps {
  /** As it is spelled in the database, with its schema where one is configured. */
  name: string
  columns: ReadonlyMap<string, LegacyColumn>
  wallClock: WallClock
  raw: RawSql
}

/** A value to write: an instant (epoch ms) for a date or timestamp column. */
export type WriteValue = string | number | null | undefined
/** A value as the driver takes it. */
export type ColumnValue = string | number | null

/**
 * One legacy table as it was found: which columns there are, how they are
 * called, and how values go into them.
 *
 * `Key` names the columns as the adapter calls them.
 */
export class TableLayout<Key extends string = string> {
  readonly name: string
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.name = deps.name
    this.#deps = deps
  }

  get wallClock(): WallClock {
    return this.#deps.wallClock
  }

  /** Whether an optional column exists. */
  has(key: Key): boolean {
    return this.#deps.columns.has(key)
  }

  /** The name of a column that must be there. */
  column(key: Key): string {
    return this.#find(key).name
  }

  /** The types that the table declares, by the names of its columns. */
  get declared(): Map<string, string> {
    return new Map([...this.#deps.columns.values()].map(({ name, declared }) => [name, declared]))
  }

  /** How long a text of this column may be; null: as long as it likes, or it holds no text. */
  limit(key: Key): TextLimit | null {
    return this.#find(key).limit
  }

  /** The name with the table's, for statements over two tables. */
  qualified(key: Key, alias: string): string {
    return `${alias}.${this.column(key)}`
  }

  /** What to select: every given column that exists, under its key; dates as texts. */
  select(keys: readonly Key[], alias?: string): (string | RawBuilder)[] {
    return keys
      .filter((key) => this.has(key))
      .map((key) => {
        const { name, read } = this.#find(key)
        const column = alias ? `${alias}.${name}` : name
        return read && read !== '??'
          ? this.#deps.raw(`${read} as ??`, [column, key])
          : `${column} as ${key}`
      })
  }

  /** As `select`, in the words of the database. */
  reading(keys: readonly Key[], quote: (name: string) => string, alias?: string): string[] {
    return keys
      .filter((key) => this.has(key))
      .map((key) => {
        const { name, read } = this.#find(key)
        const column = quote(alias ? `${alias}.${name}` : name)
        // By a function: a dollar in a name is no pattern
        return `${read?.replaceAll('??', () => column) ?? column} as ${quote(key)}`
      })
  }

  /** A row for insert or update: names of the database, values in its form; absent columns left out. */
  row(values: Partial<Record<Key, WriteValue>>): Record<string, ColumnValue> {
    const row: Record<string, ColumnValue> = {}
    for (const key of Object.keys(values) as Key[]) {
      const value = values[key]
      const column = value === undefined ? undefined : this.#deps.columns.get(key)
      if (column) {
        row[column.name] = this.#valueOf(column, value as ColumnValue)
      }
    }
    return row
  }

  /** One value in the form that its column takes. */
  value(key: Key, value: ColumnValue): ColumnValue {
    return this.#valueOf(this.#find(key), value)
  }

  /** An instant (epoch ms) as a date or timestamp column shows it, to compare with. */
  instant(key: Key, instant: number): string {
    return this.#instantOf(this.#find(key), instant)
  }

  /** A wall clock as a date or timestamp column takes it, unchanged where the column holds none of a zone. */
  wall(key: Key, text: string): string {
    return this.#find(key).instant
      ? new Date(this.wallClock.read(text)!).toISOString()
      : text.replace('T', ' ')
  }

  #valueOf(column: LegacyColumn, value: ColumnValue): ColumnValue {
    const { type, limit, clean } = column
    if (value === null) {
      return null
    }
    if (type === 'date' || type === 'timestamp') {
      return typeof value === 'number' ? this.#instantOf(column, value) : value
    }
    return type === 'number' ? value : cutText(clean(String(value)), limit)
  }

  #instantOf({ type, instant: zoned }: LegacyColumn, instant: number): string {
    if (zoned) {
      return new Date(instant).toISOString()
    }
    return this.#deps.wallClock.render(instant, type === 'date' ? 'second' : 'millisecond')
  }

  #find(key: string): LegacyColumn {
    const column = this.#deps.columns.get(key)
    if (!column) {
      throw new Error(`the column "${key}" of ${this.name} was not looked for`)
    }
    return column
  }
}
