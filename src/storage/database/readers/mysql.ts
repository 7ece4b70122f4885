import { once } from 'node:events'
import type { Readable } from 'node:stream'
import type { SqlCell, SqlColumnKind, SqlReader, SqlRows, SqlValue } from '../../sql_session.ts'
import { BATCH } from './batch.ts'

interface Field {
  name: string
  columnType: number
}

interface Execution {
  once(event: 'fields' | 'error', listener: (value: any) => void): this
  stream(options: { highWaterMark: number }): Readable
}

/** The part of a connection of `mysql2` that is used here. */
export interface MysqlConnection {
  query(sql: string, callback: (error: unknown) => void): unknown
  execute(options: object): Execution
  destroy(): void
}

const FLOAT = 4
/** By the protocol's type codes; everything else is text. */
const KINDS: Record<number, SqlColumnKind> = {
  0: 'number',
  1: 'number',
  2: 'number',
  3: 'number',
  [FLOAT]: 'number',
  5: 'number',
  7: 'date',
  8: 'number',
  9: 'number',
  10: 'date',
  12: 'date',
  13: 'number',
  246: 'number',
}
/** Values stay as the server writes them, where a JavaScript value would not hold them. */
const EXACT = {
  rowsAsArray: true,
  dateStrings: true,
  supportBigNumbers: true,
  bigNumberStrings: true,
}

/**
 * Reads prepared statements row by row, in a read-only transaction that sees
 * one snapshot. A TIMESTAMP is shown in the session's zone, to us as to every
 * other program.
 */
export async function readMysql<T>(
  connection: MysqlConnection,
  work: (reader: SqlReader) => Promise<T>
): Promise<T> {
  await run(connection, 'set transaction isolation level repeatable read')
  await run(connection, 'start transaction with consistent snapshot, read only')
  const unread: { left: boolean } = { left: false }
  try {
    return await work({
      select: (sql, bindings = []) => select(connection, sql, bindings, unread),
    })
  } finally {
    if (unread.left) {
      // The rest of the rows is on its way: the pool opens another connection
      connection.destroy()
    } else {
      await run(connection, 'rollback')
    }
  }
}

async function select(
  connection: MysqlConnection,
  sql: string,
  values: SqlValue[],
  unread: { left: boolean }
): Promise<SqlRows> {
  const execution = connection.execute({ sql, values, ...EXACT })
  const fields = new Promise<Field[]>((resolve, reject) => {
    execution.once('fields', resolve)
    execution.once('error', reject)
  })
  const stream = execution.stream({ highWaterMark: BATCH })
  const failed = once(stream, 'error').then(([error]) => Promise.reject(error as Error))
  const columns = await Promise.race([fields, failed as Promise<never>])
  failed.catch(() => {})
  fields.catch(() => {})
  unread.left = true
  return {
    columns: columns.map(({ name, columnType }) => ({ name, kind: KINDS[columnType] ?? 'text' })),
    batches: batchesOf(stream, columns, unread),
  }
}

async function* batchesOf(
  stream: Readable,
  fields: Field[],
  unread: { left: boolean }
): AsyncGenerator<SqlCell[][]> {
  let batch: SqlCell[][] = []
  for await (const row of stream as AsyncIterable<unknown[]>) {
    batch.push(row.map((value, at) => cellOf(value, fields[at])))
    if (batch.length === BATCH) {
      yield batch
      batch = []
    }
  }
  unread.left = false
  if (batch.length > 0) {
    yield batch
  }
}

function cellOf(value: unknown, { columnType }: Field): SqlCell {
  if (value === null || value === undefined) {
    return null
  }
  if (typeof value === 'number') {
    return columnType === FLOAT ? singlePrecision(value) : value
  }
  if (typeof value === 'string' || typeof value === 'boolean') {
    return value
  }
  return Buffer.isBuffer(value) ? value.toString('utf8') : JSON.stringify(value)
}

/** A FLOAT comes as the double next to it: the shortest number that is the same FLOAT was meant. */
function singlePrecision(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === Math.fround(value)) {
      return short
    }
  }
  return value
}

function run(connection: MysqlConnection, sql: string): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.query(sql, (error) => (error ? reject(error as Error) : resolve()))
  })
}
