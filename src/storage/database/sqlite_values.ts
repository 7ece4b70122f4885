import type { SqlValue } from '../sql_session.ts'

/** A binding as better-sqlite3 takes it: SQLite has neither booleans nor instants. */
export function toSqlite(value: SqlValue): unknown {
  if (value instanceof Date) {
    return value.getTime()
  }
  return typeof value === 'boolean' ? Number(value) : value
}
