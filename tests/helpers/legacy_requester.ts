import { argv } from 'node:process'
import { openLegacyPlace } from './legacy_places.ts'

/**
 * Another program, in a process of its own, that knows nothing but the request
 * table: for crash.spec.ts. It reads rows as JSON lines and inserts them one by
 * one, a few at a time.
 *
 *   legacy_requester.ts <warehouse url>
 */
const [, , url] = argv
const PAUSE = { every: 20, ms: 25 }

const database = await openLegacyPlace(url)
const insert =
  'insert into DWPRCREQ (REQUEST_ID, MAPREF, REQUEST_TYPE, PAYLOAD) values (?, ?, ?, ?)'
let text = ''
for await (const chunk of process.stdin) {
  text += String(chunk)
}
const rows = text
  .split('\n')
  .filter(Boolean)
  .map((line) => JSON.parse(line) as string[])
for (const [index, row] of rows.entries()) {
  database.execute(insert, row)
  if (index % PAUSE.every === 0) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE.ms))
  }
}
await database.close()
