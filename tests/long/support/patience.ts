import { setTimeout } from 'node:timers/promises'

/** Waits, across processes, until something holds. @throws with what `describe` says */
export async function until(
  holds: () => Promise<boolean>,
  options: { patience: number; describe: () => Promise<unknown> | unknown; every?: number }
): Promise<void> {
  const deadline = performance.now() + options.patience
  while (!(await holds())) {
    if (performance.now() > deadline) {
      throw new Error(`Waited in vain: ${JSON.stringify(await options.describe())}`)
    }
    await setTimeout(options.every ?? 50)
  }
}

/** Longest outage of a store that is sat out, ms. */
const OUTAGE = 60_000

/** Repeats what a store that is away cannot answer: reads, and writes that may be done twice. */
export async function patiently<T>(work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + OUTAGE
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!isUnavailable(error) || performance.now() > deadline) {
        throw error
      }
      await setTimeout(100)
    }
  }
}

function isUnavailable(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'E_STORAGE_UNAVAILABLE'
}
