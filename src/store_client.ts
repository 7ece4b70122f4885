import type { QueryClientContract } from '@adonisjs/lucid/types/database'
import { resolveConfig } from './define_config.ts'
import { E_INVALID_CONFIG } from './errors.ts'

/**
 * A client of the connection that config/almanac.ts names for the store, for
 * the package's own migrations: they reach it whatever connection
 * `migration:run` was told to use.
 *
 * @throws E_INVALID_CONFIG when the store lives on no connection
 */
export async function storeClient(): Promise<QueryClientContract> {
  const { default: app } = await import('@adonisjs/core/services/app')
  const { store } = resolveConfig(app.config.get('almanac'))
  const { connection } = await store.resolver(app)
  if (connection === null) {
    const remedy = 'use stores.database() to keep events in a database'
    throw new E_INVALID_CONFIG(['store', 'a store without a connection', remedy])
  }
  const db = await app.container.make('lucid.db')
  return db.connection(connection, { mode: 'write' })
}
