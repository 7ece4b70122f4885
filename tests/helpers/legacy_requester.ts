import { argv } from 'node:process'
import BetterSqlite from 'better-sqlite3'

/**
 * Another program, in a process of its own, that knows nothing but the request
 * table: for crash.spec.ts. It reads rows as JSON lines and inserts them one by
 * one, a few at a time.
 *
 *   legacy_requester.ts <warehouse file>
 */
const [, , file] = argv
const PAUSE = { every: 20, ms: 25 }

const database = new BetterSqlite(file, { timeout: 5_000 })
const insert = database.prepare(
  'insert into DWPRCREQ (REQUEST_ID, MAPREF, REQUEST_TYPE, PAYLOAD) values (?, ?, ?, ?)'
)
let text = ''
for await (const chunk of process.stdin) {
  text += String(chunk)
}
const rows = text
  .split('\n')
  .filter(Boolean)
  .map((line) => JSON.parse(line) as string[])
for (const [index, row] of rows.entries()) {
  insert.run(...row)
  if (index % PAUSE.every === 0) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE.ms))
  }
}
database.close()
