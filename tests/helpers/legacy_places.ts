import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ConnectionConfig } from '@adonisjs/lucid/types/database'
import BetterSqlite from 'better-sqlite3'
import { ForeignServer } from './foreign_server.ts'
import { requires, type Service } from './services.ts'

export type Value = string | number | null

/** Where one legacy database is: how Almanac connects, and how another program sees it. */
export interface LegacyPlace {
  readonly kind: LegacyKindName
  /** Path of the file; of a server the name of the schema. */
  readonly name: string
  config(options?: { session?: string[] }): ConnectionConfig
  /** All statements of a text, or one with values. */
  execute(sql: string, values: Value[]): void
  rows(sql: string, values: Value[]): Record<string, unknown>[]
  /** Makes a column take any text, as a typed one of a server does not. */
  loosen(table: string, column: string): void
  /** A trigger that refuses rows with a message. */
  refuse(event: 'insert' | 'update', table: string, when: string, message: string): void
  close(): void | Promise<void>
  /** Deletes it. */
  remove(): Promise<void>
}

export type LegacyKindName = 'sqlite' | 'postgres' | 'mysql'

/** A kind of database that legacy tables can be on. */
export interface LegacyKind {
  readonly name: LegacyKindName
  readonly title: string
  /** null: nothing has to be there */
  readonly service: Service | null
  create(): Promise<LegacyPlace>
}

export class SqlitePlace implements LegacyPlace {
  readonly kind = 'sqlite'
  readonly name: string
  readonly #foreign: BetterSqlite.Database

  constructor(file: string) {
    this.name = file
    this.#foreign = new BetterSqlite(file)
    this.#foreign.pragma('journal_mode = WAL')
  }

  config(): ConnectionConfig {
    const connection = { filename: this.name }
    return { client: 'better-sqlite3', connection, useNullAsDefault: true }
  }

  execute(sql: string, values: Value[]): void {
    if (values.length === 0) {
      this.#foreign.exec(sql)
    } else {
      this.#foreign.prepare(sql).run(...values)
    }
  }

  rows(sql: string, values: Value[]): Record<string, unknown>[] {
    return this.#foreign.prepare(sql).all(...values) as Record<string, unknown>[]
  }

  loosen(): void {}

  refuse(event: 'insert' | 'update', table: string, when: string, message: string): void {
    this.#foreign.exec(
      `create trigger REFUSE before ${event} on ${table} when ${when}
       begin select raise(abort, '${message}'); end`
    )
  }

  close(): void {
    this.#foreign.close()
  }

  async remove(): Promise<void> {
    await rm(dirname(this.name), { recursive: true, force: true })
  }
}

abstract class ServerPlace implements LegacyPlace {
  readonly name: string
  protected readonly url: URL
  protected readonly server: ForeignServer

  constructor(
    url: string,
    server: ForeignServer,
    name = `legacy_${randomBytes(6).toString('hex')}`
  ) {
    this.name = name
    this.url = new URL(url)
    this.server = server
  }

  abstract readonly kind: LegacyKindName
  abstract config(options?: { session?: string[] }): ConnectionConfig
  abstract loosen(table: string, column: string): void
  abstract refuse(event: 'insert' | 'update', table: string, when: string, message: string): void
  abstract remove(): Promise<void>

  execute(sql: string, values: Value[]): void {
    this.server.query({ place: this.name, sql, values })
  }

  rows(sql: string, values: Value[]): Record<string, unknown>[] {
    return this.server.query({ place: this.name, sql, values })
  }

  close(): void | Promise<void> {}

  protected get login() {
    const { hostname, port, username, password, pathname } = this.url
    return {
      host: hostname,
      port: Number(port),
      user: decodeURIComponent(username),
      password: decodeURIComponent(password),
      database: pathname.slice(1),
    }
  }
}

/** Runs statements on a new connection, and counts what is under way on it. */
function pooled(session: string[]) {
  type Callback = (error: unknown, ...rest: unknown[]) => void
  type Connection = { query(...args: unknown[]): unknown }
  return {
    min: 0,
    max: 6,
    afterCreate(connection: Connection, done: Callback) {
      const query = connection.query.bind(connection)
      const [first, ...others] = session
      const next = (error: unknown): void => {
        const statement = others.shift()
        if (error || statement === undefined) {
          watch(connection)
          done(error, connection)
        } else {
          query(statement, next)
        }
      }
      if (first === undefined) {
        next(null)
      } else {
        query(first, next)
      }
    },
  }
}

