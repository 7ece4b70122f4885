import { LoggerFactory } from '@adonisjs/core/factories/logger'
import type { Database } from '@adonisjs/lucid/database'
import { SystemClock } from '../../src/clock.ts'
import { StoreConnection } from '../../src/storage/database/connection.ts'
import { dialectOf } from '../../src/storage/database/dialect.ts'
import { createServerDatabase } from '../helpers/server_database.ts'
import { requires } from '../helpers/services.ts'
import { CONNECTION, createDatabase } from './support.ts'

export const postgresql = await requires('postgresql')
const mariadb = await requires('mariadb')
const file = { available: true, reason: '' }

const onServer = (service: typeof postgresql) => async () => {
  const database = await createServerDatabase(service)
  return { ...database, end: () => database.drop() }
}

/** What makes a database with the tables of the store, of each kind. */
export const DATABASES = {
  SQLite: {
    service: file,
    create: async () => {
      const database = await createDatabase()
      const client = () => database.lucid.connection(CONNECTION)
      return { ...database, client, end: () => database.cleanup() }
    },
  },
  PostgreSQL: { service: postgresql, create: onServer(postgresql) },
  MariaDB: { service: mariadb, create: onServer(mariadb) },
}

/** The store's own units of work, on another connection. */
export function connect(lucid: Database): StoreConnection {
  const client = lucid.connection(CONNECTION)
  const logger = new LoggerFactory().create()
  const dialect = dialectOf(client)
  return new StoreConnection({
    client,
    connectionName: CONNECTION,
    dialect,
    clock: new SystemClock(),
    logger,
  })
}
