import { AppFactory } from '@adonisjs/core/factories/app'
import { EmitterFactory } from '@adonisjs/core/factories/events'
import { LoggerFactory } from '@adonisjs/core/factories/logger'
import { Database } from '@adonisjs/lucid/database'
import type { ConnectionConfig, QueryClientContract } from '@adonisjs/lucid/types/database'
import { createConnection } from 'mysql2/promise'
import pg from 'pg'
import type { Clock } from '../../src/clock.ts'
import { newId } from '../../src/ids.ts'
import { DatabaseStorage } from '../../src/storage/database/main.ts'
import { migrateSchema } from '../../src/storage/database/schema/main.ts'
import { TABLES } from '../../src/storage/database/schema/tables.ts'
import type { Service } from './services.ts'

export const CONNECTION = 'almanac'
const BASE_URL = new URL('../../', import.meta.url)

/** A database of its own on a server. */
export interface ServerDatabase {
  /** Of the database, as its driver takes it. */
  url: string
  lucid: Database
  client(): QueryClientContract
  /** A further pool, as another process has it. */
  open(): Database
  storage(options?: { clock?: Clock; lucid?: Database }): DatabaseStorage
  /** Empties the tables of the store. */
  clear(): Promise<void>
  /** Closes what was opened, and drops the database. */
  drop(): Promise<void>
}

/** What config/database.ts says of a database on a server. */
export function connectionConfig(url: string): ConnectionConfig {
  return url.startsWith('postgres')
    ? { client: 'pg', connection: url }
    : { client: 'mysql2', connection: mysqlConnection(url) }
}

/** Lucid on a database of a server, by URL. */
export function openServer(url: string, pool: object = {}): Database {
  const app = new AppFactory().create(BASE_URL, () => {})
  const config = { ...connectionConfig(url), pool }
  return new Database(
    { connection: CONNECTION, connections: { [CONNECTION]: config } },
    new LoggerFactory().merge({ enabled: false }).create(),
    new EmitterFactory().create(app)
  )
}

export function storageOn(lucid: Database, clock?: Clock): DatabaseStorage {
  return new DatabaseStorage({
    client: lucid.connection(CONNECTION),
    connectionName: CONNECTION,
    logger: new LoggerFactory().merge({ enabled: false }).create(),
    clock,
  })
}

/** Makes a database, with the tables of the store unless told otherwise. */
export async function createServerDatabase(
  service: Service,
  { migrated = true } = {}
): Promise<ServerDatabase> {
  const { url, drop } = await makeDatabase(service.location)
  const opened: Database[] = []
  const open = () => {
    const lucid = openServer(url)
    opened.push(lucid)
    return lucid
  }
  const lucid = open()
  const client = () => lucid.connection(CONNECTION)
  if (migrated) {
    await migrateSchema(client())
  }
  return {
    url,
    lucid,
    client,
    open,
    storage: ({ clock, lucid: other = lucid } = {}) => storageOn(other, clock),
    async clear() {
      for (const table of TABLES.filter((known) => known !== 'almanac_meta')) {
        await client().rawQuery(`delete from ${table}`)
      }
      await client().rawQuery(`update almanac_meta set amount = 0 where name = 'journal_id'`)
    },
    async drop() {
      await Promise.all(opened.map((database) => database.manager.closeAll()))
      await drop()
    },
  }
}

/**
 * Makes an empty database on the server that a URL leads to.
 *
 * @param options what MariaDB is to be told about it
 */
export async function makeDatabase(
  server: string,
  options = ''
): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `almanac_${newId().replaceAll('-', '').slice(0, 24)}`
  const isPostgres = server.startsWith('postgres')
  await administer(server, `create database ${name} ${isPostgres ? '' : options}`)
  return {
    url: Object.assign(new URL(server), { pathname: `/${name}` }).href,
    // Processes that were killed may still be connected for the server
    drop: () => administer(server, `drop database ${name} ${isPostgres ? 'with (force)' : ''}`),
  }
}

/** A statement beside the tests' databases, on a connection of its own. */
async function administer(server: string, sql: string): Promise<void> {
  if (server.startsWith('postgres')) {
    const client = new pg.Client({ connectionString: server })
    await client.connect()
    await client.query(sql)
    await client.end()
  } else {
    const connection = await createConnection({ uri: server })
    await connection.query(sql)
    await connection.end()
  }
}

function mysqlConnection(location: string) {
  const { hostname, port, username, password, pathname } = new URL(location)
  return {
    host: hostname,
    port: Number(port || 3306),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: pathname.slice(1),
  }
}
