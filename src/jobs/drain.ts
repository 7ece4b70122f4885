import { sleep, type Clock } from '../clock.ts'
import type { ExecutionTracker } from '../executions/execution_tracker.ts'
import type { Logger } from '../types/logger.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { Heartbeat } from './heartbeat.ts'
import type { Hold } from './hold.ts'
import type { SourcePump } from './source_pump.ts'

/** How long aborted handlers get to end, ms. */
export const SHUTDOWN_GRACE = 2_000

interface Deps {
  pumps: SourcePump[]
  dispatcher: Dispatcher
  heartbeat: Heartbeat
  tracker: ExecutionTracker
  clock: Clock
  logger: Logger
  handBack: (holds: Hold[], reason: string) => Promise<void>
}

/**
 * Lets a node go: pulls no more, hands back what has not begun, waits for what
 * runs, aborts it with `shutdown` when the deadline has come, and gives it a
 * short grace. What ends because of that goes back to the queue. What still
 * runs then keeps its lease until it lapses, and is rescued elsewhere.
 */
export async function drain(deps: Deps, deadline: number): Promise<void> {
  const { dispatcher, heartbeat, clock } = deps
  const ends = clock.monotonic() + deadline
  const within = (work: Promise<unknown>) => inTime(work, ends - clock.monotonic(), clock)

  const unbegun = deps.handBack(dispatcher.close(), 'drain')
  await within(Promise.all([stopPumps(deps), unbegun]))
  const done = await within(dispatcher.idle())
  if (!done) {
    const running = heartbeat.holds().filter(({ state }) => state === 'running')
    running.forEach((hold) => hold.abort('shutdown'))
    await inTime(dispatcher.idle(), SHUTDOWN_GRACE, clock)
    report(deps, running)
  }
  heartbeat.stop()
}

async function stopPumps({ pumps, logger }: Deps): Promise<void> {
  await Promise.all(
    pumps.map(async (pump) => {
      await pump.stop()
      try {
        await pump.source.stop?.()
      } catch (error) {
        const { name } = pump.source
        logger.error({ err: error, source: name }, `Source "${name}" did not stop cleanly`)
      }
    })
  )
}

function report({ logger }: Deps, aborted: Hold[]): void {
  const left = aborted.filter(({ state }) => state === 'running')
  if (left.length > 0) {
    const executionIds = left.map(({ id }) => id)
    logger.warn(
      { executionIds },
      `${left.length} handlers ignore the shutdown; their executions are rescued elsewhere`
    )
  }
}

/** @returns whether the work was done within `ms` */
async function inTime(work: Promise<unknown>, ms: number, clock: Clock): Promise<boolean> {
  const over = new AbortController()
  const done = work.then(() => true)
  const late = sleep(clock, Math.max(0, ms), over.signal).then(() => false)
  try {
    return await Promise.race([done, late])
  } finally {
    over.abort()
  }
}
