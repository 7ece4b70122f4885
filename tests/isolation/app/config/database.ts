import { defineConfig } from '@adonisjs/lucid'

export default defineConfig({
  connection: 'primary',
  connections: {
    primary: {
      client: 'better-sqlite3',
      // Imported once by the tests, of which each has a store of its own
      connection: {
        get filename() {
          return process.env.ISOLATED_STORE!
        },
      },
      useNullAsDefault: true,
    },
  },
})
