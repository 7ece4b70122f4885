import { arrayText } from '../sql_session.ts'
import type { Kind } from './row_mapper.ts'
import { withoutNul, type Value } from './work.ts'

export interface TableColumn {
  name: string
  kind: Kind
}

export interface Statement {
  sql: string
  bindings: Value[]
}

/** Writes of many rows of one table in one statement, in a database's words. */
export interface RowSets {
  insert(table: string, columns: TableColumn[], rows: Value[][]): Statement
  /** Whether `returning` tells which rows of an insert went in. */
  readonly returning: boolean
  /**
   * Sets some columns of rows found by id: those of `columns` to each row's own
   * values, which follow its id, and those of `same` to one value for all.
   */
  update(
    table: string,
    columns: TableColumn[],
    rows: Value[][],
    same: { name: string; value: Value }[]
  ): Statement
}

/** As few bindings, whatever the number of rows: arrays, or the rows as one JSON text. */
export const postgresSets: RowSets = {
  returning: true,
  insert(table, columns, rows) {
    const names = columns.map(({ name }) => name).join(', ')
    // Most columns hold one value in all rows, many of them nothing
    const isSame = columns.map((_, at) => rows.every((row) => row[at] === rows[0][at]))
    const same = columns.flatMap((column, at) =>
      isSame[at] ? [{ column, value: rows[0][at] }] : []
    )
    const own = columns.flatMap((column, at) =>
      isSame[at] ? [] : [{ column, values: rows.map((row) => row[at]) }]
    )
    const given = columns.map(({ name }, at) => `${isSame[at] ? 'same' : 'given'}.${name}`)
    const sources = [
      `(select ${same.map(({ column }) => `?::${typeOf(column)} as ${column.name}`).join(', ')}) same`,
      `unnest(${own.map(({ column }) => `?::${typeOf(column)}[]`).join(', ')})
        as given(${own.map(({ column }) => column.name).join(', ')})`,
    ]
    const from = sources.filter((_, place) => (place === 0 ? same : own).length > 0)
    return {
      sql: `insert into ${table} (${names}) select ${given.join(', ')} from ${from.join(', ')}`,
      bindings: [...same.map(({ value }) => value), ...own.map(({ values }) => arrayText(values))],
    }
  },
  update(table, columns, rows, same) {
    const from = recordset([ID, ...columns], rows)
    const sets = [
      ...same.map(({ name }) => `${name} = ?`),
      ...columns.map(({ name }) => `${name} = given.${name}`),
    ]
    return {
      sql: `update ${table} set ${sets.join(', ')} from ${from.sql} where ${table}.id = given.id`,
      bindings: [...same.map(({ value }) => value), ...from.bindings],
    }
  },
}

export const mysqlSets: RowSets = {
  returning: false,
  insert(table, columns, rows) {
    const names = columns.map(({ name }) => name).join(', ')
    const marks = `(${columns.map(() => '?').join(', ')})`
    const values = rows.map(() => marks).join(', ')
    return { sql: `insert into ${table} (${names}) values ${values}`, bindings: rows.flat() }
  },
  update(table, columns, rows, same) {
    const names = [ID, ...columns].map(({ name }) => name)
    const first = `select ${names.map((name) => `? as ${name}`).join(', ')}`
    const further = ` union all select ${names.map(() => '?').join(', ')}`
    const sets = [
      ...columns.map(({ name }) => `${table}.${name} = given.${name}`),
      ...same.map(({ name }) => `${table}.${name} = ?`),
    ]
    // Ids are ASCII columns: compared with a wider text, their index would not serve
    return {
      sql: `update ${table} join (${first}${further.repeat(rows.length - 1)}) given
        on ${table}.id = convert(given.id using ascii) collate ascii_bin set ${sets.join(', ')}`,
      bindings: [...rows.flat(), ...same.map(({ value }) => value)],
    }
  },
}

const ID: TableColumn = { name: 'id', kind: 'text' }

const typeOf = ({ kind }: TableColumn) => (kind === 'integer' ? 'bigint' : 'text')

function recordset(columns: TableColumn[], rows: Value[][]): Statement {
  const types = columns.map((column) => `${column.name} ${typeOf(column)}`)
  const records = rows.map((row) =>
    Object.fromEntries(columns.map(({ name }, index) => [name, withoutNul(row[index])]))
  )
  return {
    sql: `json_to_recordset(?::json) as given(${types.join(', ')})`,
    bindings: [JSON.stringify(records)],
  }
}
