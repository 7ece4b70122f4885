import { sleep, type Clock } from '../clock.ts'
import { E_LEASE_LOST, E_STORAGE_UNAVAILABLE } from '../errors.ts'
import { toMilliseconds } from '../duration.ts'
import { copyJson, toJson } from '../json.ts'
import type { ExecutionTracker } from '../executions/execution_tracker.ts'
import type { Storage } from '../storage/contract.ts'
import type { ExecutionRecord } from '../types/executions.ts'
import type { ExecutionLogger, HandlerContext } from '../types/handlers.ts'
import type { JsonValue } from '../types/json.ts'
import type { Heartbeat } from './heartbeat.ts'
import type { Hold } from './hold.ts'
import type { Run } from './run.ts'

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

/** A part of the context that is made when it is first asked for. */
type Lazy = 'payload' | 'execution' | 'signal' | 'logger'

/**
 * What the handler of one attempt is given. All of it is the handler's own:
 * how the attempt ends is stored from the hold's record, which a handler that
 * writes to what it was given must not change.
 *
 * Its parts are properties of its own, so that a handler may take it apart and
 * spread it; most handlers look at few of them, so that the costly ones share
 * their getters.
 */
export class RunContext implements HandlerContext {
  declare readonly payload: JsonValue
  declare readonly execution: Readonly<ExecutionRecord>
  declare readonly signal: AbortSignal
  declare readonly logger: ExecutionLogger
  readonly attempt: number
  readonly parents: HandlerContext['parents']
  readonly slot: number | null
  checkpoint: JsonValue | null
  readonly fencingToken: number
  readonly progress: HandlerContext['progress']
  readonly saveCheckpoint: HandlerContext['saveCheckpoint']
  readonly extend: HandlerContext['extend']
  readonly lock: HandlerContext['lock']
  readonly #run: Run
  #payload: JsonValue | undefined
  #execution: Readonly<ExecutionRecord> | null = null

  constructor(deps: ContextDeps, run: Run, parents: HandlerContext['parents']) {
    const { hold } = run
    const { attempt, slot, checkpoint } = hold.execution
    this.#run = run
    this.checkpoint = copyJson(checkpoint)
    this.attempt = attempt
    this.parents = parents
    this.slot = slot
    this.fencingToken = attempt
    this.progress = (progress) => {
      if (hold.state === 'running') {
        deps.tracker.progress(hold.execution, progress, (...given) => run.refuseProgress(...given))
        deps.heartbeat.progressed(hold)
      }
    }
    this.saveCheckpoint = async (value) => {
      await saveCheckpoint(deps, hold, value)
      this.checkpoint = value
    }
    this.extend = (duration) => run.extend(toMilliseconds(duration, 'duration'))
    this.lock = (name, ttl) => run.locks.make(name, ttl)
    for (const [name, get] of RunContext.#lazy) {
      Object.defineProperty(this, name, get)
    }
  }

  /** The same functions for all contexts: those of its own each would cost more than the rest. */
  static readonly #lazy: [name: Lazy, descriptor: PropertyDescriptor & ThisType<RunContext>][] = [
    ['payload', lazy((context) => context.#copiedPayload())],
    ['execution', lazy((context) => (context.#execution ??= context.#frozenExecution()))],
    ['signal', lazy((context) => context.#run.hold.signal)],
    ['logger', lazy((context) => context.#run.logger)],
  ]

  #copiedPayload(): JsonValue {
    if (this.#payload === undefined) {
      this.#payload = copyJson(this.#run.hold.execution.payload)
    }
    return this.#payload
  }

  #frozenExecution(): Readonly<ExecutionRecord> {
    return copyJson(this.#run.hold.execution, 'frozen')
  }
}

const NO_PARENTS: HandlerContext['parents'] = Object.freeze({})

/** What an execution is given of those that it waited for; outside of workflows nothing is read. */
export function parentsFor(
  { storage, clock }: Pick<ContextDeps, 'storage' | 'clock'>,
  hold: Hold
): HandlerContext['parents'] | Promise<HandlerContext['parents']> {
  const { id, workflowId } = hold.execution
  return workflowId === null
    ? NO_PARENTS
    : duringOutages({ clock, signal: hold.signal }, () => storage.workflows.parentsOf(id))
}

function lazy(read: (context: RunContext) => unknown): PropertyDescriptor & ThisType<RunContext> {
  return {
    enumerable: true,
    get() {
      return read(this)
    },
  }
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
