import type { Dialect } from './dialect.ts'
import { withoutNul, type Row, type Value, type Work } from './work.ts'

/** The part of a connection of pg that is used here. */
export interface PostgresConnection {
  query(query: PostgresQuery): Promise<unknown>
}

interface PostgresQuery {
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

  /** Rows as the texts of their columns, in order: the quick form for many of them. */
  async tuples(sql: string, bindings: Value[]): Promise<(string | null)[][]> {
    const query = { ...toQuery(sql, bindings), rowMode: 'array' as const, types: AS_TEXT }
    const { rows } = (await this.#connection.query(query)) as { rows: (string | null)[][] }
    return rows
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

const KEPT = 512
const texts = new Map<string, string>()

function toQuery(sql: string, bindings: Value[]): PostgresQuery {
  return { text: numbered(sql), values: bindings.map(withoutNul) }
}

/** Numbers the question marks, as pg wants bindings; the store's statements hold no other ones. */
function numbered(sql: string): string {
  let text = texts.get(sql)
  if (text === undefined) {
    let count = 0
    text = sql.replace(/\?/g, () => `$${++count}`)
    if (texts.size >= KEPT) {
      texts.delete(texts.keys().next().value!)
    }
    texts.set(sql, text)
  }
  return text
}
