import { setTimeout } from 'node:timers/promises'
import type { Contender } from './contender.ts'

/** A measurement that does not end by then has failed, ms. */
const PATIENCE = 300_000

/**
 * Fills the queue, then works until the end of every job is stored.
 *
 * @returns ms from the start of the work to the last end
 */
export async function drain(contender: Contender, jobs: number): Promise<number> {
  const before = await contender.stored()
  await contender.enqueue(jobs)
  const all = Promise.withResolvers<void>()
  let runs = 0
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
  const took = performance.now() - began
  await contender.stop()
  const stored = (await contender.stored()) - before
  if (runs !== jobs || stored !== jobs) {
    throw new Error(`${jobs} jobs: ${runs} runs, ${stored} ends stored`)
  }
  return took
}
