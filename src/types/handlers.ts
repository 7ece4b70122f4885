import type { Duration } from '../duration.ts'
import type { HandlerLimits } from './controls.ts'
import type { JsonValue } from './json.ts'
import type { ExecutionRecord, Outcome } from './executions.ts'
import type { ParentEnd } from './workflows.ts'

/**
 * When a failed attempt is tried again.
 */
export interface RetryPolicy {
  /** Failed attempts after the first before it is over. 0 = never. */
  retries: number
  backoff: 'exponential' | 'linear' | 'fixed'
  /** First delay. */
  delay: Duration
  /** Upper bound of a delay. */
  maxDelay: Duration
  /** Share of the delay that is drawn at random, 0..1. */
  jitter: number
}

/** A policy whose durations are in ms. */
export type ResolvedRetryPolicy = RetryPolicy & { delay: number; maxDelay: number }

/** What decides on a failed attempt of a handler. Durations in ms. */
export type HandlerRetry = ResolvedRetryPolicy & {
  /** Gives each delay, in place of backoff and jitter. */
  delayOf?: RetryDelay
  retryIf?: (error: Error) => boolean
}

/**
 * How long ended executions are kept, by outcome. `forever` keeps them.
 */
export interface Retention {
  /** Age after the end. */
  age?: Duration | 'forever'
  /** The newest so many per handler or event. */
  count?: number
}

/**
 * ms, or a text such as `'5m'`, until the next attempt.
 *
 * @param failures failed attempts so far, the one that just ended included
 */
export type RetryDelay = (failures: number, error: Error) => Duration

/** The retry policy of one handler. */
export type HandlerRetryPolicy = Omit<RetryPolicy, 'delay'> & {
  /** First delay; or a function that gives each one: `maxDelay` bounds it, jitter and backoff do not count. */
  delay: Duration | RetryDelay
}

/**
 * Where an isolated handler runs: a `process` of its own, which boots the app,
 * can be killed and crashes alone; or a `thread`, which keeps the app it has
 * booted for the next attempt, can be ended, and shares the process.
 */
export type IsolationPlace = 'process' | 'thread'

/** Runs a handler where it harms nobody else: it can be ended, and the event loop here stays free. */
export interface IsolationOptions {
  in: IsolationPlace
  /** Heap that one attempt (a thread: all that it runs) may use, MiB. Default: what Node.js gives. */
  memory?: number
  /** Between the abort and the end by force. Default `5s`. */
  grace?: Duration
}

/** Isolation options as they are used: `grace` in ms. */
export interface Isolation {
  in: IsolationPlace
  /** MiB */
  memory: number | null
  /** ms */
  grace: number
  /** URL of the module that exports the handler. */
  module: string
}

export interface HandlerOptions {
  /** Default: the class name in snake case without the suffix Handler. */
  name?: string
  queue?: string
  /** 1 first .. 10 last. Default 5. */
  priority?: number
  retry?: Partial<HandlerRetryPolicy> | false
  /** Whether a failed attempt may be tried again at all; false fails it for good. Default: always. */
  retryIf?: (error: Error) => boolean
  /**
   * `'process'`: each attempt has a process of its own, which can be killed and capped.
   * `'thread'`: each attempt has a worker thread to itself, which is used again.
   */
  isolate?: IsolationPlace | IsolationOptions
  /**
   * `import.meta.url` of the module that exports the handler, where it is
   * isolated and not found in `handlersFolder`.
   */
  module?: string | URL
  /** Longest run of one attempt. Default: config `timeout`. */
  timeout?: Duration | null
  /**
   * Executions at once: in the whole cluster, and on each node (default: no
   * bound of its own), and of each concurrency key (default: one, at most 1,000).
   */
  concurrency?: { cluster?: number | null; node?: number | null; key?: number | null }
  /** At most `limit` begin within any span of `per`, in the whole cluster. */
  rate?: { limit: number; per: Duration } | null
  /** Declares that running twice does no harm. */
  idempotent?: boolean
  /** Entries below it are left out of the execution's log. Default: config `logLevel`. */
  logLevel?: LogLevel
  /** How long its ended executions are kept, by outcome. Default: `housekeeping.retention` of config. */
  retention?: Partial<Record<Outcome, Retention>>
}

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const

export type LogLevel = (typeof LOG_LEVELS)[number]

/** The execution's own log: kept in the store and shown with the execution. */
export interface ExecutionLogger {
  trace(message: string, data?: Record<string, unknown>): void
  debug(message: string, data?: Record<string, unknown>): void
  info(message: string, data?: Record<string, unknown>): void
  warn(message: string, data?: Record<string, unknown>): void
  error(message: string, data?: Record<string, unknown>): void
}

export interface Progress {
  /** 0..100 */
  percent?: number
  message?: string
  done?: number
  total?: number
}

/**
 * What a handler is given.
 */
