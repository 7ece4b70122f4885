import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { openAlmanac } from './lib/almanac.ts'
import { createDatabase } from './lib/postgres.ts'
import { rounded, slope } from './lib/statistics.ts'
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
/** What may be added from the end of the warm-up to the end, along the line that fits the samples best. */
const ALLOWED = { heap: 16, handles: 5, listeners: 0.5 }
/** Samples at the beginning that do not count: caches and pools fill. */
const WARM_UP = 2
const MIB = 1_048_576

interface Sample {
  heap: number
  rss: number
  handles: number
  listeners: number
  ran: number
}

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
const samples: Sample[] = []
let load = Promise.resolve()
for (let sample = 0; sample < SAMPLES; sample++) {
  const end = until - ((SAMPLES - 1 - sample) * MINUTES * 60_000) / SAMPLES
  load = feed(end)
  await load
  samples.push(look())
}
printTable(
  `soak: ${MINUTES} minutes at ${RATE} executions a second`,
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
const counted = samples.slice(WARM_UP)
const verdicts = (['heap', 'handles', 'listeners'] as const).map((what) => {
  const growth = slope(counted.map((sample) => sample[what])) * (counted.length - 1)
  const flat = growth <= ALLOWED[what]
  console.log(`${what}: ${rounded(growth)} along the line, ${flat ? 'flat' : 'not flat'}`)
  return flat
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

function look(): Sample {
  globalThis.gc?.()
  const { heapUsed, rss } = process.memoryUsage()
  return {
    heap: heapUsed / MIB,
    rss: rss / MIB,
    handles: process.getActiveResourcesInfo().length,
    listeners: process
      .eventNames()
      .reduce((sum, name) => sum + process.listenerCount(name as 'exit'), 0),
    ran,
  }
}
