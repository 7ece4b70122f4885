import { defineConfig, stores } from '@adonisjs/lock'

const config = defineConfig({
  default: 'redis',
  stores: {
    redis: stores.redis({ connectionName: 'main' as never }),
    database: stores.database({ tableName: 'locks' }),
  },
})

// Imported once by the tests, of which each says where its locks are
Object.defineProperty(config, 'default', {
  enumerable: true,
  get: () => process.env.ENGINE_LOCKS ?? 'redis',
})

export default config
