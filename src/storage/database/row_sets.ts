import { arrayText } from '../sql_session.ts'
import type { Kind } from './row_mapper.ts'
import type { Value } from './work.ts'

/** A row by the names of its columns. */
export type Columns = Record<string, Value>

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
  insert(table: string, columns: TableColumn[], rows: Columns[]): Statement
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

/** As few bindings, whatever the number of rows: an array for each column. */
export const postgresSets: RowSets = {
  returning: true,
  insert(table, columns, rows) {
    const names = columns.map(({ name }) => name).join(', ')
    // Most columns hold one value in all rows, many of them nothing
    const [head] = rows
    const isSame = ({ name }: TableColumn) => rows.every((row) => row[name] === head[name])
    const { same = [], own = [] } = Object.groupBy(columns, (column) =>
      isSame(column) ? 'same' : 'own'
    )
    const alike = new Set(same)
    const given = columns.map((column) => `${alike.has(column) ? 'same' : 'given'}.${column.name}`)
    const sources = [
      `(select ${same.map((column) => `?::${typeOf(column)} as ${column.name}`).join(', ')}) same`,
      `unnest(${own.map((column) => `?::${typeOf(column)}[]`).join(', ')})
        as given(${own.map(({ name }) => name).join(', ')})`,
    ]
    const from = sources.filter((_, place) => (place === 0 ? same : own).length > 0)
    return {
      sql: `insert into ${table} (${names}) select ${given.join(', ')} from ${from.join(', ')}`,
      bindings: [
        ...same.map(({ name }) => head[name]),
        ...own.map(({ name }) => arrayText(rows.map((row) => row[name]))),
      ],
    }
  },
  update(table, columns, rows, same) {
    const given = [ID, ...columns]
    // Arrays out of sub-selects count as short: row by row along the primary key
    const arrays = given.map((column) => `(select ?::${typeOf(column)}[])`)
    const sets = [
      ...same.map(({ name }) => `${name} = ?`),
      ...columns.map(({ name }) => `${name} = given.${name}`),
    ]
    return {
      sql: `update ${table} set ${sets.join(', ')}
        from unnest(${arrays.join(', ')}) as given(${given.map(({ name }) => name).join(', ')})
        where ${table}.id = given.id`,
      bindings: [
        ...same.map(({ value }) => value),
        ...given.map((_, at) => arrayText(rows.map((row) => row[at]))),
      ],
    }
  },
}

export const mysqlSets: RowSets = {
  returning: false,
  insert(table, columns, rows) {
    const names = columns.map(({ name }) => name).join(', ')
    const marks = `(${columns.map(() => '?').join(', ')})`
    const values = rows.map(() => marks).join(', ')
    const bindings = rows.flatMap((row) => columns.map(({ name }) => row[name]))
    return { sql: `insert into ${table} (${names}) values ${values}`, bindings }
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
