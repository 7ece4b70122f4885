import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { openAlmanac } from './lib/almanac.ts'
import { createDatabase } from './lib/postgres.ts'
import { growthOf, sample, type Sample } from './lib/memory.ts'
import { rounded } from './lib/statistics.ts'
import { printTable } from './lib/table.ts'

/**
 * Memory over a long time at half load: heap, handles and listeners must stay flat.
 *
 * npm run bench:soak -- [--minutes=10] [--rate=2000]
 */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    rate: { type: 'string', default: '2000' },
  },
})
const MINUTES = Number(values.minutes)
const RATE = Number(values.rate)
const STEP = 50
const SAMPLES = 10

const database = await createDatabase()
const { almanac, close } = await openAlmanac(database.url, {
  concurrency: 50,
  housekeeping: { interval: '5s', retention: { outcomes: { succeeded: { age: '30s' } } } },
})
let ran = 0
almanac.register('noop', async () => {
  ran++
})
for (let n = 0; n < 50; n++) {
  const trigger = { kind: 'interval', every: '1s' } as const
  await almanac.events.create({ name: `every second ${n}`, handler: 'noop', trigger })
}
await almanac.start()

const until = performance.now() + MINUTES * 60_000
const samples: (Sample & { ran: number })[] = []
let load = Promise.resolve()
for (let index = 0; index < SAMPLES; index++) {
  const end = until - ((SAMPLES - 1 - index) * MINUTES * 60_000) / SAMPLES
  load = feed(end)
  await load
  samples.push({ ...sample(), ran })
}
printTable(
  `soak: ${MINUTES} minutes; at most ${RATE} a second were to be enqueued, ${rounded(ran / MINUTES / 60)} were run`,
  ['minute', 'heap MiB', 'rss MiB', 'handles', 'listeners', 'ran'],
  samples.map((each, index) => [
    rounded(((index + 1) * MINUTES) / SAMPLES),
    rounded(each.heap),
    rounded(each.rss),
    String(each.handles),
    String(each.listeners),
    String(each.ran),
  ])
)
await almanac.stop()
await close()
await database.drop()
const verdicts = growthOf(samples).map(({ what, growth, flat: isFlat }) => {
  console.log(`${what}: ${rounded(growth)} along the line, ${isFlat ? 'flat' : 'not flat'}`)
  return isFlat
})
const flat = verdicts.every(Boolean)
console.log(flat ? '\nflat' : '\nnot flat')
process.exit(flat ? 0 : 1)

/** Enqueues evenly, one statement a step. */
async function feed(end: number): Promise<void> {
  while (performance.now() < end) {
    const next = performance.now() + STEP
    const count = Math.round((RATE * STEP) / 1_000)
    await Promise.all(Array.from({ length: count }, (_, n) => almanac.enqueue('noop', { n })))
    await setTimeout(Math.max(0, next - performance.now()))
  }
}
