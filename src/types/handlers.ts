import type { Duration } from '../duration.ts'
import type { HandlerLimits } from './controls.ts'
import type { JsonValue } from './json.ts'
import type { ExecutionRecord } from './executions.ts'

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

/**
 * How long ended executions are kept, by outcome. `forever` keeps them.
 */
export interface Retention {
  /** Age after the end. */
  age?: Duration | 'forever'
  /** The newest so many per handler or event. */
  count?: number
}

export interface HandlerOptions {
  /** Default: the class name in snake case without the suffix Handler. */
  name?: string
  queue?: string
  /** 1 first .. 10 last. Default 5. */
  priority?: number
  retry?: Partial<RetryPolicy> | false
  /** Longest run of one attempt. Default: config `timeout`. */
  timeout?: Duration | null
  /** Executions at once: in the whole cluster, and on each node. Default: no bound of its own. */
  concurrency?: { cluster?: number | null; node?: number | null }
  /** At most `limit` begin within any span of `per`, in the whole cluster. */
  rate?: { limit: number; per: Duration } | null
  /** Declares that running twice does no harm. */
  idempotent?: boolean
  retention?: Partial<
    Record<'succeeded' | 'failed' | 'cancelled' | 'timed_out' | 'abandoned' | 'missed', Retention>
  >
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error'

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
  retry: ResolvedRetryPolicy
  /** ms, null = none */
  timeout: number | null
  idempotent: boolean
  /** null where it has none. */
  limits: HandlerLimits | null
  retention: NonNullable<HandlerOptions['retention']>
  /** Makes the instance (through the container for a class) and runs it. */
  run(context: HandlerContext): Promise<unknown>
}

/** Why a signal was aborted. */
export type AbortReason = 'timeout' | 'cancelled' | 'lease lost' | 'shutdown'
