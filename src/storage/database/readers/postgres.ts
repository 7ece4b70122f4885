import type { SqlCell, SqlColumnKind, SqlReader, SqlRows, SqlValue } from '../../sql_session.ts'
import { numbered } from '../raw_statement.ts'
import { BATCH } from './batch.ts'

interface Answer {
  fields: { name: string; dataTypeID: number }[]
  rows: (string | null)[][]
}

/** The part of a connection of `pg` that is used here. */
export interface PostgresConnection {
  query(query: string | object): Promise<Answer>
  query(query: object, callback: (error: Error | null, answer: Answer) => void): unknown
}

/** By type id; everything else is text. */
const KINDS: Record<number, SqlColumnKind> = {
  16: 'boolean',
  20: 'number',
  21: 'number',
  23: 'number',
  26: 'number',
  700: 'number',
  701: 'number',
  1700: 'number',
  1082: 'date',
  1114: 'date',
  1184: 'instant',
}
/** Values stay as the server writes them. */
const types = { getTypeParser: () => (text: string) => text }
/** s: a process that is frozen holds its snapshot no longer. */
const IDLE = 300
const CURSOR = 'almanac_rows'
const FETCH = { text: `fetch forward ${BATCH} from ${CURSOR}`, rowMode: 'array', types }

/** Reads through a cursor of the server, in a read-only transaction that sees one snapshot. */
export async function readPostgres<T>(
  connection: PostgresConnection,
  work: (reader: SqlReader) => Promise<T>
): Promise<T> {
  await connection.query('begin isolation level repeatable read read only')
  try {
    await connection.query(
      `set local datestyle = 'ISO'; set local idle_in_transaction_session_timeout = '${IDLE}s'`
    )
    return await work({ select: (sql, bindings = []) => select(connection, sql, bindings) })
  } finally {
    await connection.query('rollback')
  }
}

async function select(
  connection: PostgresConnection,
  sql: string,
  bindings: SqlValue[]
): Promise<SqlRows> {
  const text = `declare ${CURSOR} no scroll cursor for ${numbered(sql)}`
  // Extended: one statement and no more, whatever the text hides
  await connection.query({ text, values: bindings, queryMode: 'extended' })
  const first = await fetched(connection)
  const columns = first.fields.map(({ name, dataTypeID }) => ({
    name,
    kind: KINDS[dataTypeID] ?? 'text',
  }))
  const kinds = columns.map(({ kind }) => kind)
  return { columns, batches: batchesOf(connection, first, kinds) }
}

async function* batchesOf(
  connection: PostgresConnection,
  first: Answer,
  kinds: SqlColumnKind[]
): AsyncGenerator<SqlCell[][]> {
  let answer = first
  try {
    while (answer.rows.length > 0) {
      yield answer.rows.map((row) => row.map((value, at) => cellOf(value, kinds[at])))
      if (answer.rows.length < BATCH) {
        return
      }
      answer = await fetched(connection)
    }
  } finally {
    // In a transaction that has failed there is nothing to close any more
    await connection.query(`close ${CURSOR}`).catch(() => {})
  }
}

/**
 * The next rows. With the promises of `pg` each answer lived as long as the
 * next one, all of them up to the next full collection: several times the memory.
 */
function fetched(connection: PostgresConnection): Promise<Answer> {
  return new Promise((resolve, reject) => {
    connection.query(FETCH, (error, answer) => (error ? reject(error) : resolve(answer)))
  })
}

function cellOf(value: string | null, kind: SqlColumnKind): SqlCell {
  return kind === 'boolean' && value !== null ? value === 't' : value
}
