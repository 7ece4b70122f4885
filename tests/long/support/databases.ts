import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Database } from '@adonisjs/lucid/database'
import type { QueryClientContract } from '@adonisjs/lucid/types/database'
import type { Clock } from '../../../src/clock.ts'
import type { LegacyClient } from '../../../src/legacy/tables/client.ts'
import { DatabaseStorage } from '../../../src/storage/database/main.ts'
import { migrateSchema } from '../../../src/storage/database/schema/main.ts'
import { sessionOf } from '../../../src/storage/database/lucid_session.ts'
import type { SqlSession } from '../../../src/storage/sql_session.ts'
import type { Logger } from '../../../src/types/logger.ts'
import type { Row } from '../../helpers/legacy_database.ts'
import { CONNECTION, makeDatabase, openDatabase } from '../../helpers/server_database.ts'
import { requires } from '../../helpers/services.ts'

/** The long tests know their databases through this file alone. */
export type DatabaseKind = 'sqlite' | 'postgresql' | 'mariadb'

/** Where to make a database: on the server that the specs use, or on one of the test's own. */
export type Where = DatabaseKind | URL

/** A database, so that another process can open it. */
export interface Target {
  kind: DatabaseKind
  /** `file:` of SQLite, else as the driver takes it. */
  url: string
}

export interface StoreTarget extends Target {
  /** Connections of one node. */
  connections?: number
}

export interface WarehouseTarget extends Target {
  /** The legacy tables are in the store's database, and a node has one pool for both. */
  withStore?: boolean
}

export interface OpenStore {
  storage: DatabaseStorage
  client: QueryClientContract
  session: SqlSession
  close(): Promise<void>
}

const quiet = () => {}
export const SILENT: Logger = { trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet }

/** The kind of the database that a URL leads to. */
function kindOf(url: string): DatabaseKind {
  const { protocol } = new URL(url)
  return protocol === 'file:' ? 'sqlite' : /^postgres/.test(protocol) ? 'postgresql' : 'mariadb'
}

function openTarget({ url, connections }: StoreTarget): Database {
  return openDatabase(url, connections === undefined ? undefined : { min: 0, max: connections })
}

async function serverOf(kind: Exclude<DatabaseKind, 'sqlite'>): Promise<string> {
  const { location } = await requires(kind)
  return location
}

/** A new, empty database. */
async function createTarget(where: Where): Promise<Target & { remove(): Promise<void> }> {
  if (where === 'sqlite') {
    const folder = await mkdtemp(join(tmpdir(), 'almanac-long-'))
    const { href } = pathToFileURL(join(folder, 'almanac.sqlite3'))
    const remove = () => rm(folder, { recursive: true, force: true })
    return { kind: where, url: href, remove }
  }
  const server = where instanceof URL ? where.href : await serverOf(where)
  const { url, drop } = await makeDatabase(server, LEGACY_COLLATION)
  return { kind: kindOf(url), url, remove: drop }
}

/** What the legacy tables want of MariaDB; the store's tables name their own. */
const LEGACY_COLLATION = 'character set utf8mb4 collate utf8mb4_bin'

// The store ---------------------------------------------------------------------

/** Opens a store as one process has it. */
export function openStore(
  target: StoreTarget,
  options: { logger?: Logger; clock?: Clock } = {}
): OpenStore {
  const lucid = openTarget(target)
  const client = lucid.connection(CONNECTION)
  const { logger = SILENT, clock } = options
  return {
    storage: new DatabaseStorage({ client, connectionName: CONNECTION, logger, clock }),
    client,
    session: sessionOf(client),
    close: () => lucid.manager.closeAll(),
  }
}

export interface TestStore extends OpenStore {
  target: StoreTarget
}

/** A new store with its tables. */
export async function createStore(where: Where = 'sqlite'): Promise<TestStore> {
  const { remove, ...target } = await createTarget(where)
  const lucid = openTarget(target)
  await migrateSchema(lucid.connection(CONNECTION))
  await lucid.manager.closeAll()
  const open = openStore(target)
  return {
    ...open,
    target,
    async close() {
      await open.close()
      await remove()
    },
  }
}

// Legacy tables -------------------------------------------------------------------

/** The legacy tables as a node has them: a client for the adapter, a session for handlers. */
export function openWarehouse(
  { withStore, ...target }: WarehouseTarget,
  store: OpenStore
): {
  client: LegacyClient
  session: SqlSession
  close(): Promise<void>
} {
  if (withStore) {
    const { client, session } = store
    return { client, session, close: async () => {} }
  }
  const [lucid, handlers] = [openTarget(target), openTarget(target)]
  return {
    client: lucid.connection(CONNECTION),
    session: sessionOf(handlers.connection(CONNECTION)),
    async close() {
      await Promise.all([lucid.manager.closeAll(), handlers.manager.closeAll()])
    },
  }
}

export interface Warehouse {
  target: WarehouseTarget
  insertFlow(row: Row & { MAPREF: string }): Promise<void>
  insertSchedule(row: Row & { MAPREF: string }): Promise<void>
  /** The rows name the same columns. */
  insertRequests(rows: Row[]): Promise<void>
  execute(sql: string): Promise<void>
  rows<T>(sql: string): Promise<T[]>
  /** Of tables in a store's database: before the store is closed. */
  close(): Promise<void>
}

/**
 * New legacy tables and the ledger, as another program sees them, in a
 * database of their own or in the one of a store on a server.
 */
export async function createWarehouse(where: Where | TestStore = 'sqlite'): Promise<Warehouse> {
  const withStore = typeof where === 'object' && 'storage' in where
  const { remove, ...target } = withStore
    ? { ...where.target, remove: async () => {} }
    : await createTarget(where)
  const { kind, url } = target
  // Nodes read this file as well, and make no tables
  const { createLegacyDatabase } = await import('../../helpers/legacy_database.ts')
  const database = await createLegacyDatabase({ url })
  database.execute('create table LEDGER (PRCID bigint, MAPREF varchar(100), REQUEST varchar(100))')
  return {
    target: { kind, url, withStore },
    insertFlow: async (row) => void database.insertFlow(row),
    insertSchedule: async (row) => void database.insertSchedule(row),
    insertRequests: async (rows) => {
      const filled = rows.map((row) => ({ REQUEST_TYPE: 'IMMEDIATE', ...row }))
      database.insertMany('DWPRCREQ', filled)
    },
    execute: async (sql) => database.execute(sql),
    rows: async <T>(sql: string) => database.rows<T>(sql),
    async close() {
      await database.cleanup()
      await remove()
    },
  }
}
