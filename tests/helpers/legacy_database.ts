import { AppFactory } from '@adonisjs/core/factories/app'
import { EmitterFactory } from '@adonisjs/core/factories/events'
import { LoggerFactory } from '@adonisjs/core/factories/logger'
import { Database } from '@adonisjs/lucid/database'
import type { ConnectionConfig } from '@adonisjs/lucid/types/database'
import { SystemClock, type Clock } from '../../src/clock.ts'
import { LegacyConnection } from '../../src/legacy/connection.ts'
import type { LegacyClient, LegacyDriver } from '../../src/legacy/tables/client.ts'
import { IDLE_LIMIT } from '../../src/storage/database/idle_limit.ts'
import { immediateTransaction } from '../../src/storage/database/immediate_transaction.ts'
import { poolOf, sessionOf } from '../../src/storage/database/lucid_session.ts'
import { LegacyNames, type Generation } from './legacy_names.ts'
import {
  openLegacyPlace,
  SQLITE,
  type LegacyKind,
  type LegacyPlace,
  type Value,
} from './legacy_places.ts'

export type Row = Record<string, Value>

export const LEGACY_CONNECTION = 'warehouse'

const LEGACY_TABLES = [
  'DWJOBSCH',
  'DWPRCREQ',
  'DWJOBFLW',
  'DWPRCLOG',
  'DWJOBLOG',
  'DWJOBERR',
  'DWPARAMS',
  'DWMAPR',
  'DWJOB',
  'DWMAPRSQL',
]

export const legacyDriver: LegacyDriver = {
  transaction: (client, work) => immediateTransaction(client, work, { idle: IDLE_LIMIT }),
  statement: (client, sql, bindings) => sessionOf(client).query(sql, bindings),
  sessionOf,
  poolOf,
}

/**
 * A legacy database of its own, as another program sees it (`execute`,
 * `rows`, `insert*`) and as Almanac opens it (`connection`).
 */
export class LegacyDatabase {
  readonly place: LegacyPlace
  readonly timezone: string
  readonly names: LegacyNames
  readonly #opened: Database[] = []
  #nextId = 1000

  constructor(place: LegacyPlace, timezone: string, names = new LegacyNames('dw')) {
    this.place = place
    this.names = names
    this.timezone = timezone
  }

  /** Of a database in a file. */
  get file(): string {
    return this.place.name
  }

  /** A Lucid client of its own. `session`: statements that each of its connections begins with. */
  client(options: { config?: ConnectionConfig; session?: string[] } = {}): LegacyClient {
    const lucid = openLucid(options.config ?? this.place.config(options))
    this.#opened.push(lucid)
    return lucid.connection(LEGACY_CONNECTION)
  }

  connection(
    options: {
      source?: string
      clock?: Clock
      client?: LegacyClient
      requestClient?: LegacyClient
    } = {}
  ) {
    return new LegacyConnection({
      source: options.source ?? 'dw',
      client: options.client ?? this.client(),
      requestClient: options.requestClient,
      driver: legacyDriver,
      timezone: this.timezone,
      clock: options.clock ?? new SystemClock(),
    })
  }

  execute(sql: string, ...values: Value[]): void {
    this.place.execute(this.names.sql(sql), values)
  }

  rows<T = Record<string, Value>>(sql: string, ...values: Value[]): T[] {
    const rows = this.place.rows(this.names.sql(sql), values)
    return rows.map((row) => this.names.back<T>(row))
  }

  insert(table: string, row: Row): void {
    this.insertMany(table, [row])
  }

  insertMany(table: string, rows: Row[]): void {
    for (let start = 0; start < rows.length; start += 500) {
      const part = rows.slice(start, start + 500).map((row) => this.names.row(table, row))
      const places = part.map(
        (row) =>
          `(${Object.keys(row)
            .map(() => '?')
            .join(', ')})`
      )
      this.execute(
        `insert into ${table} (${Object.keys(part[0]).join(', ')}) values ${places.join(', ')}`,
        ...part.flatMap((row) => Object.values(row))
      )
    }
  }

