import { isError, toExecutionError } from '../executions/error_record.ts'
import { Cancelled, Failed, Missed, ReleaseSignal, Succeeded } from '../jobs/outcome.ts'
import { toJson } from '../json.ts'
import type { ExecutionError, ExecutionRecord } from '../types/executions.ts'
import type {
  AbortReason,
  FlowCheckpoint,
  HandlerContext,
  Isolation,
  LogLevel,
  Progress,
} from '../types/handlers.ts'
import type { JsonValue } from '../types/json.ts'

/** What a handler that runs elsewhere is told. */
export type ToHandler =
  | { type: 'run'; job: Job }
  | { type: 'abort'; reason: AbortReason }
  | { type: 'answer'; call: number; value?: JsonValue; error?: ExecutionError }
  | { type: 'lock lost'; lock: number }

/** What it tells. */
export type FromHandler =
  | { type: 'log'; level: LogLevel; message: string; data?: JsonValue }
  | { type: 'progress'; progress: Progress }
  | { type: 'extend'; ms: number }
  | { type: 'call'; call: number; request: Request }
  | { type: 'end'; end: WireEnd }

/** What is answered. */
export type Request =
  | { verb: 'saveCheckpoint'; value: JsonValue }
  | { verb: 'loadPosition' | 'completePosition' }
  | { verb: 'savePosition'; value: JsonValue }
  | ({ verb: 'acquire'; wait: number | null } & WhichLock)
  | ({ verb: 'tryAcquire' | 'release' } & WhichLock)
  | ({ verb: 'extendLock'; length: number | null } & WhichLock)

export interface WhichLock {
  /** Counted by the handler's side. */
  lock: number
  name: string
  /** ms */
  ttl: number
}

export interface Job {
  /** Of the handler. */
  name: string
  /** URL of its module. */
  module: string
  /** URL of the app's root. */
  root: string
  execution: Readonly<ExecutionRecord>
  /** What the handler is given: not always what the execution has. */
  payload: JsonValue
  checkpoint: JsonValue | null
  parents: HandlerContext['parents']
  /** The checkpoint is that of a flow, which is asked for and told over the line. */
  ofFlow: boolean
}

export function jobOf(
  name: string,
  { module }: Isolation,
  { root, context }: { root: string; context: HandlerContext }
): Job {
  const { execution, parents } = context
  const flow = flowCheckpoint(context)
  const checkpoint = flow ? flow.stored : context.checkpoint
  const payload = context.payload as JsonValue
  return { name, module, root, execution, payload, parents, checkpoint, ofFlow: flow !== null }
}

/** The checkpoint of a flow, which is no JSON; null for any other. */
export function flowCheckpoint({ checkpoint }: HandlerContext): FlowCheckpoint | null {
  const given = checkpoint as Partial<FlowCheckpoint> | null
  return typeof given?.load === 'function' ? (given as FlowCheckpoint) : null
}

/** One end of the line between a handler and its execution. */
export interface Line<Out, In> {
  send(message: Out): void
  onMessage(listener: (message: In) => void): void
}

/** How the run of a handler ended, as JSON carries it. */
export type WireEnd =
  | { kind: 'returned'; value?: JsonValue }
  | { kind: 'thrown'; error: ExecutionError; isError: boolean }
  | { kind: 'succeeded'; result: JsonValue; resultRef: string | null }
  | { kind: 'failed'; error: ExecutionError; result?: JsonValue }
  | { kind: 'cancelled'; reason: string; result?: JsonValue }
  | { kind: 'missed'; reason: string }
  | { kind: 'released'; delay?: number; reason: string }

type Warn = (message: string) => void

/** @param warn told of a result that JSON cannot carry: it is left out, the work is done */
export function packReturned(value: unknown, warn: Warn): WireEnd {
  return packExplicit(value, warn) ?? { kind: 'returned', value: storable(value, warn) }
}

export function packThrown(error: unknown, warn: Warn): WireEnd {
  const thrown = {
    kind: 'thrown',
    error: toExecutionError(error),
    isError: isError(error),
  } as const
  return packExplicit(error, warn) ?? thrown
}

function packExplicit(value: unknown, warn: Warn): WireEnd | null {
  if (value instanceof Succeeded) {
    const { resultRef } = value
    return { kind: 'succeeded', result: storable(value.result, warn) ?? null, resultRef }
  }
  if (value instanceof Failed) {
    const result = storable(value.result, warn)
    return { kind: 'failed', error: toExecutionError(value), result }
  }
  if (value instanceof Cancelled) {
    return { kind: 'cancelled', reason: value.reason, result: storable(value.result, warn) }
  }
  if (value instanceof Missed) {
    return { kind: 'missed', reason: value.reason }
  }
  if (value instanceof ReleaseSignal) {
    return { kind: 'released', delay: value.delay, reason: value.reason }
  }
  return null
}

/** What the handler returned. @throws what it threw */
export function unpackEnd(end: WireEnd): unknown {
  switch (end.kind) {
    case 'returned':
      return end.value
    case 'thrown':
      throw end.isError ? revive(end.error) : end.error.message
    case 'succeeded':
      return new Succeeded(end.result, end.resultRef)
    case 'failed': {
      const { error, result } = end
      const failed = new Failed(error.message, { cause: causeOf(error), result })
      return Object.assign(failed, { stack: error.stack })
    }
    case 'cancelled':
      return new Cancelled(end.reason, { result: end.result })
    case 'missed':
      return new Missed(end.reason)
    case 'released':
      return new ReleaseSignal(end.delay, end.reason)
  }
}

/** The error that a record was made of, as far as it can be told. */
export function revive(record: ExecutionError): Error {
  const { name, message, code, stack } = record
  const error = new Error(message, { cause: causeOf(record) })
  error.stack = stack
  Object.defineProperty(error, 'name', { value: name, configurable: true })
  return code === undefined ? error : Object.assign(error, { code })
}

function causeOf({ cause }: ExecutionError): Error | undefined {
  return cause && revive(cause)
}

function storable(value: unknown, warn: Warn): JsonValue | undefined {
  if (value === undefined) {
    return undefined
  }
  try {
    return JSON.parse(toJson(value, { field: 'result' })) as JsonValue
  } catch (error) {
    warn(`The result was not stored: ${toExecutionError(error).message}`)
    return undefined
  }
}
