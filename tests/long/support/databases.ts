import { join } from 'node:path'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import type { Clock } from '../../../src/clock.ts'
import type { LegacyClient } from '../../../src/legacy/tables/client.ts'
import { DatabaseStorage } from '../../../src/storage/database/main.ts'
import { migrateSchema } from '../../../src/storage/database/schema/main.ts'
import { sessionOf } from '../../../src/storage/database/lucid_session.ts'
import type { SqlSession } from '../../../src/storage/sql_session.ts'
import type { Logger } from '../../../src/types/logger.ts'
import { createLegacyDatabase, LegacyDatabase } from '../../helpers/legacy_database.ts'
import { SqlitePlace } from '../../helpers/legacy_places.ts'
import { CONNECTION, openLucid } from '../../storage/support.ts'

/**
 * Where a store is, so that another process can open it. The long tests know
 * their databases through this file alone.
 */
export interface StoreTarget {
  kind: 'sqlite'
  file: string
  /** Connections of one node. */
  connections?: number
}

export interface OpenStore {
  storage: DatabaseStorage
  session: SqlSession
  close(): Promise<void>
}

const quiet = () => {}
export const SILENT: Logger = { trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet }

/** Opens a store as one process has it. */
export function openStore(
  target: StoreTarget,
  options: { logger?: Logger; clock?: Clock } = {}
): OpenStore {
  const pool = target.connections === undefined ? undefined : { min: 0, max: target.connections }
  const lucid = openLucid(target.file, pool)
  const client = lucid.connection(CONNECTION)
  const { logger = SILENT, clock } = options
  return {
    storage: new DatabaseStorage({ client, connectionName: CONNECTION, logger, clock }),
    session: sessionOf(client),
    close: () => lucid.manager.closeAll(),
  }
}

export interface TestStore extends OpenStore {
  target: StoreTarget
}

/** A new store with its tables. */
export async function createStore(): Promise<TestStore> {
  const folder = await mkdtemp(join(tmpdir(), 'almanac-long-'))
  const target: StoreTarget = { kind: 'sqlite', file: join(folder, 'store.sqlite3') }
  const lucid = openLucid(target.file)
  await migrateSchema(lucid.connection(CONNECTION))
  await lucid.manager.closeAll()
  const open = openStore(target)
  return {
    ...open,
    target,
    async close() {
      await open.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

// Legacy tables ---------------------------------------------------------------

export interface WarehouseTarget {
  kind: 'sqlite'
  file: string
}

/** The legacy tables as a node has them: one client for the adapter, one for handlers. */
export function openWarehouse({ file }: WarehouseTarget): {
  client: LegacyClient
  session: SqlSession
  close(): Promise<void>
} {
  const database = new LegacyDatabase(new SqlitePlace(file), 'UTC')
  return {
    client: database.client(),
    session: sessionOf(database.client()),
    close: () => database.close(),
  }
}

export interface Warehouse {
  target: WarehouseTarget
  insertFlow(row: { MAPREF: string; DWLOGIC: string | null }): Promise<void>
  insertSchedule(row: { MAPREF: string; JOBSCHID: number }): Promise<void>
  insertRequests(rows: Record<string, string | null>[]): Promise<void>
  execute(sql: string): Promise<void>
  rows<T>(sql: string): Promise<T[]>
  close(): Promise<void>
}

/** New legacy tables and the ledger, as another program sees them. */
export async function createWarehouse(): Promise<Warehouse> {
  const database = await createLegacyDatabase()
  database.execute('create table LEDGER (PRCID number, MAPREF text, REQUEST text)')
  return {
    target: { kind: 'sqlite', file: database.file },
    insertFlow: async (row) => void database.insertFlow(row),
    insertSchedule: async (row) => void database.insertSchedule(row),
    insertRequests: async (rows) => {
      for (const row of rows) {
        database.insert('DWPRCREQ', { REQUEST_TYPE: 'IMMEDIATE', ...row })
      }
    },
    execute: async (sql) => database.execute(sql),
    rows: async <T>(sql: string) => database.rows<T>(sql),
    close: () => database.cleanup(),
  }
}

// The store's own history of attempts -------------------------------------------

/** One change of an execution's state or attempt, in the order in which the store made them. */
export interface AuditRow {
  seq: number
  id: string
  concurrency_hash: string | null
  state_from: string
  state_to: string
  rescues_from: number
  rescues_to: number
  /** By the database's clock, epoch ms. */
  lease_from: number | null
  at: number
}

const AUDIT: Record<StoreTarget['kind'], string[]> = {
  sqlite: [
    `create table audit (seq integer primary key autoincrement, id text, concurrency_hash text,
      state_from text, state_to text, rescues_from integer, rescues_to integer,
      lease_from integer, at integer)`,
    `create trigger audit_states after update on almanac_executions
      when old.state <> new.state or old.attempt <> new.attempt
      begin
        insert into audit
          (id, concurrency_hash, state_from, state_to, rescues_from, rescues_to, lease_from, at)
        values (old.id, old.concurrency_hash, old.state, new.state, old.rescues, new.rescues,
          old.lease_expires_at, cast(round((julianday('now') - 2440587.5) * 86400000) as integer));
      end`,
  ],
}

/** Lets the database itself note every change of a state. */
export async function auditStore({ session, target }: TestStore): Promise<void> {
  for (const sql of AUDIT[target.kind]) {
    await session.query(sql)
  }
}

export async function readAudit({ session }: TestStore): Promise<AuditRow[]> {
  const { rows } = await session.query('select * from audit order by seq')
  return rows as unknown as AuditRow[]
}