  /** A current, enabled, daily schedule, unless the row says otherwise. @returns JOBSCHID */
  insertSchedule(row: Row & { MAPREF: string | null }): number {
    const id = Number(row.JOBSCHID ?? this.#nextId++)
    this.insert('DWJOBSCH', {
      JOBFLWID: 1,
      FRQCD: 'DL',
      FRQHH: '6',
      FRQMI: '0',
      STRTDT: '2026-01-01 00:00:00',
      STFLG: 'A',
      CURFLG: 'Y',
      SCHFLG: 'Y',
      ...row,
      JOBSCHID: id,
    })
    return id
  }

  /** A current, active flow. @returns JOBFLWID */
  insertFlow(row: Row & { MAPREF: string }): number {
    const id = Number(row.JOBFLWID ?? this.#nextId++)
    this.insert('DWJOBFLW', {
      JOBID: id,
      TRGSCHM: 'MAIN',
      TRGTBTYP: 'TBL',
      TRGTBNM: 'TARGET',
      DWLOGIC: 'select 1',
      STFLG: 'A',
      CURFLG: 'Y',
      ...row,
      JOBFLWID: id,
    })
    return id
  }

  /** A NEW request of type IMMEDIATE. @returns REQUEST_ID */
  insertRequest(row: Row & { MAPREF: string }): string {
    const id = String(row.REQUEST_ID ?? `R${this.#nextId++}`)
    this.insert('DWPRCREQ', { REQUEST_TYPE: 'IMMEDIATE', ...row, REQUEST_ID: id })
    return id
  }

  /** Sets one row of the id pool. */
  setPool(id: string, current: number, block = 500): void {
    const entity = this.names.sql(id)
    this.execute('delete from DMS_IDPOOL where ENTITY_NAME = ?', entity)
    this.insert('DMS_IDPOOL', { ENTITY_NAME: entity, CURRENT_VALUE: current, BLOCK_SIZE: block })
  }

  /** Empties the tables for the next test of a group, with ids from the start. */
  clear(): void {
    const statements = LEGACY_TABLES.map((table) => `delete from ${table}`)
    this.execute([...statements, 'update DMS_IDPOOL set CURRENT_VALUE = 0'].join(';\n'))
  }

  /** Closes what Almanac has opened. */
  async disconnect(): Promise<void> {
    await Promise.all(this.#opened.splice(0).map((lucid) => lucid.manager.closeAll()))
  }

  async close(): Promise<void> {
    await this.disconnect()
    await this.place.close()
  }
}

/**
 * Makes the reference schema in a new database that `cleanup` deletes, or in
 * the one that a URL leads to, which `cleanup` only leaves.
 */
export async function createLegacyDatabase(
  options: {
    timezone?: string
    schema?: boolean
    kind?: LegacyKind
    url?: string
    generation?: Generation
  } = {}
): Promise<LegacyDatabase & { cleanup(): Promise<void> }> {
  const { kind = SQLITE, timezone = 'UTC', url, generation } = options
  const names = new LegacyNames(generation ?? 'dw')
  const place = url === undefined ? await kind.create() : await openLegacyPlace(url)
  const database = new LegacyDatabase(place, timezone, names)
  if (options.schema !== false) {
    place.execute(await names.schema(place.kind), [])
  }
  return Object.assign(database, {
    async cleanup() {
      await database.close()
      await place.remove()
    },
  })
}

function openLucid(config: ConnectionConfig): Database {
  const app = new AppFactory().create(new URL('./', import.meta.url))
  return new Database(
    { connection: LEGACY_CONNECTION, connections: { [LEGACY_CONNECTION]: config } },
    new LoggerFactory().merge({ enabled: false }).create(),
    new EmitterFactory().create(app)
  )
}
