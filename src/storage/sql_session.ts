export type SqlDialect = 'sqlite' | 'postgres' | 'mysql' | 'oracle'

export type SqlValue = string | number | bigint | boolean | Date | Uint8Array | null

export interface SqlResult {
  rows: Record<string, unknown>[]
  /** Rows changed by a data statement; 0 for a select. */
  affected: number
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

  /** Cancels the statement that is running, where the database can. */
  cancel(): Promise<void>

  /** The database's clock, epoch ms (UTC). */
  now(): Promise<number>
}

/** An array in the words of PostgreSQL, for one binding. */
export function arrayText(values: readonly SqlValue[]): string {
  const items = values.map((value) => {
    if (typeof value !== 'string') {
      return value === null ? 'null' : String(value)
    }
    return `"${/["\\]/.test(value) ? value.replace(/["\\]/g, String.raw`\$&`) : value}"`
  })
  return `{${items.join()}}`
}
