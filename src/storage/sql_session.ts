export type SqlDialect = 'sqlite' | 'postgres' | 'mysql' | 'oracle'

export type SqlValue = string | number | bigint | boolean | Date | Uint8Array | null

export interface SqlResult {
  rows: Record<string, unknown>[]
  /** Rows changed by a data statement; 0 for a select. */
  affected: number
}

/** What the values of a column are. */
export type SqlColumnKind =
  | 'number'
  | 'text'
  | 'boolean'
  /** A wall clock: `yyyy-MM-dd`, with or without a time. */
  | 'date'
  /** An instant, as a text with its offset. */
  | 'instant'

export interface SqlColumn {
  name: string
  kind: SqlColumnKind
}

/**
 * A value as it is stored: what a JavaScript number does not hold exactly is
 * the database's own text.
 */
export type SqlCell = string | number | boolean | null

/** The rows of one SELECT, as they come. */
export interface SqlRows {
  columns: SqlColumn[]
  /** Values in the order of the columns. Who stops early leaves the rest unread. */
  batches: AsyncIterable<SqlCell[][]>
}

/** One snapshot of a database, which nothing that is run on it can change. */
export interface SqlReader {
  /**
   * Runs one SELECT with positional bindings, written `?`. Its rows are to be
   * read before the next one is run.
   */
  select(sql: string, bindings?: SqlValue[]): Promise<SqlRows>
}

/**
 * A database as handlers and runners outside the storage see it. Positional
 * bindings are written `?`.
 */
export interface SqlSession {
  readonly dialect: SqlDialect

  query(sql: string, bindings?: SqlValue[], options?: { signal?: AbortSignal }): Promise<SqlResult>

  /**
   * Runs `work` in one flat transaction that begins as a writer (BEGIN
   * IMMEDIATE on SQLite); a throw rolls back.
   *
   * @throws E_NESTED_TRANSACTION when the session already is one
   */
  transaction<T>(work: (session: SqlSession) => Promise<T>): Promise<T>

  /**
   * Reads any number of rows in bounded memory, in one transaction that is
   * read-only where the database has such. An abort of the signal cancels the
   * statement where the database can, and rejects with the signal's reason.
   */
  readOnly<T>(
    work: (reader: SqlReader) => Promise<T>,
    options?: { signal?: AbortSignal }
  ): Promise<T>

  /** Cancels the statement that is running, where the database can. */
  cancel(): Promise<void>

  /** The database's clock, epoch ms (UTC). */
  now(): Promise<number>
}

const ESCAPED = /["\\]/
/** What JSON writes otherwise than PostgreSQL reads it. */
// eslint-disable-next-line no-control-regex
const OTHERWISE = /[\u0000-\u001f\ud800-\udfff]/

/** An array in the words of PostgreSQL, for one binding. */
export function arrayText(values: readonly SqlValue[]): string {
  let text = ''
  for (const value of values) {
    const item = typeof value === 'string' ? quotedItem(value) : String(value)
    text += text === '' ? item : `,${item}`
  }
  return `{${text}}`
}

/** Quoted as JSON is, which the engine does much quicker than a replacement. */
function quotedItem(text: string): string {
  if (!ESCAPED.test(text)) {
    return `"${text}"`
  }
  return OTHERWISE.test(text)
    ? `"${text.replace(/["\\]/g, String.raw`\$&`)}"`
    : JSON.stringify(text)
}
