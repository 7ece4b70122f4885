import type { QueryClientContract } from '@adonisjs/lucid/types/database'
import { E_STORAGE_UNAVAILABLE } from '../../errors.ts'
import { failsAs } from '../../errors/database_codes.ts'

/** The part of a better-sqlite3 statement that is used here. */
export interface SqliteStatement {
  /** It gives rows. */
  readonly reader: boolean
  /** It changes nothing. */
  readonly readonly: boolean
  all(...bindings: unknown[]): unknown[]
  run(...bindings: unknown[]): { changes: number }
  safeIntegers(on: boolean): this
}

/** The part of a better-sqlite3 connection that is used here. */
export interface SqliteHandle {
  readonly inTransaction: boolean
  prepare(sql: string): SqliteStatement
  pragma(source: string, options?: { simple: boolean }): unknown
}

/**
 * Longest wait inside SQLite for another writer. It blocks the whole process,
 * so it is short: the waiting proper is done outside, asynchronously.
 */
const BUSY_TIMEOUT = 25
const KEPT_STATEMENTS = 256

const statements = new WeakMap<SqliteHandle, Map<string, SqliteStatement>>()
/** Connections that use the write-ahead log. */
const switched = new WeakSet<SqliteHandle>()

/** The parts of knex's client that are used here. */
export interface KnexClient {
  acquireConnection(): Promise<object>
  /** Opens a connection with the settings of the pool, beside it. */
  acquireRawConnection(): Promise<object>
  releaseConnection(connection: object): Promise<void>
  transaction(container: (trx: unknown) => void, config: object): unknown
  /** The pool; its `max` is how many connections it opens at most. */
  readonly pool: { readonly max: number }
  cancelQuery(connection: object): Promise<void>
}

/**
 * knex's client behind a Lucid client.
 *
 * @throws E_STORAGE_UNAVAILABLE when the connection was closed
 */
export function knexOf(client: QueryClientContract): KnexClient {
  const knex = client.getWriteClient() as { client: KnexClient } | undefined
  if (!knex) {
    throw new E_STORAGE_UNAVAILABLE(['connect', `connection "${client.connectionName}" is closed`])
  }
  return knex.client
}

/**
 * Lends a connection of the client's pool for the time of `work`, which must
 * not wait for anything but the connection itself.
 *
 * @throws E_STORAGE_UNAVAILABLE when the connection was closed
 */
export async function withHandle<T>(
  client: QueryClientContract,
  work: (handle: SqliteHandle) => Promise<T>
): Promise<T> {
  const pool = knexOf(client)
  const handle = (await pool.acquireConnection()) as SqliteHandle
  try {
    return await work(handle)
  } finally {
    await pool.releaseConnection(handle)
  }
}

/**
 * Switches to the write-ahead log, once per connection: readers and the writer
 * do not block each other. While others use the file in its old mode it stays
 * so, which costs waiting and nothing else; the next unit tries again.
 */
export function useWriteAheadLog(handle: SqliteHandle): void {
  if (switched.has(handle) || handle.inTransaction) {
    return
  }
  try {
    withShortWait(handle, () => handle.pragma('journal_mode = WAL'))
    switched.add(handle)
  } catch (error) {
    if (!failsAs(error, ['busy'], ['sqlite'])) {
      throw error
    }
  }
}

/** Whether a pooled connection is better-sqlite3's. */
export function isSqliteHandle(connection: object): connection is SqliteHandle {
  return 'pragma' in connection && 'prepare' in connection && 'inTransaction' in connection
}

/** Begins a transaction that holds the write lock from its start. */
export function beginImmediate(handle: SqliteHandle): void {
  withShortWait(handle, () => statementOf(handle, 'begin immediate').run())
}

/** Runs a statement with the short wait and gives the connection its own setting back. */
export function withShortWait<T>(handle: SqliteHandle, work: () => T): T {
  const own = handle.pragma('busy_timeout', { simple: true }) as number
  if (own <= BUSY_TIMEOUT) {
    return work()
  }
  handle.pragma(`busy_timeout = ${BUSY_TIMEOUT}`)
  try {
    return work()
  } finally {
    handle.pragma(`busy_timeout = ${own}`)
  }
}

/** A prepared statement, kept for the life of the connection. */
export function statementOf(handle: SqliteHandle, sql: string): SqliteStatement {
  let kept = statements.get(handle)
  if (!kept) {
    kept = new Map()
    statements.set(handle, kept)
  }
  let statement = kept.get(sql)
  if (!statement) {
    statement = handle.prepare(sql).safeIntegers(false)
    if (kept.size >= KEPT_STATEMENTS) {
      kept.delete(kept.keys().next().value!)
    }
    kept.set(sql, statement)
  }
  return statement
}
