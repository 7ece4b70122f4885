import { hash } from 'node:crypto'
import type { Dialect } from './dialect.ts'
import { withoutNul, type Row, type Value, type Work } from './work.ts'

/** The part of a connection of pg that is used here. */
export interface PostgresConnection {
  query(query: PostgresQuery): Promise<unknown>
}

interface PostgresQuery {
  /** The server keeps a statement that has one, and mostly its plan. */
  name?: string
  text: string
  values: Value[]
  rowMode?: 'array'
  types?: { getTypeParser(): (value: string) => string }
}

/** Values as the server writes them: whoever reads them knows their kinds. */
const AS_TEXT = { getTypeParser: () => (value: string) => value }

/** The part of a connection of mysql2 that is used here. */
export interface MysqlConnection {
  query(
    sql: string,
    values: Value[],
    done: (error: Error | null, result?: unknown, fields?: unknown) => void
  ): unknown
}

/** Statements straight on a connection of a driver. */
export abstract class ServerWork implements Work {
  readonly dialect: Dialect
  beganAt?: number

  constructor(dialect: Dialect) {
    this.dialect = dialect
  }

  async all(sql: string, bindings: Value[] = []): Promise<Row[]> {
    return this.dialect.normalize(await this.query(sql, bindings), sql).rows
  }

  async run(sql: string, bindings: Value[] = []): Promise<number> {
    return this.dialect.normalize(await this.query(sql, bindings), sql).affected
  }

  /** The driver's own answer. */
  protected abstract query(sql: string, bindings: Value[]): Promise<unknown>
}

export class PostgresWork extends ServerWork {
  readonly #connection: PostgresConnection

  constructor(connection: object, dialect: Dialect) {
    super(dialect)
    this.#connection = connection as PostgresConnection
  }

  /**
   * Rows as the texts of their columns, in order: the quick form for many of
   * them, and for a statement that is worth keeping.
   */
  async tuples(
    sql: string,
    bindings: Value[],
    { kept = false } = {}
  ): Promise<(string | null)[][]> {
    const query = { ...toQuery(sql, bindings), rowMode: 'array' as const, types: AS_TEXT }
    const answer = await (kept ? this.#kept(query) : this.#connection.query(query))
    return (answer as { rows: (string | null)[][] }).rows
  }

  /**
   * Behind a proxy that deals transactions out among its connections to the
   * server, a kept statement may be unknown, or known already. Nothing was
   * done then, and it is said whole from now on.
   */
  async #kept(query: PostgresQuery): Promise<unknown> {
    if (keepsNothing.has(this.#connection)) {
      return this.#connection.query(query)
    }
    try {
      return await this.#connection.query({ ...query, name: nameOf(query.text) })
    } catch (error) {
      if (!NOT_KEPT.test(String((error as { code?: unknown }).code))) {
        throw error
      }
      keepsNothing.add(this.#connection)
      return this.#connection.query(query)
    }
  }

  protected query(sql: string, bindings: Value[]): Promise<unknown> {
    return this.#connection.query(toQuery(sql, bindings))
  }
}

/** mysql2 puts the bindings into the text. */
export class MysqlWork extends ServerWork {
  readonly #connection: MysqlConnection

  constructor(connection: object, dialect: Dialect) {
    super(dialect)
    this.#connection = connection as MysqlConnection
  }

  protected query(sql: string, bindings: Value[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#connection.query(sql, bindings, (error, result) =>
        error ? reject(error) : resolve([result])
      )
    })
  }
}

/** Unknown, known already, or planned for tables that have changed. */
const NOT_KEPT = /^(26000|42P05|0A000)$/
const keepsNothing = new WeakSet<object>()

const KEPT = 512
const texts = new Map<string, string>()
const names = new Map<string, string>()

function toQuery(sql: string, bindings: Value[]): PostgresQuery {
  return { text: numbered(sql), values: bindings.map(withoutNul) }
}

/** Numbers the question marks, as pg wants bindings; the store's statements hold no other ones. */
function numbered(sql: string): string {
  let count = 0
  return remembered(texts, sql, () => sql.replace(/\?/g, () => `$${++count}`))
}

/** Of the text alone: what another process keeps by this name is the same statement. */
function nameOf(text: string): string {
  return remembered(names, text, () => `almanac_${hash('sha1', text, 'hex')}`)
}

/** The oldest go when there are too many. */
function remembered(kept: Map<string, string>, key: string, make: () => string): string {
  let value = kept.get(key)
  if (value === undefined) {
    value = make()
    if (kept.size >= KEPT) {
      kept.delete(kept.keys().next().value!)
    }
    kept.set(key, value)
  }
  return value
}
