import { getActiveTest } from '@japa/runner'
import type { FileSystem } from '@japa/file-system'
import { IgnitorFactory } from '@adonisjs/core/factories'
import type { ApplicationService } from '@adonisjs/core/types'
import { defineConfig as defineDatabase } from '@adonisjs/lucid'
import type { ConnectionConfig } from '@adonisjs/lucid/types/database'
import { defineConfig, stores, type AlmanacConfig } from '../../src/define_config.ts'
import { migrateSchema } from '../../src/storage/database/schema/main.ts'

type Environment = 'web' | 'console' | 'test' | 'repl'

export interface AppOptions {
  environment?: Environment
  /** Keys of config/almanac.ts beside the store. */
  almanac?: Partial<AlmanacConfig>
  /** Makes the tables. Default true. */
  migrate?: boolean
  /** Connections beside `primary`: names, or names with files elsewhere. */
  connections?: string[] | Record<string, string>
  /** Lucid's connections on servers, by name. */
  servers?: Record<string, ConnectionConfig>
  preloads?: (() => Promise<unknown>)[]
  /** Other packages of the app. */
  providers?: (() => Promise<{ default: unknown }>)[]
  /** Files of config/ beside almanac and database, by name. */
  config?: Record<string, unknown>
  /** Default true. */
  lucid?: boolean
}

const sqlite = (filename: string) => ({
  client: 'better-sqlite3' as const,
  connection: { filename },
  useNullAsDefault: true,
})

function connectionsOf(fs: FileSystem, { connections = [] }: AppOptions) {
  const files = Array.isArray(connections)
    ? connections.map((name) => [name, `${fs.basePath}/${name}.sqlite3`])
    : Object.entries(connections)
  const all = [['primary', `${fs.basePath}/primary.sqlite3`], ...files]
  return Object.fromEntries(all.map(([name, file]) => [name, sqlite(file)]))
}

/** An app with Lucid and Almanac on SQLite in the test's folder: initiated, not yet booted. */
export async function newApp(
  fs: FileSystem,
  options: AppOptions = {}
): Promise<ApplicationService> {
  await fs.create('.keep', '')
  const connections = { ...connectionsOf(fs, options), ...options.servers }
  const ignitor = new IgnitorFactory()
    .withCoreProviders()
    .withCoreConfig()
    .merge({
      config: {
        logger: { default: 'app', loggers: { app: { level: 'silent' } } },
        database: defineDatabase({ connection: 'primary', connections }),
        almanac: defineConfig({ store: stores.database(), ...options.almanac }),
        ...options.config,
      },
      rcFileContents: {
        providers: [
          ...(options.lucid === false ? [] : [() => import('@adonisjs/lucid/database_provider')]),
          () => import('../../providers/scheduler_provider.ts'),
          ...((options.providers ?? []) as (() => Promise<never>)[]),
        ],
        preloads: options.preloads ?? [],
      },
    })
    .create(fs.baseUrl, { importer: (path) => import(path) })
  const app = ignitor.createApp(options.environment ?? 'console')
  getActiveTest()?.cleanup(() => app.terminate())
  await app.init()
  return app
}

/** The same app, booted, with its tables; `start` makes it ready as well. */
export async function bootApp(fs: FileSystem, options: AppOptions = {}) {
  const app = await newApp(fs, options)
  await app.boot()
  if (options.migrate !== false) {
    const db = await app.container.make('lucid.db')
    await migrateSchema(db.connection())
  }
  const almanac = await app.container.make('almanac')
  const start = () => app.start(() => {})
  return { app, almanac, start }
}
