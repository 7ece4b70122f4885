import { defineConfig } from '@adonisjs/redis'

const server = new URL(process.env.ENGINE_REDIS || 'redis://127.0.0.1:6379')

export default defineConfig({
  connection: 'main',
  connections: {
    main: {
      host: server.hostname,
      port: Number(server.port || 6379),
      password: decodeURIComponent(server.password),
      // A test's own, so that tests leave each other's keys alone
      get keyPrefix() {
        return `${process.env.ENGINE_PREFIX}:`
      },
    },
  },
})
