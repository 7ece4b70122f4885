import { setTimeout } from 'node:timers/promises'
import type { ContenderOptions, OpenContender } from './lib/contender.ts'
import { quantile } from './lib/statistics.ts'

/** From the insert of one job into an idle worker to its run; answers `p50` and `p99` in ms. */
const order = JSON.parse(process.argv[2]) as ContenderOptions & {
  contender: string
  samples: number
}
const { open } = (await import(`./contenders/${order.contender}.ts`)) as { open: OpenContender }
const contender = await open({ ...order, latency: true })

let ran = () => {}
await contender.start(() => ran())
const waits: number[] = []
for (let sample = -5; sample < order.samples; sample++) {
  const run = Promise.withResolvers<number>()
  ran = () => run.resolve(performance.now())
  // The worker has gone back to waiting, and no rhythm of ours meets one of its own
  await setTimeout(20 + Math.random() * 30)
  const began = performance.now()
  await contender.enqueue(1)
  const waited = (await run.promise) - began
  if (sample >= 0) {
    waits.push(waited)
  }
}
await contender.stop()
await contender.close()
console.log(JSON.stringify({ p50: quantile(waits, 0.5), p99: quantile(waits, 0.99) }))
process.exit(0)
