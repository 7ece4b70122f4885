import { setImmediate } from 'node:timers/promises'
import type { Dispatcher } from './dispatcher.ts'
import type { SourcePump } from './source_pump.ts'

interface Deps {
  pumps: SourcePump[]
  dispatcher: Dispatcher
  /** A stop ends the round with the turn it is in. */
  isStopped: () => boolean
}

/**
 * Pulls and runs until nothing is available and everything has ended.
 *
 * @throws the failure of a source that still fails in the last turn, after
 * the others have had theirs
 */
export async function singleRound({ pumps, dispatcher, isStopped }: Deps): Promise<void> {
  const failures = new Map<SourcePump, unknown>()
  while (!isStopped()) {
    // An end during the pull may have freed a key that the pull still found taken
    const idle = dispatcher.active === 0
    const found = await pullAll(pumps, failures)
    if (found === 0 && idle && dispatcher.active === 0) {
      break
    }
    // Handlers have their turn, also beside a source that finds the same again and again
    const waits = found === 0 && dispatcher.active > 0 && !isStopped()
    await (waits ? dispatcher.nextEnd() : setImmediate())
  }
  for (const failure of failures.values()) {
    throw failure
  }
}

async function pullAll(pumps: SourcePump[], failures: Map<SourcePump, unknown>): Promise<number> {
  let found = 0
  for (const pump of pumps) {
    try {
      found += await pump.pullOnce()
      failures.delete(pump)
    } catch (error) {
      pump.noteFailure(error)
      failures.set(pump, error)
    }
  }
  return found
}
