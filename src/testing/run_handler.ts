import { toMilliseconds, type Duration } from '../duration.ts'
import { newId } from '../ids.ts'
import { toJson } from '../json.ts'
import { runLocked } from '../locks/run_locked.ts'
import { fakeExecution } from '../scheduler/fake_execution.ts'
import type { ExecutionRecord } from '../types/executions.ts'
import type {
  ExecutionLogger,
  HandlerClass,
  HandlerContext,
  HandlerContract,
  HandlerFunction,
  HandlerLock,
  LogLevel,
  PayloadOf,
  Progress,
} from '../types/handlers.ts'
import type { JsonValue } from '../types/json.ts'
import { handlerName, isHandlerClass } from '../handler.ts'

export interface RunHandlerOptions {
  /** Default 1. */
  attempt?: number
  /** The slot of a scheduled run, epoch ms (UTC). */
  slot?: number
  /** What an earlier attempt saved. */
  checkpoint?: JsonValue
  /** How the executions ended that it waited for, by name. Default: none. */
  parents?: HandlerContext['parents']
  /** Aborts with an AbortReason: `controller.abort('timeout')`. */
  signal?: AbortSignal
  /** Further columns of the execution. */
  execution?: Partial<ExecutionRecord>
  /** Makes the instance; default: `new Class()`. With a container: `(Class) => app.container.make(Class)`. */
  make?: (Class: HandlerClass) => Promise<HandlerContract> | HandlerContract
}

/** What one run left behind. */
export interface HandlerRun<Result> {
  result: Result
  logs: { level: LogLevel; message: string; data?: Record<string, unknown> }[]
  progress: (Progress | number)[]
  /** The last checkpoint; the given one when none was saved. */
  checkpoint: JsonValue | null
  /** What `extend` was called with, ms. */
  extended: number[]
}

type ResultOf<H> =
  H extends HandlerClass<infer _P, infer R>
    ? R
    : H extends HandlerFunction<infer _P, infer R>
      ? R
      : unknown

type PayloadFor<H> = H extends HandlerClass
  ? PayloadOf<H>
  : H extends HandlerFunction<infer P>
    ? P
    : JsonValue

/**
 * Runs one handler once, without scheduler, store or clock. Payload and result
 * pass through JSON as they do in earnest. What the handler throws is thrown.
 */
export async function runHandler<H extends HandlerClass | HandlerFunction>(
  handler: H,
  payload: PayloadFor<H>,
  options: RunHandlerOptions = {}
): Promise<HandlerRun<Awaited<ResultOf<H>>>> {
  const run: Omit<HandlerRun<unknown>, 'result'> = {
    logs: [],
    progress: [],
    checkpoint: options.checkpoint ?? null,
    extended: [],
  }
  const context = makeContext(nameOf(handler), payload, options, run)
  const returned = await call(handler, context, options)
  const result = JSON.parse(toJson(returned, { field: 'result' })) as Awaited<ResultOf<H>>
  return { ...run, result }
}

async function call(
  handler: HandlerClass | HandlerFunction,
  context: HandlerContext<never>,
  { make = (Class) => new Class() }: RunHandlerOptions
): Promise<unknown> {
  if (isHandlerClass(handler)) {
    const instance = await make(handler)
    return instance.handle(context)
  }
  return (handler as HandlerFunction)(context)
}

function nameOf(handler: HandlerClass | HandlerFunction): string {
  return isHandlerClass(handler) ? handlerName(handler) : handler.name || 'handler'
}

function makeContext(
  handler: string,
  payload: unknown,
  options: RunHandlerOptions,
  run: Omit<HandlerRun<unknown>, 'result'>
): HandlerContext<never> {
  const { attempt = 1, slot = null, signal = new AbortController().signal } = options
  const stored = JSON.parse(toJson(payload, { field: 'payload' }))
  const base = fakeExecution({ eventId: null, payload: stored, now: 0 })
  const execution: ExecutionRecord = {
    ...base,
    id: newId(),
    handler,
    origin: slot === null ? 'enqueue' : 'schedule',
    state: 'running',
    slot,
    slotLast: slot,
    attempt,
    checkpoint: run.checkpoint,
    node: 'test',
    ...options.execution,
  }
  return {
    payload: stored as never,
    execution,
    attempt,
    parents: options.parents ?? {},
    slot,
    signal,
    logger: loggerInto(run.logs),
    fencingToken: attempt,
    checkpoint: run.checkpoint,
    progress: (progress) => void run.progress.push(progress),
    saveCheckpoint: async (value) => {
      run.checkpoint = JSON.parse(toJson(value, { field: 'checkpoint' }))
    },
    lock: (name) => freeLock(name),
    extend: (duration: Duration) => void run.extended.push(toMilliseconds(duration, 'extend')),
  }
}

/** A lock that nobody else wants. */
function freeLock(name: string): HandlerLock {
  return {
    name,
    signal: new AbortController().signal,
    tryAcquire: async () => true,
    acquire: async () => undefined,
    extend: async () => undefined,
    release: async () => undefined,
    run(work, options) {
      return runLocked(this, work, options)
    },
  }
}

function loggerInto(logs: HandlerRun<unknown>['logs']): ExecutionLogger {
  const at = (level: LogLevel) => (message: string, data?: Record<string, unknown>) => {
    logs.push({ level, message, ...(data ? { data } : {}) })
  }
  return {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  }
}
