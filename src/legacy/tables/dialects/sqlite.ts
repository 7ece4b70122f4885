import { holding } from '../column_fit.ts'
import type { DatabaseColumn, TableDialect } from '../dialect.ts'
import { singleRows } from '../row_sets.ts'
import { quotedWith } from '../values.ts'

/** Longest wait inside a statement, which blocks this process (ms); the rest is waited for outside. */
const quoted = quotedWith('"')
const BUSY_TIMEOUT = 50
const DECLARED_LENGTH = /\(\s*(\d+)\s*\)/
/** Declared types that hold texts of any length. */
const LONG_TEXT = /CLOB|^(TINY|MEDIUM|LONG)?TEXT$/
/** As SQLite tells affinities, but for dates, which it has none for: they are texts. */
const HOLDS = [
  ['any', /^$/],
  ['number', /INT/],
  ['text', /CHAR|CLOB|TEXT/],
  ['json', /JSON/],
  ['bytes', /BLOB/],
  ['number', /REAL|FLOA|DOUB|NUM|DEC/],
  ['moment', /DATE|TIME/],
  ['other', /BOOL/],
  ['any', /./],
] as const

export const sqlite: TableDialect = {
  name: 'sqlite',
  quoted,
  emptied: (table) => `delete from ${table}`,
  listLimit: 500,
  characters: 'length(??)',
  text: '??',
  skipsDuplicates: false,
  locksRows: false,
  rowSets: singleRows(quoted),
  groups: null,
  claims: null,
  sequences: null,

  async prepare(client) {
    await client.rawQuery(`PRAGMA busy_timeout = ${BUSY_TIMEOUT}`)
  },

  async columns(client, table) {
    const [schema, name] = table.includes('.') ? table.split('.') : [null, table]
    const info = schema ? 'pragma_table_info(?, ?)' : 'pragma_table_info(?)'
    const sql = `select name, type, "notnull" and dflt_value is null as required from ${info}`
    const rows: (Omit<DatabaseColumn, 'required'> & { required: number })[] = await client.rawQuery(
      sql,
      schema ? [name, schema] : [name]
    )
    return rows.map(({ name: column, type, required }) => ({
      name: column,
      type: type.toUpperCase(),
      required: required === 1,
    }))
  },

  // SQLite keeps no length, and knows no unit: the declaration is what other programs count on
  textLimit(type) {
    const declared = DECLARED_LENGTH.exec(type)
    if (declared) {
      return { length: Number(declared[1]), unit: 'bytes' }
    }
    return LONG_TEXT.test(type) ? null : undefined
  },

  holds: (type) => holding(HOLDS, type),
  dateForm: () => ({ read: null, instant: false }),
  clean: (text) => text,
}
