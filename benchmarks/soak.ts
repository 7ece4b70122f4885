import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { openAlmanac } from './lib/almanac.ts'
import { CommandLine } from './lib/command_line.ts'
import { createDatabase } from './lib/postgres.ts'
import { growthOf, sample, type Sample } from './lib/memory.ts'
import { rounded } from './lib/statistics.ts'
import { printTable } from './lib/table.ts'

/** Memory over a long time at half load: heap, handles and listeners must stay flat. */
const USAGE = `npm run bench:soak -- [--minutes=10] [--rate=] [--out=tmp/soak.json]
  --rate is how many are enqueued a second. Without it: half of what this machine, as busy as it is,
  runs a second when as much is enqueued as it takes`
const line = new CommandLine(USAGE, {
  minutes: { type: 'string', default: '10' },
  rate: { type: 'string' },
  out: { type: 'string', default: 'tmp/soak.json' },
})
if (line.words.length > 0) {
  line.refuse('the argument', line.words[0], 'leave it out')
}
const MINUTES = line.number('minutes')
const RATE = line.has('rate') ? line.number('rate') : null
const OUT = line.text('out')
const STEP = 50
/** How long as much is enqueued as is taken, ms, and how many at a time. */
const FULL = { length: 10_000, batch: 100 }
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

const rate = RATE ?? Math.round((await fullLoad()) / 2)
const before = ran
const until = performance.now() + MINUTES * 60_000
const samples: (Sample & { ran: number })[] = []
for (let index = 0; index < SAMPLES; index++) {
  const end = until - ((SAMPLES - 1 - index) * MINUTES * 60_000) / SAMPLES
  await feed(end)
  samples.push({ ...sample(), ran: ran - before })
}
printTable(
  `soak: ${MINUTES} minutes; ${rate} a second were to be enqueued, ${rounded((ran - before) / MINUTES / 60)} were run`,
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
const growth = growthOf(samples)
for (const each of growth) {
  const verdict = each.flat ? 'flat' : 'not flat'
  console.log(`${each.what}: ${rounded(each.growth)} along the line, ${verdict}`)
}
const flat = growth.every((each) => each.flat)
await mkdir(dirname(OUT), { recursive: true })
await writeFile(
  OUT,
  `${JSON.stringify({ minutes: MINUTES, rate, samples, growth, flat }, null, 2)}\n`
)
console.log(flat ? '\nflat' : '\nnot flat')
process.exit(flat ? 0 : 1)

function enqueue(count: number): Promise<unknown> {
  return Promise.all(Array.from({ length: count }, (_, n) => almanac.enqueue('noop', { n })))
}

/** Enqueues evenly: what is due of the rate, step by step. */
async function feed(end: number): Promise<void> {
  const began = performance.now()
  let enqueued = 0
  while (performance.now() < end) {
    const next = performance.now() + STEP
    const due = Math.round(((performance.now() + STEP - began) * rate) / 1_000)
    // What a slow moment left over is no load of its own
    await enqueue(Math.min(due - enqueued, Math.ceil((2 * rate * STEP) / 1_000)))
    enqueued = due
    await setTimeout(Math.max(0, next - performance.now()))
  }
}

/** Enqueues as much as is taken, until all of it has run. @returns how many ran a second */
async function fullLoad(): Promise<number> {
  const began = performance.now()
  let enqueued = 0
  while (performance.now() < began + FULL.length) {
    await enqueue(FULL.batch)
    enqueued += FULL.batch
  }
  while (ran < enqueued) {
    await setTimeout(STEP)
  }
  return (ran / (performance.now() - began)) * 1_000
}
