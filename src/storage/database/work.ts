import type { QueryClientContract } from '@adonisjs/lucid/types/database'
import type { Now } from '../contract.ts'
import { arrayText } from '../sql_session.ts'
import type { Dialect } from './dialect.ts'
import { statementOf, type SqliteHandle } from './sqlite_handle.ts'

export type Row = Record<string, unknown>
export type Value = string | number | null

/**
 * A connection lent for one unit of work. Statements carry their bindings as
 * `?`. It must not be kept beyond the unit.
 */
export interface Work {
  readonly dialect: Dialect
  /** The database's clock when the transaction began, where it was told with it: epoch ms. */
  readonly beganAt?: number
  all(sql: string, bindings?: Value[]): Promise<Row[]>
  /** @returns how many rows a data statement changed */
  run(sql: string, bindings?: Value[]): Promise<number>
}

/** Statements prepared once per connection: the hot path of SQLite. */
export class SqliteWork implements Work {
  readonly dialect: Dialect
  readonly #handle: SqliteHandle

  constructor(handle: SqliteHandle, dialect: Dialect) {
    this.#handle = handle
    this.dialect = dialect
  }

  async all(sql: string, bindings: Value[] = []): Promise<Row[]> {
    return statementOf(this.#handle, sql).all(...bindings) as Row[]
  }

  async run(sql: string, bindings: Value[] = []): Promise<number> {
    return statementOf(this.#handle, sql).run(...bindings).changes
  }
}

/** Statements through a Lucid client: what a caller's transaction runs on. */
export class LucidWork implements Work {
  readonly dialect: Dialect
  readonly #client: QueryClientContract

  constructor(client: QueryClientContract, dialect: Dialect) {
    this.#client = client
    this.dialect = dialect
  }

  async all(sql: string, bindings: Value[] = []): Promise<Row[]> {
    return this.dialect.normalize(await this.#query(sql, bindings), sql).rows
  }

  async run(sql: string, bindings: Value[] = []): Promise<number> {
    return this.dialect.normalize(await this.#query(sql, bindings), sql).affected
  }

  #query(sql: string, bindings: Value[]): Promise<unknown> {
    const values = this.dialect.name === 'postgres' ? bindings.map(withoutNul) : bindings
    return this.#client.rawQuery(sql, values as string[])
  }
}

/** PostgreSQL takes every character in a text but this one. */
export function withoutNul(value: Value): Value {
  if (typeof value !== 'string') {
    return value
  }
  return value.includes('\0') ? value.replaceAll('\0', '\uFFFD') : value
}

export async function first(work: Work, sql: string, bindings?: Value[]): Promise<Row | null> {
  const [row] = await work.all(sql, bindings)
  return row ?? null
}

/** A number of the first row; null where there is none. Drivers may give bigints as text. */
export async function firstNumber(
  work: Work,
  sql: string,
  bindings?: Value[]
): Promise<number | null> {
  const row = await first(work, sql, bindings)
  const value = row === null ? null : Object.values(row)[0]
  return value === null ? null : Number(value)
}

/** The given instant, or the database's, as of when the unit of work began. */
export async function instant(work: Work, now: Now): Promise<number> {
  return now ?? work.beganAt ?? (await clockNow(work, now))
}

/** The given instant, or that of the database at this moment, however long the unit has waited. */
async function clockNow(work: Work, now: Now): Promise<number> {
  return now ?? (await firstNumber(work, work.dialect.clockSql))!
}

/**
 * Placeholders for a list. Their number is rounded up to a power of two and
 * the last value repeated, so that few different statements come to be.
 */
export function inList(values: readonly Value[]): { sql: string; bindings: Value[] } {
  if (values.length === 0) {
    return { sql: '(null)', bindings: [] }
  }
  const size = 2 ** Math.ceil(Math.log2(values.length))
  const padding = Array.from<Value>({ length: size - values.length }).fill(values.at(-1)!)
  return {
    sql: `(${Array.from({ length: size }).fill('?').join(', ')})`,
    bindings: [...values, ...padding],
  }
}

/**
 * Compares a column with a list. PostgreSQL takes it as one array, so that a
 * list of any length is one statement, which is read and planned quickly.
 */
export function among(work: Work, values: readonly Value[]): { sql: string; bindings: Value[] } {
  if (work.dialect.name === 'postgres') {
    return { sql: '= any(?::text[])', bindings: [arrayText(values)] }
  }
  const { sql, bindings } = inList(values)
  return { sql: `in ${sql}`, bindings }
}

/** Longest list of one statement: Oracle takes 1,000 values. */
const CHUNK = 500

export function* chunks<T>(values: readonly T[], size = CHUNK): Generator<T[]> {
  for (let start = 0; start < values.length; start += size) {
    yield values.slice(start, start + size)
  }
}
