import { defineConfig, drivers } from '@adonisjs/queue'

export default defineConfig({
  get default() {
    return (process.env.ENGINE_DRIVER || 'redis') as 'redis' | 'database' | 'sync'
  },
  adapters: {
    redis: drivers.redis({ connectionName: 'main' as never }),
    database: drivers.database(),
    sync: drivers.sync(),
  },
  // Theirs, which ours does not take
  retry: { maxRetries: 9 },
  worker: { concurrency: 4, idleDelay: '500ms' },
  locations: [],
})
