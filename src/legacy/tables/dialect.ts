import { E_INVALID_CONFIG } from '../../errors.ts'
import type { SqlDialect } from '../../storage/sql_session.ts'
import type { TextLimit } from '../text_cut.ts'
import type { ClaimStatements } from './claim_statement.ts'
import type { LegacyClient } from './client.ts'
import type { Holds } from './column_fit.ts'
import { mysql } from './dialects/mysql.ts'
import { postgres } from './dialects/postgres.ts'
import { sqlite } from './dialects/sqlite.ts'
import type { GroupStatements } from './group_statements.ts'
import type { RowSets } from './row_sets.ts'

/** A column as the database describes it. */
export interface DatabaseColumn {
  /** As it is spelled in the database. */
  name: string
  /** The declared type, upper case: `VARCHAR2(400)`. */
  type: string
  /** An insert has to name it: it takes no null, and has no default. */
  required: boolean
}

/** How a column with a date is read and written. */
export interface DateForm {
  /**
   * SQL, with `??` for the column, that reads the value as text: drivers make
   * Dates in a zone of their own. null: it comes as it was written.
   */
  read: string | null
  /** The column holds instants; a wall clock would be taken for one of the session's zone. */
  instant: boolean
}

/** Sequences, where the database has them. */
export interface Sequences {
  /** @returns the name as `next` takes it, null when there is no such sequence */
  find(client: LegacyClient, name: string): Promise<string | null>
  /** SQL that reads `count` numbers as column `id`. */
  next(name: string, count: number): string
}

/**
 * Everything in which the databases differ for the legacy tables. Next to
 * this, the tables keep to what all of them can do: guarded updates whose row
 * count decides, flat transactions, short lists, no upsert.
 */
export interface TableDialect {
  readonly name: SqlDialect
  /** A name, `schema.name` in its parts, as a statement takes it whatever it holds. */
  quoted(name: string): string
  /** The statement that empties a table, of which it gets the quoted name. */
  emptied(table: string): string
  /** Longest list of an IN. */
  readonly listLimit: number
  /** SQL that counts the characters of `??`. */
  readonly characters: string
  /** SQL that reads `??` as text, whatever holds it. */
  readonly text: string
  /** A refused insert ends the whole transaction, so that one that may collide skips instead. */
  readonly skipsDuplicates: boolean
  readonly sequences: Sequences | null
  /** Transactions run side by side: a select can lock rows, and pass over those that others have. */
  readonly locksRows: boolean
  /** Writes of many rows at once. */
  readonly rowSets: RowSets
  /** Writes over several tables in one statement; null where the database has no such statement. */
  readonly groups: GroupStatements | null
  /** Claims in one statement; null where the database has no such statement. */
  readonly claims: ClaimStatements | null
  /** Makes the client fit: called once, before anything else. */
  prepare(client: LegacyClient): Promise<void>
  /** The columns of a table, none when it does not exist. */
  columns(client: LegacyClient, table: string): Promise<DatabaseColumn[]>
  /** The length that a declared type allows; null when it sets none, undefined when it does not tell. */
  textLimit(type: string): TextLimit | null | undefined
  /** What values a declared type takes. */
  holds(type: string): Holds
  dateForm(type: string): DateForm
  /** Puts another character in place of one that the database cannot store. */
  clean(text: string): string
}

/** By Lucid's names of databases. */
const DIALECTS: Record<string, TableDialect> = {
  'sqlite3': sqlite,
  'better-sqlite3': sqlite,
  'postgres': postgres,
  'mysql': mysql,
}

/** @throws E_INVALID_CONFIG for a database on which the legacy tables are not verified yet */
export function tableDialect(client: LegacyClient, source: string): TableDialect {
  const dialect = DIALECTS[client.dialect.name]
  if (!dialect) {
    throw new E_INVALID_CONFIG([
      `legacy.sources.${source}.connection`,
      `a ${client.dialect.name} connection`,
      'this version reads legacy tables on SQLite (better-sqlite3), PostgreSQL, MySQL and MariaDB',
    ])
  }
  return dialect
}
