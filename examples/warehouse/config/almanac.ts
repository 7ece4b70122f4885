import { defineConfig, stores } from 'adonisjs-almanac'
import env from '../start/env.ts'

export default defineConfig({
  store: stores.database({ connection: env.get('ALMANAC_CONNECTION', 'almanac') }),
  node: env.get('ALMANAC_NODE', 'warehouse'),
  concurrency: env.get('ALMANAC_CONCURRENCY', 4),
  poll: env.get('ALMANAC_POLL', '250ms'),
  syncInterval: env.get('ALMANAC_SYNC_INTERVAL', '15s'),

  legacy: {
    sources: {
      dw: {
        connection: 'warehouse',
        preset: 'dw',
        timezone: env.get('WAREHOUSE_ZONE'),
        // DWLOGIC of these tables is trusted to run as SQL; nothing else of it is run
        runners: { sql: true },
        handlers: [{ mapref: 'EXPORT_*', handler: 'export_sales' }],
        maxPayload: 100_000,
      },
    },
  },
})
