import { configProvider } from '@adonisjs/core'
import type { ConfigProvider } from '@adonisjs/core/types'
import type {} from '@adonisjs/lucid/database_provider'
import type { Clock } from './clock.ts'
import { readShell, type ShellConfig } from './config/core.ts'
import { poolWarning } from './config/pool.ts'
import { ConfigReader } from './config/reader.ts'
import { E_INVALID_CONFIG } from './errors.ts'
import { readBuiltIn, type BuiltInConfig, type BuiltInKeys } from './handlers/config.ts'
import { resolveLegacyConfig, type LegacyConfig, type LegacyInput } from './legacy/config.ts'
import type { Storage } from './storage/contract.ts'
import type { AlmanacOptions } from './types/config.ts'
import type { Logger } from './types/logger.ts'

/** Makes the store that config/almanac.ts chose. */
export interface StoreFactory {
  readonly kind: 'database' | 'memory'
  /** The Lucid connection that the store lives on; null for a store without one. */
  readonly connection: string | null
  create(deps: { clock: Clock; logger: Logger }): Promise<Storage>
  /** What is wrong with so many executions at once on this store; null when nothing is. */
  warning(concurrency: number): string | null
}

/** What config/almanac.ts holds. */
export interface AlmanacConfig extends AlmanacOptions, BuiltInKeys {
  /** Where events and executions are kept: `stores.database()` or `stores.memory()`. */
  store: ConfigProvider<StoreFactory>
  /** Schedule and request tables of the old scheduler to take over, by name. */
  legacy?: LegacyInput
}

export interface ResolvedConfig extends ShellConfig {
  store: ConfigProvider<StoreFactory>
  legacy: LegacyConfig['sources']
  /** The built-in handlers and cleanups, whose folders are named from the app's root. */
  builtIn(root: string): BuiltInConfig
}

/**
 * Types the config. It is read and checked when the app boots.
 */
export function defineConfig(config: AlmanacConfig): AlmanacConfig {
  return config
}

/**
 * Reads the whole config.
 *
 * @throws E_INVALID_CONFIG naming the key, the value and the remedy
 */
export function resolveConfig(config: unknown): ResolvedConfig {
  if (config === undefined || config === null) {
    const remedy = 'run "node ace configure adonisjs-almanac"'
    throw new E_INVALID_CONFIG(['the file', 'missing', remedy])
  }
  const reader = new ConfigReader(config)
  const shell = readShell(reader)
  const store = readStore(reader)
  const legacy = reader.take('legacy') as LegacyInput | undefined
  const { builtIn, cleanup } = { builtIn: reader.take('builtIn'), cleanup: reader.take('cleanup') }
  reader.end()
  const { syncInterval, core } = shell
  const { sources } = resolveLegacyConfig(legacy, { syncInterval, pollInterval: core.poll.max })
  if (sources.size > 0 && core.queueSettings.default?.executor === 'queue') {
    const remedy = 'flows of legacy sources run in this queue, on the nodes: give another one to it'
    throw new E_INVALID_CONFIG(['queues.default.executor', "'queue'", remedy])
  }
  return {
    ...shell,
    store,
    legacy: sources,
    builtIn: (root) => readBuiltIn(new ConfigReader({ builtIn, cleanup }), root),
  }
}

function readStore(reader: ConfigReader): ConfigProvider<StoreFactory> {
  const store = reader.take('store') as ConfigProvider<StoreFactory> | undefined
  return typeof store?.resolver === 'function'
    ? store
    : reader.refuse('store', 'give stores.database({ connection }) or stores.memory()')
}

/** The stores to choose from; what a store needs is loaded only when it is chosen. */
export const stores = {
  /**
   * A Lucid connection, by name; without one the app's default connection.
   *
   * @param options.notify whether a working process listens, on one connection
   * beside the pool, to what PostgreSQL tells of new work. Default true
   */
  database(options: { connection?: string; notify?: boolean } = {}): ConfigProvider<StoreFactory> {
    return configProvider.create(async (app) => {
      const notify = new ConfigReader(options, 'store').boolean('notify', true)
      if (!app.container.hasBinding('lucid.db')) {
        const remedy = 'configure @adonisjs/lucid first, or use stores.memory()'
        throw new E_INVALID_CONFIG(['store', 'a database', remedy])
      }
      const db = await app.container.make('lucid.db')
      const name = options.connection || db.primaryConnectionName
      const node = db.manager.get(name)
      if (!node) {
        const names = [...db.manager.connections.keys()].join(', ')
        throw new E_INVALID_CONFIG(['store.connection', `"${name}"`, `give one of ${names}`])
      }
      return {
        kind: 'database',
        connection: name,
        warning: (concurrency) => poolWarning(name, node.config, concurrency),
        async create({ logger }) {
          const { DatabaseStorage } = await import('./storage/database/main.ts')
          const client = db.connection(name, { mode: 'write' })
          return new DatabaseStorage({ client, connectionName: name, logger, notify })
        },
      }
    })
  },

  /** Nothing outlives the process: for tests and trials. */
  memory(): ConfigProvider<StoreFactory> {
    return configProvider.create(async () => ({
      kind: 'memory',
      connection: null,
      warning: () => null,
      async create({ clock }) {
        const { MemoryStorage } = await import('./storage/memory/main.ts')
        return new MemoryStorage({ clock })
      },
    }))
  },
}
