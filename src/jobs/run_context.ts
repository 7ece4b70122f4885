import { sleep, type Clock } from '../clock.ts'
import { E_LEASE_LOST, E_STORAGE_UNAVAILABLE } from '../errors.ts'
import { toMilliseconds } from '../duration.ts'
import { copyJson, toJson } from '../json.ts'
import type { ExecutionTracker } from '../executions/execution_tracker.ts'
import type { Storage } from '../storage/contract.ts'
import type { HandlerContext } from '../types/handlers.ts'
import type { JsonValue } from '../types/json.ts'
import type { Heartbeat } from './heartbeat.ts'
import type { Hold } from './hold.ts'
import type { Run } from './run.ts'

/** Wait between two tries to store a checkpoint while the store is away, ms. */
const CHECKPOINT_RETRY = 500

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
export function createContext(deps: ContextDeps, run: Run): HandlerContext {
  const { hold } = run
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
    slot: execution.slot,
    get signal() {
      return hold.signal
    },
    get logger() {
      return run.logger
    },
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
    extend: (duration) => run.extend(toMilliseconds(duration, 'duration')),
    lock: (name, ttl) => run.locks.make(name, ttl),
  }
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

/** Goes on trying while the store is away: an outage is no failure of the handler. */
async function storeCheckpoint(deps: ContextDeps, hold: Hold, value: JsonValue): Promise<boolean> {
  const { id, attempt, node } = hold.execution
  for (;;) {
    try {
      return await deps.storage.executions.saveCheckpoint({
        now: deps.clock.nowOrNull(),
        fence: { id, attempt, node: node ?? '' },
        checkpoint: value,
      })
    } catch (error) {
      if (!(error instanceof E_STORAGE_UNAVAILABLE) || hold.signal.aborted) {
        throw error
      }
      await sleep(deps.clock, CHECKPOINT_RETRY, hold.signal)
    }
  }
}
