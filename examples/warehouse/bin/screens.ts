/**
 * The old screens: a program that knows nothing but the tables. It inserts
 * requests, edits a schedule in place, and polls STATUS until all is ended.
 *
 * node screens.ts <database file> <wall clock HH:mm of the next slot>
 */
import { setTimeout as wait } from 'node:timers/promises'
import { openWarehouse } from '../warehouse/setup.ts'
import { REQUESTS, type PlannedRequest } from '../warehouse/requests.ts'

const [file, slot] = process.argv.slice(2)
const [hour, minute] = slot.split(':')
const database = openWarehouse(file)

const insert = database.prepare(
  `insert into DWPRCREQ (REQUEST_ID, MAPREF, REQUEST_TYPE, PAYLOAD) values (?, ?, ?, ?)`
)
const answers = database.prepare(
  `select REQUEST_ID as id, STATUS as status, RESULT_PAYLOAD as result
   from DWPRCREQ where REQUEST_ID like 'SCR-%' and STATUS in ('DONE', 'FAILED')`
)
const answered = new Set<string>()

/** What a user of the screens would see; reasons are shown as they stand in the table. */
function showAnswers(): void {
  for (const { id, status, result } of answers.all() as Record<string, string>[]) {
    if (!answered.has(id)) {
      answered.add(id)
      say(status === 'FAILED' ? `${id} ${status}: ${result}` : `${id} ${status}`)
    }
  }
}

function say(text: string): void {
  console.log(`  screens   ${text}`)
}

function ask(request: PlannedRequest): void {
  if (request.type === 'REFRESH_SCHEDULE') {
    database
      .prepare(
        `update DWJOBSCH set FRQHH = ?, FRQMI = ?, STRTDT = date(STRTDT, '-1 day') where MAPREF = 'EXPORT_SALES'`
      )
      .run(hour, minute)
    say(`EXPORT_SALES is moved to ${slot}, edited in place`)
  }
  insert.run(request.id, request.mapref, request.type, request.payload)
  say(`${request.id} ${request.type} ${request.mapref}`)
}

const started = performance.now()
for (const request of [...REQUESTS].sort((a, b) => a.after - b.after)) {
  await wait(Math.max(0, started + request.after * 1000 - performance.now()))
  showAnswers()
  ask(request)
}

const deadline = performance.now() + 60_000
while (answered.size < REQUESTS.length && performance.now() < deadline) {
  await wait(200)
  showAnswers()
}
const left = REQUESTS.length - answered.size
say(left === 0 ? 'every request has its answer' : `${left} requests are still open`)
database.close()
process.exitCode = left === 0 ? 0 : 1
