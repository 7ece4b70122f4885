import { parentPort, workerData } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import mysql from 'mysql2/promise'
import pg from 'pg'
import type { Answer, Question } from './foreign_server.ts'

/**
 * The far side of foreign_server.ts: runs one statement after the other on a
 * connection of its own, and shows values as SQLite would.
 */
const { flag, port, url } = workerData as { flag: Int32Array; port: MessagePort; url: string }
const TIMESTAMPS = [1114, 1184]
const WHOLE_SECONDS = 0

type Ask = (question: Question) => Promise<Record<string, unknown>[]>

async function openPostgres(): Promise<Ask> {
  for (const number of [20, 1700]) {
    pg.types.setTypeParser(number, Number)
  }
  for (const date of [1082, ...TIMESTAMPS]) {
    pg.types.setTypeParser(date, String)
  }
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(`set lock_timeout = '5s'`)
  return async ({ place, sql, values }) => {
    await client.query(`set search_path to ${place || 'public'}`)
    let index = 0
    const text = sql.replaceAll('?', () => `$${++index}`)
    const answer = await (values.length > 0 ? client.query(text, values) : client.query(sql))
    const last = Array.isArray(answer) ? (answer.at(-1) as pg.QueryResult) : answer
    return last.rows.map((row: Record<string, unknown>) =>
      Object.fromEntries(
        last.fields.map(({ name, dataTypeID, dataTypeModifier }) => {
          const isText = TIMESTAMPS.includes(dataTypeID) && dataTypeModifier !== WHOLE_SECONDS
          return [spelled(name, sql), plain(row[name], isText)]
        })
      )
    )
  }
}

async function openMysql(): Promise<Ask> {
  const connection = await mysql.createConnection({
    uri: url,
    multipleStatements: true,
    dateStrings: true,
    decimalNumbers: true,
  })
  await connection.query('set lock_wait_timeout = 5, innodb_lock_wait_timeout = 5')
  let current = ''
  return async ({ place, sql, values }) => {
    if (place && place !== current) {
      await connection.changeUser({ database: place })
      current = place
    }
    const [rows] = await connection.query(sql, values)
    return (Array.isArray(rows) ? rows : []).map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value, false)]))
    )
  }
}

/** An unquoted name comes back in lower case: as the statement spells it, or as the tables do. */
function spelled(name: string, sql: string): string {
  const [written] = new RegExp(`\\b${name}\\b`, 'i').exec(sql) ?? []
  return written ?? name.toUpperCase()
}

/** Booleans as 0 and 1, fractions of a second to the millisecond. */
function plain(value: unknown, isTimestamp: boolean): unknown {
  if (typeof value === 'boolean') {
    return Number(value)
  }
  if (isTimestamp && typeof value === 'string') {
    const [seconds, fraction = ''] = value.split('.')
    return `${seconds}.${fraction.padEnd(3, '0').slice(0, 3)}`
  }
  return value
}

const ask = await (url.startsWith('mysql') ? openMysql() : openPostgres())
port.on('message', (question: Question) => {
  const { number } = question
  void ask(question)
    .then(
      (rows): Answer => ({ number, rows }),
      (error: Error): Answer => ({ number, error: error.message })
    )
    .then((answer) => {
      port.postMessage(answer)
      Atomics.store(flag, 0, 1)
      Atomics.notify(flag, 0)
    })
})
parentPort!.postMessage('ready')
