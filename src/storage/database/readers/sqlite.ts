import { setImmediate } from 'node:timers/promises'
import type { SqlCell, SqlColumnKind, SqlReader, SqlRows, SqlValue } from '../../sql_session.ts'
import type { SqliteHandle } from '../sqlite_handle.ts'
import { toSqlite } from '../sqlite_values.ts'
import { BATCH } from './batch.ts'

interface ReadStatement {
  readonly reader: boolean
  readonly readonly: boolean
  raw(on: boolean): this
  safeIntegers(on: boolean): this
  columns(): { name: string; type: string | null }[]
  iterate(...bindings: unknown[]): IterableIterator<unknown[]>
}

interface ReadHandle {
  prepare(sql: string): ReadStatement
  exec(sql: string): void
  close(): void
}

/** The part of a better-sqlite3 connection that leads to its file. */
export interface ReadableHandle extends SqliteHandle {
  readonly name: string
  readonly memory: boolean
  readonly constructor: new (file: string, options: object) => ReadHandle
}

/** Longest wait for a writer that is about to end, ms. */
const BUSY_TIMEOUT = 50

/**
 * Reads on a connection of its own, which SQLite keeps from writing: with the
 * write-ahead log nobody waits for it. Each batch blocks the process, and
 * others come between two.
 */
export async function readSqlite<T>(
  handle: ReadableHandle,
  work: (reader: SqlReader) => Promise<T>
): Promise<T> {
  if (handle.memory) {
    return work({ select: (sql, bindings = []) => select(handle as never, sql, bindings) })
  }
  const options = { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT }
  const own = new handle.constructor(handle.name, options)
  try {
    own.exec('begin')
    return await work({ select: (sql, bindings = []) => select(own, sql, bindings) })
  } finally {
    own.close()
  }
}

async function select(handle: ReadHandle, sql: string, bindings: SqlValue[]): Promise<SqlRows> {
  const statement = handle.prepare(sql)
  if (!statement.reader || !statement.readonly) {
    throw new Error('the statement is none that only reads')
  }
  const columns = statement.columns().map(({ name, type }) => ({ name, kind: kindOf(type) }))
  const rows = statement
    .raw(true)
    .safeIntegers(true)
    .iterate(...bindings.map(toSqlite))
  return { columns, batches: batchesOf(rows) }
}

async function* batchesOf(rows: IterableIterator<unknown[]>): AsyncGenerator<SqlCell[][]> {
  try {
    for (;;) {
      const batch: SqlCell[][] = []
      for (let next; batch.length < BATCH && !(next = rows.next()).done;) {
        batch.push(next.value.map(cellOf))
      }
      if (batch.length === 0) {
        return
      }
      yield batch
      await setImmediate()
    }
  } finally {
    rows.return?.()
  }
}

/** SQLite types values, not columns: the declaration tells what was meant. */
function kindOf(declared: string | null): SqlColumnKind {
  return /^(DATE|TIMESTAMP)/i.test(declared ?? '') ? 'date' : 'text'
}

function cellOf(value: unknown): SqlCell {
  if (typeof value === 'bigint') {
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : String(value)
  }
  if (value === null || typeof value === 'number' || typeof value === 'string') {
    return value
  }
  return Buffer.from(value as Uint8Array).toString('utf8')
}
