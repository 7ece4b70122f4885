/**
 * npm run demo              shows the whole story, then a summary
 * npm run demo -- --check   the same, bounded and checked row by row: exits 1 on the first difference
 */
import { rmSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DateTime } from 'luxon'
import { Story } from '../warehouse/story.ts'
import { createWarehouse, openWarehouse } from '../warehouse/setup.ts'
import { schedulesAround } from '../warehouse/schedules.ts'
import { summarize } from '../warehouse/summary.ts'
import { expectedSlots, verify } from '../warehouse/verify.ts'

const ZONE = 'Europe/Berlin'
/** What the screens need before the first slot: their requests come first. */
const HEAD_START = 15_000

const checking = process.argv.includes('--check')
const data = join(import.meta.dirname, '../tmp')
rmSync(data, { recursive: true, force: true })
mkdirSync(data, { recursive: true })

const now = DateTime.now().setZone(ZONE)
const base = now.plus({ milliseconds: HEAD_START }).startOf('minute').plus({ minutes: 1 })
const warehouse = openWarehouse(join(data, 'warehouse.sqlite3'))
createWarehouse(warehouse, schedulesAround(base), now.toFormat('yyyy-MM-dd HH:mm:ss'))

console.log(`The warehouse stands in ${data}
Its schedule holds all seven frequency codes; their next slot is ${base.toFormat('HH:mm')} (${ZONE}).
Ctrl-C ends the demo: what runs is finished first.
`)

const story = new Story({ data, zone: ZONE, slot: base.toFormat('HH:mm'), warehouse })
process.on('SIGINT', () => story.interrupt())
process.on('SIGTERM', () => story.interrupt())

await story.migrate()
const failed = await story.play(base.toMillis())

console.log(`\n${summarize(warehouse)}`)
if (failed.length > 0) {
  failed.forEach((problem) => console.log(`not as it should be: ${problem}`))
  process.exitCode = 1
}
if (checking && !story.interrupted) {
  const [difference] = verify(warehouse, expectedSlots(base.toMillis(), story.endedAt))
  console.log(difference ? `check: ${difference}` : 'check: every row of every log table is right')
  process.exitCode = difference ? 1 : process.exitCode
}
warehouse.close()
