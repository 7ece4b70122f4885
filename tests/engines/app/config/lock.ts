import { defineConfig, stores } from '@adonisjs/lock'

export default defineConfig({
  default: 'redis',
  stores: { redis: stores.redis({ connectionName: 'main' as never }) },
})
