import type { ContenderOptions, OpenContender } from './lib/contender.ts'
import { drain, type Drained } from './lib/drain.ts'

/**
 * One measurement in a process of its own, told by its only argument as JSON;
 * the answer is the last line of the output.
 */
export interface Measurement extends ContenderOptions {
  contender: string
  jobs: number
  /** Jobs that warm the process up beforehand. */
  warmup: number
  /** Finished jobs that are in the tables already. Default none. */
  finished?: number
}

const order = JSON.parse(process.argv[2]) as Measurement
const { open } = (await import(`./contenders/${order.contender}.ts`)) as { open: OpenContender }

async function once(jobs: number, finished = 0): Promise<Drained> {
  const contender = await open(order)
  try {
    if (finished > 0) {
      await drain(contender, 1)
      await contender.grow!(finished)
    }
    return await drain(contender, jobs)
  } finally {
    await contender.close()
  }
}

if (order.warmup > 0) {
  await once(order.warmup)
}
const { ms, cpu } = await once(order.jobs, order.finished)
const perJob = (spent: number | null) => (spent === null ? null : (spent * 1_000) / order.jobs)
console.log(JSON.stringify({ ms, cpu: { node: perJob(cpu.node), server: perJob(cpu.server) } }))
process.exit(0)
