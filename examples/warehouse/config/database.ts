import { defineConfig } from '@adonisjs/lucid'
import { join } from 'node:path'
import env from '../start/env.ts'

const file = (name: string) => join(env.get('WAREHOUSE_DATA'), name)

export default defineConfig({
  connection: 'almanac',
  connections: {
    /** Almanac's own tables. */
    almanac: {
      client: 'better-sqlite3',
      connection: { filename: file('almanac.sqlite3') },
      useNullAsDefault: true,
      migrations: { naturalSort: true, paths: ['database/migrations'] },
    },
    /** The old scheduler's tables and the warehouse: another file, never migrated by the app. */
    warehouse: {
      client: 'better-sqlite3',
      connection: { filename: file('warehouse.sqlite3') },
      useNullAsDefault: true,
    },
  },
})
