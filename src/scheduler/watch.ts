import { sleep, type Clock } from '../clock.ts'
import { duration, object, refuseOthers } from '../input/fields.ts'
import { Problems } from '../input/problems.ts'
import type { Duration } from '../duration.ts'
import type { Storage } from '../storage/contract.ts'
import type { ExecutionRecord } from '../types/executions.ts'
import type { JournalEntry } from '../types/journal.ts'

/** ms between two looks at a store that other processes write as well. */
const INTERVAL = 250
const PAGE = 200

export interface WatchOptions {
  /** Id of the last entry that is known already; default: the newest there is now. 0 = from the beginning. */
  after?: number
  signal?: AbortSignal
}

/**
 * The journal's entries in order, as they appear, until the signal aborts.
 */
export function watchJournal(
  deps: { storage: Storage; clock: Clock; closing: AbortSignal },
  options: WatchOptions
): AsyncGenerator<JournalEntry, void, void> {
  const { storage, clock, closing } = deps
  // Read now, so that nothing written between this call and the first turn is lost
  const from =
    options.after === undefined ? storage.journal.lastId() : Promise.resolve(options.after)
  // Its failure is thrown where it is awaited, at the first turn
  from.catch(() => undefined)
  const signal = options.signal ? AbortSignal.any([options.signal, closing]) : closing

  async function* entries() {
    let after = await from
    while (!signal.aborted) {
      const page = await storage.journal.read({ after, limit: PAGE })
      for (const entry of page) {
        if (signal.aborted) {
          return
        }
        after = entry.id
        yield entry
      }
      if (page.length < PAGE) {
        await sleep(clock, INTERVAL, signal)
      }
    }
  }
  return entries()
}

export interface WaitOptions {
  signal?: AbortSignal
  /** ms, or a text such as `'30s'`. Default: no limit. */
  timeout?: Duration
}

/**
 * The execution once it has ended. Returns it as it is when the signal aborts or the time is up; null when it is unknown.
 *
 * @throws E_INVALID_INPUT on options that cannot be read
 */
export async function waitForEnd(
  deps: { storage: Storage; clock: Clock; closing: AbortSignal },
  id: string,
  isOver: (execution: ExecutionRecord) => boolean,
  options: WaitOptions
): Promise<ExecutionRecord | null> {
  const { storage, clock, closing } = deps
  const signal = options.signal ? AbortSignal.any([options.signal, closing]) : closing
  const until = clock.monotonic() + readTimeout(options)
  while (true) {
    const execution = await storage.executions.find(id)
    const left = until - clock.monotonic()
    if (!execution || isOver(execution) || signal.aborted || left <= 0) {
      return execution
    }
    await sleep(clock, Math.min(INTERVAL, left), signal)
  }
}

/** @returns ms */
function readTimeout(options: unknown): number {
  const problems = new Problems()
  const { report } = problems
  const given = object('options', options, "give an object such as { timeout: '30s' }", report)
  refuseOthers('', given, ['signal', 'timeout'], report)
  const { timeout = null } = given
  const endless = timeout === null || timeout === Infinity
  const read = endless ? Infinity : duration('timeout', timeout, 0, report)
  problems.throwAny('The wait')
  return read!
}
