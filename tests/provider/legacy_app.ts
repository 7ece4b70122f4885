import { getActiveTest } from '@japa/runner'
import type { ConnectionConfig } from '@adonisjs/lucid/types/database'
import { stores, type AlmanacConfig } from '../../src/define_config.ts'
import { migrateSchema } from '../../src/storage/database/schema/main.ts'
import { storeClient } from '../../src/store_client.ts'
import { createLegacyDatabase, type LegacyDatabase } from '../helpers/legacy_database.ts'
import type { LegacyKind } from '../helpers/legacy_places.ts'
import { connectionConfig, createServerDatabase } from '../helpers/server_database.ts'
import { bootApp, type AppOptions } from './app.ts'

export const SOURCE = { timezone: 'UTC', runners: { sql: true } }

/** Where an app has its store and its legacy tables. */
export interface Places {
  store: LegacyKind
  /** null: on the store's connection */
  legacy: LegacyKind | null
}

/** The connection of an empty database for the store, by itself. */
async function storeOn({ service }: LegacyKind): Promise<{ url: string | null }> {
  if (!service) {
    return { url: null }
  }
  const database = await createServerDatabase(service, { migrated: false })
  getActiveTest()?.cleanup(() => database.drop())
  return database
}

async function warehouseOn(options: Parameters<typeof createLegacyDatabase>[0]) {
  const warehouse = await createLegacyDatabase(options)
  getActiveTest()?.cleanup(() => warehouse.cleanup())
  warehouse.setPool('DWPRCLOGSEQ', 100)
  warehouse.setPool('DWJOBLOGSEQ', 100)
  warehouse.setPool('DWJOBERRSEQ', 100)
  warehouse.execute('create table SALES (AMOUNT integer)')
  return warehouse
}

function pooledBy(pool: object | undefined, config: ConnectionConfig): ConnectionConfig {
  const given = (config as { pool?: object }).pool
  return { ...config, pool: { ...given, ...pool } } as ConnectionConfig
}

/** The databases, and what the app's config says of them. */
export async function setup(
  places: Places,
  options: {
    almanac?: Partial<AlmanacConfig>
    /** Of the store's connection. */
    pool?: object
    /** Of the legacy tables' own connection. */
    legacyPool?: object
    source?: object
  } = {}
): Promise<{ warehouse: LegacyDatabase; app: AppOptions }> {
  const { url } = await storeOn(places.store)
  const together = places.legacy === null
  const warehouse = await warehouseOn(together ? { url: url! } : { kind: places.legacy! })
  const servers: Record<string, ConnectionConfig> = together
    ? {}
    : { warehouse: pooledBy(options.legacyPool, warehouse.place.config()) }
  if (url !== null) {
    servers.server = { ...connectionConfig(url), pool: options.pool } as ConnectionConfig
  }
  const source = { ...SOURCE, ...options.source, connection: together ? 'server' : 'warehouse' }
  const almanac = {
    store: stores.database({ connection: url === null ? 'primary' : 'server' }),
    legacy: { sources: { dw: source } },
    ...options.almanac,
  }
  return { warehouse, app: { servers, almanac } }
}

/** Boots it, and makes the tables of its store. */
export async function boot(fs: Parameters<typeof bootApp>[0], options: AppOptions) {
  const booted = await bootApp(fs, { ...options, migrate: false })
  await migrateSchema(await storeClient())
  return booted
}

/** Whether to skip what needs these places, and which of them is missing. */
export function unlessThere({ store, legacy }: Places): [boolean, string | undefined] {
  const services = [store, legacy].map((kind) => kind?.service)
  const missing = services.find((service) => service && !service.available)
  return [Boolean(missing), missing?.reason]
}
