import { E_INVALID_CONFIG } from '../../errors.ts'
import type { SqlDialect } from '../../storage/sql_session.ts'
import type { TextLimit } from '../text_cut.ts'
import type { LegacyClient } from './client.ts'

/** A column as the database describes it. */
export interface DatabaseColumn {
  /** As it is spelled in the database. */
  name: string
  /** The declared type, upper case: `VARCHAR2(400)`. */
  type: string
}

/**
 * Everything in which the databases differ for the legacy tables. Next to
 * this, the tables keep to what all of them can do: guarded updates whose row
 * count decides, flat transactions, short lists, no upsert.
 */
export interface TableDialect {
  readonly name: SqlDialect
  /** Longest list of an IN. */
  readonly listLimit: number
  /** Makes the client fit: called once, before anything else. */
  prepare(client: LegacyClient): Promise<void>
  /** The columns of a table, none when it does not exist. */
  columns(client: LegacyClient, table: string): Promise<DatabaseColumn[]>
  /** The length that a declared type allows, null when it sets none. */
  textLimit(type: string): TextLimit | null
  /** SQL that reads `count` numbers of a sequence as column `id`; null where there are none. */
  sequence(name: string, count: number): string | null
}

/** Longest wait inside a statement, which blocks this process (ms); the rest is waited for outside. */
const SQLITE_BUSY_TIMEOUT = 50
const DECLARED_LENGTH = /\(\s*(\d+)\s*\)/
/** Declared types that hold texts of any length. */
const LONG_TEXT = /CLOB|^(TINY|MEDIUM|LONG)?TEXT$/

const sqlite: TableDialect = {
  name: 'sqlite',
  listLimit: 500,

  async prepare(client) {
    await client.rawQuery(`PRAGMA busy_timeout = ${SQLITE_BUSY_TIMEOUT}`)
  },

  async columns(client, table) {
    const [schema, name] = table.includes('.') ? table.split('.') : [null, table]
    const sql = schema
      ? 'select name, type from pragma_table_info(?, ?)'
      : 'select name, type from pragma_table_info(?)'
    const rows: DatabaseColumn[] = await client.rawQuery(sql, schema ? [name, schema] : [name])
    return rows.map(({ name: column, type }) => ({ name: column, type: type.toUpperCase() }))
  },

  // SQLite keeps no length, and knows no unit: the declaration is what other programs count on
  textLimit(type) {
    const declared = DECLARED_LENGTH.exec(type)
    return declared ? { length: Number(declared[1]), unit: 'bytes' } : null
  },

  sequence: () => null,
}

const DIALECTS: Record<string, TableDialect> = {
  'sqlite3': sqlite,
  'better-sqlite3': sqlite,
}

/** @throws E_INVALID_CONFIG for a database on which the legacy tables are not verified yet */
export function tableDialect(client: LegacyClient, source: string): TableDialect {
  const dialect = DIALECTS[client.dialect.name]
  if (!dialect) {
    throw new E_INVALID_CONFIG([
      `legacy.sources.${source}.connection`,
      `a ${client.dialect.name} connection`,
      'this version reads legacy tables on SQLite (better-sqlite3) alone',
    ])
  }
  return dialect
}

/** Whether a declared type has no length because it needs none. */
export function isLongText(type: string): boolean {
  return LONG_TEXT.test(type)
}
