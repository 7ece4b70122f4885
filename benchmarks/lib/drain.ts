import { setTimeout } from 'node:timers/promises'
import type { Contender } from './contender.ts'
import { startCpu, type Cpu } from './cpu.ts'

/** A measurement that does not end by then has failed, ms. */
const PATIENCE = 300_000

export interface Drained {
  /** ms from the start of the work to the last end. */
  ms: number
  /** What it cost from then to then. */
  cpu: Cpu
}

/** Fills the queue, then works until the end of every job is stored. */
export async function drain(contender: Contender, jobs: number): Promise<Drained> {
  const before = await contender.stored()
  await contender.enqueue(jobs)
  const all = Promise.withResolvers<void>()
  let runs = 0
  const cpuSince = await startCpu(contender.serverCpu)
  const began = performance.now()
  await contender.start(() => {
    if (++runs === jobs) {
      all.resolve()
    }
  })
  await Promise.race([all.promise, setTimeout(PATIENCE, undefined, { ref: false })])
  while ((await contender.stored()) - before < jobs && performance.now() - began < PATIENCE) {
    await setTimeout(2)
  }
  const ms = performance.now() - began
  const cpu = await cpuSince()
  await contender.stop()
  const stored = (await contender.stored()) - before
  if (runs !== jobs || stored !== jobs) {
    throw new Error(`${jobs} jobs: ${runs} runs, ${stored} ends stored`)
  }
  return { ms, cpu }
}
