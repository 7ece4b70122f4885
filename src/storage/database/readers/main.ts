import { E_INVALID_CONFIG } from '../../../errors.ts'
import type { SqlDialect, SqlReader } from '../../sql_session.ts'
import { isSqliteHandle } from '../sqlite_handle.ts'
import { readMysql, type MysqlConnection } from './mysql.ts'
import { readPostgres, type PostgresConnection } from './postgres.ts'
import { readSqlite, type ReadableHandle } from './sqlite.ts'

type Reading = <T>(work: (reader: SqlReader) => Promise<T>) => Promise<T>

/** Reads beside a connection, on one of its own; null where the connection itself is to be used. */
export function ownReader(connection: object): Reading | null {
  return isSqliteHandle(connection) && !(connection as ReadableHandle).memory
    ? (work) => readSqlite(connection as ReadableHandle, work)
    : null
}

/**
 * Lets `work` read on a connection that nobody else uses meanwhile.
 *
 * @throws E_INVALID_CONFIG for a database that cannot be read in this way
 */
export async function readSnapshot<T>(
  dialect: SqlDialect,
  connection: object,
  work: (reader: SqlReader) => Promise<T>
): Promise<T> {
  if (isSqliteHandle(connection)) {
    return readSqlite(connection as ReadableHandle, work)
  }
  switch (dialect) {
    case 'postgres':
      return readPostgres(connection as PostgresConnection, work)
    case 'mysql':
      return readMysql(connection as MysqlConnection, work)
    default: {
      const remedy = 'rows can be streamed from SQLite, PostgreSQL, MySQL and MariaDB'
      throw new E_INVALID_CONFIG(['connection', `a ${dialect} connection`, remedy])
    }
  }
}
