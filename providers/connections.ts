import type { Database } from '@adonisjs/lucid/database'
import { isSameSqlite, sqliteFile } from '../src/config/sqlite_file.ts'
import { E_INVALID_CONFIG } from '../src/errors.ts'
import type { LegacySourceConfig } from '../src/legacy/config.ts'

/**
 * A connection that config/almanac.ts names.
 *
 * @throws E_INVALID_CONFIG when config/database.ts has none of the name
 */
export function assertConnection(db: Database, key: string, name: string) {
  const node = db.manager.get(name)
  if (!node) {
    const names = [...db.manager.connections.keys()].join(', ')
    throw new E_INVALID_CONFIG([key, `"${name}"`, `give one of ${names}`])
  }
  return node
}

/**
 * The client of a source's tables. A flow would hold the lock of an SQLite
 * file that it shared with the store, and the heartbeat would wait for it.
 *
 * @throws E_INVALID_CONFIG
 */
export function legacyClient(
  db: Database,
  source: LegacySourceConfig,
  storeConnection: string | null
) {
  const [key, name] = [`legacy.sources.${source.name}.connection`, source.connection]
  const node = assertConnection(db, key, name)
  const own = storeConnection === null ? undefined : db.manager.get(storeConnection)
  if (own && isSameSqlite(node.config, own.config)) {
    const found = `"${name}", the file ${sqliteFile(node.config) ?? 'in memory'}`
    const remedy = "give the legacy tables a file of their own: this is the store's"
    throw new E_INVALID_CONFIG([key, found, remedy])
  }
  return db.connection(name, { mode: 'write' })
}

/**
 * The client of a request table that is elsewhere, null where it is beside the
 * others. A file that both sides write would be locked by the one and waited
 * for by the other.
 *
 * @throws E_INVALID_CONFIG
 */
export function requestClient(db: Database, source: LegacySourceConfig) {
  const { connection, requestConnection: name } = source
  if (name === null) {
    return null
  }
  const key = `legacy.sources.${source.name}.requestConnection`
  const node = assertConnection(db, key, name)
  if (isSameSqlite(node.config, db.manager.get(connection)!.config)) {
    const found = `"${name}", the file of "${connection}"`
    throw new E_INVALID_CONFIG([key, found, 'leave the key out: the tables are in one file'])
  }
  return db.connection(name, { mode: 'write' })
}
