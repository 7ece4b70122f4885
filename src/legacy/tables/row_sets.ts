import type { ColumnValue } from './layout.ts'

/** Names of columns, as the database spells them, and values in their form. */
export type Row = Record<string, ColumnValue>

export interface Statement {
  sql: string
  bindings: ColumnValue[]
}

export interface SetUpdate {
  /** The column that tells the rows apart; each row of `rows` has it. */
  key: string
  /** Rows of the same columns, each key once. */
  rows: Row[]
  /** Rows that do not have these values are left alone. */
  where: Row
}

/** Writes of many rows of one table in few statements, in a database's words. */
export interface RowSets {
  /** @param rows of the same columns */
  insert(table: string, rows: Row[]): Statement[]
  /** Inserts those of which the table has no row with their value of the column `key`. */
  insertMissing(table: string, key: string, rows: Row[]): Statement[]
  update(table: string, change: SetUpdate): Statement[]
}

export type Quote = (name: string) => string

/** For every database: a statement for each row. */
export function singleRows(quote: Quote): RowSets {
  return {
    insert: (table, rows) => rows.map((row) => insertOf(quote, table, [row])),
    insertMissing: (table, key, rows) => rows.map((row) => missingOf(quote, table, key, [row])),
    update: (table, { key, rows, where }) =>
      rows.map((row) => {
        const { [key]: id, ...columns } = row
        const sets = Object.keys(columns).map((name) => `${quote(name)} = ?`)
        const { sql, bindings } = conditions(quote, { [key]: id, ...where })
        return {
          sql: `update ${quote(table)} set ${sets.join(', ')} where ${sql}`,
          bindings: [...Object.values(columns), ...bindings],
        }
      }),
  }
}

/** With lists of values, and CASE where the rows differ: no value has to be given a type. */
export function listedRows(quote: Quote): RowSets {
  return {
    insert: (table, rows) => [insertOf(quote, table, rows)],
    insertMissing: (table, key, rows) => [missingOf(quote, table, key, rows)],
    update(table, { key, rows, where }) {
      const bindings: ColumnValue[] = []
      const sets = columnsOf(rows, key).map((name) => {
        const [{ [name]: first }] = rows
        if (rows.every((row) => row[name] === first)) {
          bindings.push(first)
          return `${quote(name)} = ?`
        }
        bindings.push(...rows.flatMap((row) => [row[key], row[name]]))
        const cases = rows.map(() => 'when ? then ?').join(' ')
        return `${quote(name)} = case ${quote(key)} ${cases} end`
      })
      const list = rows.map(() => '?').join(', ')
      const guard = conditions(quote, where)
      const sql = `update ${quote(table)} set ${sets.join(', ')} where ${quote(key)} in (${list})`
      return [
        {
          sql: guard.sql === '' ? sql : `${sql} and ${guard.sql}`,
          bindings: [...bindings, ...rows.map((row) => row[key]), ...guard.bindings],
        },
      ]
    },
  }
}

/** As one JSON text, which PostgreSQL reads by the types of the table itself. */
export function jsonRows(quote: Quote): RowSets {
  const given = (table: string) =>
    `json_populate_recordset(cast(null as ${quote(table)}), cast(? as json))`
  return {
    insert(table, rows) {
      const names = Object.keys(rows[0]).map(quote).join(', ')
      return [
        {
          sql: `insert into ${quote(table)} (${names}) select ${names} from ${given(table)}`,
          bindings: [jsonOf(rows)],
        },
      ]
    },
    insertMissing(table, key, rows) {
      const names = Object.keys(rows[0]).map(quote).join(', ')
      return [
        {
          sql: `insert into ${quote(table)} (${names}) select ${names} from ${given(table)} as given
            where ${isMissing(quote, table, key)}`,
          bindings: [jsonOf(rows)],
        },
      ]
    },
    update(table, { key, rows, where }) {
      const sets = columnsOf(rows, key).map((name) => `${quote(name)} = given.${quote(name)}`)
      const guard = conditions((name) => `kept.${quote(name)}`, where)
      const sql = `update ${quote(table)} as kept set ${sets.join(', ')} from ${given(table)} as given
        where kept.${quote(key)} = given.${quote(key)}`
      return [
        {
          sql: guard.sql === '' ? sql : `${sql} and ${guard.sql}`,
          bindings: [jsonOf(rows), ...guard.bindings],
        },
      ]
    },
  }
}

function insertOf(quote: Quote, table: string, rows: Row[]): Statement {
  const names = Object.keys(rows[0])
  const marks = `(${names.map(() => '?').join(', ')})`
  return {
    sql: `insert into ${quote(table)} (${names.map(quote).join(', ')}) values ${rows.map(() => marks).join(', ')}`,
    bindings: rows.flatMap((row) => names.map((name) => row[name])),
  }
}

function missingOf(quote: Quote, table: string, key: string, rows: Row[]): Statement {
  const names = Object.keys(rows[0])
  const first = `select ${names.map((name) => `? as ${quote(name)}`).join(', ')}`
  const further = ` union all select ${names.map(() => '?').join(', ')}`
  const list = names.map(quote).join(', ')
  return {
    sql: `insert into ${quote(table)} (${list}) select ${list}
      from (${first}${further.repeat(rows.length - 1)}) given where ${isMissing(quote, table, key)}`,
    bindings: rows.flatMap((row) => names.map((name) => row[name])),
  }
}

function isMissing(quote: Quote, table: string, key: string): string {
  const column = quote(key)
  return `not exists (select 1 from ${quote(table)} kept where kept.${column} = given.${column})`
}

function columnsOf([first]: Row[], key: string): string[] {
  return Object.keys(first).filter((name) => name !== key)
}

function conditions(quote: Quote, values: Row): Statement {
  return {
    sql: Object.keys(values)
      .map((name) => `${quote(name)} = ?`)
      .join(' and '),
    bindings: Object.values(values),
  }
}

/** Half a character, which JSON.stringify writes as an escape. */
const HALF = /\\ud[89a-f][0-9a-f]{2}/i

/** Half a character is no JSON text for PostgreSQL; as a binding it would be replaced likewise. */
function jsonOf(rows: Row[]): string {
  const text = JSON.stringify(rows)
  return HALF.test(text)
    ? JSON.stringify(rows, (_, value: unknown) =>
        typeof value === 'string' ? value.toWellFormed() : value
      )
    : text
}
