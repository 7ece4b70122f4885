import { parseJson, toJson } from '../../json.ts'
import type { JsonValue } from '../../types/json.ts'
import { TableWriter } from './table_writer.ts'
import type { Row, Value } from './work.ts'

export type Kind = 'text' | 'integer' | 'json'

export interface Column {
  name: string
  kind: Kind
}

export const text = (name: string): Column => ({ name, kind: 'text' })
export const integer = (name: string): Column => ({ name, kind: 'integer' })
export const json = (name: string): Column => ({ name, kind: 'json' })

/**
 * Turns rows of one table into records and back. Numbers may come as texts
 * (bigint of some drivers), JSON is text in every database.
 */
export class RowMapper<Entity extends object> {
  readonly #table: string
  readonly #columns: [property: string, column: Column][]
  /** A record of nulls: copies of it have room for all properties from the start. */
  readonly #empty: Record<string, unknown>

  /** For writes of many rows at once. */
  readonly writer: TableWriter

  /** `further` are integers that no record shows. */
  constructor(
    table: string,
    columns: { [Property in keyof Entity]: Column },
    further: string[] = []
  ) {
    this.#table = table
    this.#columns = Object.entries<Column>(columns)
    this.#empty = Object.fromEntries(this.#columns.map(([property]) => [property, null]))
    const kinds = new Map(this.#columns.map(([, { name, kind }]) => [name, kind]))
    further.forEach((name) => kinds.set(name, 'integer'))
    this.writer = new TableWriter(table, (name) => kinds.get(name) ?? 'text')
  }

  toRecord(row: Row): Entity {
    const record = { ...this.#empty }
    for (const [property, { name, kind }] of this.#columns) {
      record[property] = read(row[name], kind)
    }
    return record as Entity
  }

  /**
   * Makes records of rows that come as values of some columns; the properties
   * of the others are null.
   */
  tupleReader(properties: (keyof Entity & string)[]): (values: unknown[]) => Entity {
    const columns = new Map(this.#columns)
    const kinds = properties.map((property) => columns.get(property)!.kind)
    return (values) => {
      const record = { ...this.#empty }
      properties.forEach((property, place) => {
        record[property] = read(values[place], kinds[place])
      })
      return record as Entity
    }
  }

  /**
   * The columns of those properties that are given.
   *
   * @throws E_PAYLOAD_NOT_JSON
   */
  toRow(record: Partial<Entity>): Record<string, Value> {
    const row: Record<string, Value> = {}
    for (const [property, { name, kind }] of this.#columns) {
      const value = (record as Record<string, unknown>)[property]
      if (value !== undefined) {
        row[name] = write(value, kind, property)
      }
    }
    return row
  }

  /** An insert of one row. */
  insert(row: Record<string, Value>): { sql: string; bindings: Value[] } {
    return this.writer.insertStatement(row)
  }

  /** An update without its where clause. */
  update(row: Record<string, Value>): { sql: string; bindings: Value[] } {
    const assignments = Object.keys(row).map((name) => `${name} = ?`)
    return {
      sql: `update ${this.#table} set ${assignments.join(', ')}`,
      bindings: Object.values(row),
    }
  }
}

function read(value: unknown, kind: Kind): unknown {
  if (value === null || value === undefined) {
    return null
  }
  if (kind === 'integer') {
    return typeof value === 'number' ? value : Number(value)
  }
  return kind === 'json' ? parseJson<JsonValue>(value as string) : value
}

function write(value: unknown, kind: Kind, field: string): Value {
  if (value === null) {
    return null
  }
  return kind === 'json' ? toJson(value, { field }) : (value as Value)
}