export interface HandlerContext<Payload = unknown> {
  /** The handler's own copy: it may be written to. */
  readonly payload: Payload
  /** A frozen copy, as it was when the handler began. */
  readonly execution: Readonly<ExecutionRecord>
  /** 1 on the first try; rises with each claim. */
  readonly attempt: number
  /**
   * How the executions ended that it waited for, with their results: by the
   * name of the event, or of the step of a workflow. Empty where it waited for none.
   */
  readonly parents: Readonly<Record<string, ParentEnd>>
  /** The slot (epoch ms UTC) of a scheduled run, else null. */
  readonly slot: number | null
  /** Aborts on timeout, cancel, lost lease and shutdown; `signal.reason` is an AbortReason. */
  readonly signal: AbortSignal
  readonly logger: ExecutionLogger
  /** Rises with every claim of this execution: guard your own writes with it. */
  readonly fencingToken: number
  /** The last value given to `saveCheckpoint`, by this or an earlier attempt; null when none. */
  readonly checkpoint: JsonValue | null
  /** Stores progress (fenced; at most one write per interval). */
  progress(progress: Progress | number): void
  /**
   * Stores a value that the next attempt finds in `checkpoint`.
   * @throws E_LEASE_LOST when this attempt no longer owns the execution
   */
  saveCheckpoint(value: JsonValue): Promise<void>
  /** Moves the timeout of this attempt to `duration` from now. */
  extend(duration: Duration): void
  /**
   * A lock that other executions know by the same name. It is not acquired
   * yet; what is still held when the handler ends is released.
   *
   * @param name 1 to 200 characters
   * @param ttl how long it outlives this process; renewed while it is held. Default `30s`.
   * @throws E_INVALID_INPUT
   */
  lock(name: string, ttl?: Duration): HandlerLock
}

/**
 * Where the work of a flow stands, beyond one execution: what a handler that
 * runs legacy flows finds as its `checkpoint`.
 */
export interface FlowCheckpoint {
  /** The last value given to `saveCheckpoint`, by this or an earlier attempt of the execution. */
  readonly stored: JsonValue
  /**
   * Where the last run that did not complete had come to; null to begin at the beginning.
   * @throws E_CHECKPOINT
   */
  load(): Promise<JsonValue>
  /**
   * Stores a key, the parts of a composite key, or a number of rows.
   * @throws E_CHECKPOINT for a value that does not fit the flow's strategy
   */
  save(value: string | number | (string | number)[]): Promise<void>
  /** Says that there is nothing to go on with; so does a run that succeeds. */
  complete(): Promise<void>
}

export interface LockWait {
  /** Longest wait. Default: until the execution is aborted. */
  wait?: Duration
}

/** A named lock of one execution. */
export interface HandlerLock {
  readonly name: string
  /** Aborts with 'lock lost' when it could not be kept: another may hold it by then. */
  readonly signal: AbortSignal
  /** @returns false when another holds it */
  tryAcquire(): Promise<boolean>
  /** Waits for it. @throws E_INVALID_INPUT, E_LOCK_TIMEOUT, or what the execution was aborted with */
  acquire(options?: LockWait): Promise<void>
  /** Renews it now, for `ttl` or its own. @throws E_INVALID_INPUT, E_LOCK_LOST when it is not held */
  extend(ttl?: Duration): Promise<void>
  /** Does nothing when it is not held. */
  release(): Promise<void>
  /** Acquires it, does the work, and releases it. @throws E_INVALID_INPUT, or as `acquire` and the work do */
  run<T>(work: () => Promise<T> | T, options?: LockWait): Promise<T>
}

export type HandlerFunction<Payload = any, Result = unknown> = (
  context: HandlerContext<Payload>
) => Promise<Result> | Result

/** A handler instance, as the container makes it. */
export interface HandlerContract<Payload = any, Result = unknown> {
  handle(context: HandlerContext<Payload>): Promise<Result> | Result
}

export interface HandlerClass<Payload = any, Result = unknown> {
  new (...args: any[]): HandlerContract<Payload, Result>
  options?: HandlerOptions
}

/** Name, class or function: what may stand where a handler is meant. */
export type HandlerReference = string | HandlerClass

/** The payload type of a handler class; `JsonValue` for a bare name. */
export type PayloadOf<H> = H extends new (...args: any[]) => { '~payload'?: infer P }
  ? unknown extends P
    ? HandledBy<H>
    : P
  : HandledBy<H>

type HandledBy<H> = H extends new (...args: any[]) => HandlerContract<infer P, any> ? P : JsonValue

/**
 * A registered handler, options merged with the defaults of config.
 */
export interface HandlerDefinition {
  name: string
  queue: string
  priority: number
  retry: HandlerRetry
  isolate: Isolation | null
  /** ms, null = none */
  timeout: number | null
  idempotent: boolean
  logLevel: LogLevel
  /** null where it has none. */
  limits: HandlerLimits | null
  retention: NonNullable<HandlerOptions['retention']>
  /** Its runs begin without a slot, and take one for their work alone. */
  takesPlace?: boolean
  /** Makes the instance (through the container for a class) and runs it, isolated where it is to be. */
  run(context: HandlerContext): Promise<unknown>
}

/** Runs handlers outside of this process. */
export interface Isolator {
  /** Settles as the handler does; rejects when it was ended, or ended without an answer. */
  run(name: string, isolation: Isolation, context: HandlerContext): Promise<unknown>
}

/** Why a signal was aborted. */
export type AbortReason = 'timeout' | 'cancelled' | 'lease lost' | 'shutdown'
