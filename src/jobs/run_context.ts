import { sleep, type Clock } from '../clock.ts'
import { E_LEASE_LOST, E_STORAGE_UNAVAILABLE } from '../errors.ts'
import { toMilliseconds } from '../duration.ts'
import { copyJson, toJson } from '../json.ts'
import type { LockSet } from '../locks/lock_set.ts'
import type { ExecutionTracker } from '../executions/execution_tracker.ts'
import type { Storage } from '../storage/contract.ts'
import type { ExecutionLogger, HandlerContext } from '../types/handlers.ts'
import type { JsonValue } from '../types/json.ts'
import type { Heartbeat } from './heartbeat.ts'
import type { Hold } from './hold.ts'
import type { RunTimeout } from './run_timeout.ts'

/** Wait between two tries while the store is away, ms. */
const OUTAGE_RETRY = 500

export interface ContextDeps {
  storage: Storage
  tracker: ExecutionTracker
  heartbeat: Heartbeat
  clock: Clock
  /** Bytes of JSON of a checkpoint. */
  maxCheckpoint: number
}

/**
 * What the handler of one attempt is given. All of it is the handler's own:
 * how the attempt ends is stored from the hold's record, which a handler that
 * writes to what it was given must not change.
 */
export function createContext(
  deps: ContextDeps,
  parts: { hold: Hold; timeout: RunTimeout; logger: ExecutionLogger; locks: LockSet },
  parents: HandlerContext['parents']
): HandlerContext {
  const { hold, timeout, logger, locks } = parts
  const { execution } = hold
  const payload = once(() => copyJson(execution.payload))
  const record = once(() => copyJson(execution, 'frozen'))
  let checkpoint = copyJson(execution.checkpoint)
  return {
    get payload() {
      return payload()
    },
    get execution() {
      return record()
    },
    attempt: execution.attempt,
    parents,
    slot: execution.slot,
    get signal() {
      return hold.signal
    },
    logger,
    fencingToken: execution.attempt,
    get checkpoint() {
      return checkpoint
    },
    progress: (progress) => {
      if (hold.state === 'running') {
        deps.tracker.progress(execution, progress)
        deps.heartbeat.progressed(hold)
      }
    },
    saveCheckpoint: async (value) => {
      await saveCheckpoint(deps, hold, value)
      checkpoint = value
    },
    extend: (duration) => timeout.extend(toMilliseconds(duration, 'duration')),
    lock: (name, ttl) => locks.make(name, ttl),
  }
}

const NO_PARENTS: HandlerContext['parents'] = Object.freeze({})

/** What an execution is given of those that it waited for; outside of workflows nothing is read. */
export function parentsFor(
  { storage, clock }: Pick<ContextDeps, 'storage' | 'clock'>,
  { execution, signal }: Hold
): HandlerContext['parents'] | Promise<HandlerContext['parents']> {
  return execution.workflowId === null
    ? NO_PARENTS
    : duringOutages({ clock, signal }, () => storage.workflows.parentsOf(execution.id))
}

/** Makes a value when it is first asked for: most handlers look at little of their context. */
function once<T>(make: () => T): () => T {
  let made: { value: T } | null = null
  return () => (made ??= { value: make() }).value
}

async function saveCheckpoint(deps: ContextDeps, hold: Hold, value: JsonValue): Promise<void> {
  toJson(value, { field: 'checkpoint', limit: deps.maxCheckpoint })
  const { id, attempt } = hold.execution
  const stored = hold.state === 'running' && (await storeCheckpoint(deps, hold, value))
  if (!stored) {
    deps.heartbeat.lose(hold, 'its checkpoint was refused')
    throw new E_LEASE_LOST([String(attempt), id])
  }
}

function storeCheckpoint(
  { storage, clock }: ContextDeps,
  { execution, signal }: Hold,
  checkpoint: JsonValue
): Promise<boolean> {
  const { id, attempt, node } = execution
  const fence = { id, attempt, node: node ?? '' }
  return duringOutages({ clock, signal }, () =>
    storage.executions.saveCheckpoint({ now: clock.nowOrNull(), fence, checkpoint })
  )
}

/** Goes on trying while the store is away: an outage is no failure of the handler. */
async function duringOutages<T>(
  { clock, signal }: { clock: Clock; signal: AbortSignal },
  work: () => Promise<T>
): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof E_STORAGE_UNAVAILABLE) || signal.aborted) {
        throw error
      }
      await sleep(clock, OUTAGE_RETRY, signal)
    }
  }
}
