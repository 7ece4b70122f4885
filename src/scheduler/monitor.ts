import { sleep, type Clock } from '../clock.ts'
import type { Duration } from '../duration.ts'
import { duration, object, refuseOthers } from '../input/fields.ts'
import { Problems } from '../input/problems.ts'
import type { Storage } from '../storage/contract.ts'
import type { storedStatus } from './status.ts'

export interface MonitorOptions {
  /** Between two snapshots. Default `1s`. */
  interval?: Duration
  signal?: AbortSignal
}

/** What the store told at one moment. Instants are epoch ms (UTC). */
export type Snapshot = Omit<Awaited<ReturnType<typeof storedStatus>>, 'unknownHandlers'> & {
  /** Active events whose slot has come and that nobody has fired yet; 1,000 stands for so many or more. */
  due: number
  /** Of these: those whose slot counts as late by their misfire grace. */
  late: number
  /** Executions that wait in the queue, and that run. */
  queued: number
  running: number
  error: null
}

/** A moment at which the store could not be read. */
export interface FailedSnapshot {
  /** This machine's clock. */
  at: number
  error: { message: string; code: string | null }
}

interface MonitorDeps {
  storage: Storage
  clock: Clock
  /** Aborts at the shutdown. */
  closing: AbortSignal
  read: () => ReturnType<typeof storedStatus>
}

const MOST_DUE = 1_000
const MIN_INTERVAL = 1

/**
 * Looks again and again until the signal aborts or the process shuts down. A
 * look that fails is a snapshot too, and the next one comes at its time.
 *
 * @throws E_INVALID_INPUT at once
 */
export function monitor(
  deps: MonitorDeps,
  options: MonitorOptions
): AsyncGenerator<Snapshot | FailedSnapshot, void, void> {
  const { clock, closing } = deps
  const interval = readInterval(options)
  const signal = options.signal ? AbortSignal.any([options.signal, closing]) : closing

  async function* snapshots() {
    while (!signal.aborted) {
      const began = clock.monotonic()
      const snapshot = await look(deps)
      if (signal.aborted) {
        return
      }
      yield snapshot
      const left = interval - (clock.monotonic() - began)
      if (left > 0) {
        await sleep(clock, left, signal)
      }
    }
  }
  return snapshots()
}

async function look({ storage, clock, read }: MonitorDeps): Promise<Snapshot | FailedSnapshot> {
  try {
    const [{ unknownHandlers, ...stored }, due] = await Promise.all([
      read(),
      storage.events.listDue({ now: clock.nowOrNull(), limit: MOST_DUE }),
    ])
    const late = due.events.filter(({ nextRunAt, misfire }) => {
      return due.now - nextRunAt! > misfire.grace
    })
    const { queued = 0, running = 0 } = stored.executions
    const counts = { due: due.events.length, late: late.length, queued, running }
    return { ...stored, ...counts, error: null }
  } catch (error) {
    const { message, code } = error as Error & { code?: unknown }
    return {
      at: clock.now(),
      error: { message: message ?? String(error), code: typeof code === 'string' ? code : null },
    }
  }
}

function readInterval(options: MonitorOptions): number {
  const problems = new Problems()
  const given = object('options', options, 'give an object, or leave it out', problems.report)
  refuseOthers('', given, ['interval', 'signal'], problems.report)
  const interval = duration('interval', given.interval ?? '1s', MIN_INTERVAL, problems.report)
  if (given.signal !== undefined && !(given.signal instanceof AbortSignal)) {
    problems.report('signal', given.signal, 'give the signal of an AbortController')
  }
  problems.throwAny('The monitor')
  return interval!
}
