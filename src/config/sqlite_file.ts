import { resolve } from 'node:path'

/** The part of a Lucid connection's config that says which database it opens. */
export interface OpenedConnection {
  client?: unknown
  connection?: unknown
}

/**
 * The file that a connection to SQLite opens, as an absolute path; null for
 * other databases and for databases in memory, which no two connections share.
 */
export function sqliteFile({ client, connection }: OpenedConnection): string | null {
  const filename = (connection as { filename?: unknown } | undefined)?.filename
  if (!/sqlite/.test(String(client)) || typeof filename !== 'string') {
    return null
  }
  return filename === '' || filename === ':memory:' ? null : resolve(filename)
}

/** Whether two configs are one connection to SQLite, or open the same file. */
export function isSameSqlite(one: OpenedConnection, other: OpenedConnection): boolean {
  if (one === other) {
    return /sqlite|libsql/.test(String(one.client))
  }
  const file = sqliteFile(one)
  return file !== null && file === sqliteFile(other)
}
