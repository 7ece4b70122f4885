import { defineConfig } from '@adonisjs/lucid'

const { ISOLATED_STORE: store = '' } = process.env

export default defineConfig({
  connection: 'primary',
  connections: {
    primary: store.startsWith('postgres')
      ? { client: 'pg', connection: store }
      : {
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