let underWay = 0

/** Statements of Almanac that a server has not answered yet, in this process. */
export function statementsUnderWay(): number {
  return underWay
}

function watch(connection: { query(...args: unknown[]): unknown }): void {
  const query = connection.query.bind(connection)
  connection.query = (...args) => {
    const callback = args.at(-1)
    if (typeof callback !== 'function') {
      return query(...args)
    }
    underWay++
    return query(...args.slice(0, -1), (...answer: unknown[]) => {
      underWay--
      Reflect.apply(callback, undefined, answer)
    })
  }
}

class PostgresPlace extends ServerPlace {
  readonly kind = 'postgres'

  config({ session = [] }: { session?: string[] } = {}): ConnectionConfig {
    return {
      client: 'pg',
      connection: this.login,
      searchPath: [this.name],
      pool: pooled(session),
    } as ConnectionConfig
  }

  loosen(table: string, column: string): void {
    const change = `alter table ${table} alter column ${column}`
    this.execute(`${change} drop default; ${change} type varchar(40)`, [])
  }

  refuse(event: 'insert' | 'update', table: string, when: string, message: string): void {
    this.execute(
      `create function refuse() returns trigger language plpgsql as
         $$ begin raise exception '${message}'; end $$;
       create trigger refuse before ${event} on ${table} for each row when (${when})
         execute function refuse()`,
      []
    )
  }

  async remove(): Promise<void> {
    this.server.query({ place: '', sql: `drop schema if exists ${this.name} cascade`, values: [] })
  }
}

class MysqlPlace extends ServerPlace {
  readonly kind = 'mysql'

  config({ session = [] }: { session?: string[] } = {}): ConnectionConfig {
    const connection = { ...this.login, database: this.name }
    return { client: 'mysql2', connection, pool: pooled(session) } as ConnectionConfig
  }

  loosen(table: string, column: string): void {
    this.execute(`alter table ${table} modify ${column} varchar(40)`, [])
  }

  refuse(event: 'insert' | 'update', table: string, when: string, message: string): void {
    this.execute(
      `create trigger REFUSE before ${event} on ${table} for each row
       if ${when} then signal sqlstate '45000' set message_text = '${message}'; end if`,
      []
    )
  }

  async remove(): Promise<void> {
    this.server.query({ place: '', sql: `drop database if exists ${this.name}`, values: [] })
  }
}

const sqlite: LegacyKind = {
  name: 'sqlite',
  title: 'SQLite',
  service: null,
  async create() {
    const folder = await mkdtemp(join(tmpdir(), 'almanac-legacy-'))
    return new SqlitePlace(join(folder, 'warehouse.sqlite3'))
  },
}

/** The kinds of databases, declared as services that the specs need. */
export async function legacyKinds(): Promise<LegacyKind[]> {
  const postgres = await requires('postgresql')
  const mariadb = await requires('mariadb')
  return [
    sqlite,
    {
      name: 'postgres',
      title: 'PostgreSQL',
      service: postgres,
      async create() {
        const place = new PostgresPlace(
          postgres.location,
          await ForeignServer.open(postgres.location)
        )
        place.execute(`create schema ${place.name}`, [])
        return place
      },
    },
    {
      name: 'mysql',
      title: 'MariaDB',
      service: mariadb,
      async create() {
        const server = await ForeignServer.open(mariadb.location)
        const place = new MysqlPlace(mariadb.location, server)
        const sql = `create database ${place.name} character set utf8mb4 collate utf8mb4_bin`
        server.query({ place: '', sql, values: [] })
        return place
      },
    },
  ]
}

export const SQLITE = sqlite

/**
 * A database that is there already, by its URL; of a PostgreSQL server its
 * schema "public". `close` ends the connection, and nothing removes it.
 */
export async function openLegacyPlace(url: string): Promise<LegacyPlace> {
  const { protocol, pathname } = new URL(url)
  if (protocol === 'file:') {
    return Object.assign(new SqlitePlace(fileURLToPath(url)), { remove: async () => {} })
  }
  const server = await ForeignServer.open(url)
  const place = /^postgres/.test(protocol)
    ? new PostgresPlace(url, server, 'public')
    : new MysqlPlace(url, server, pathname.slice(1))
  return Object.assign(place, { close: () => server.close(), remove: async () => {} })
}
