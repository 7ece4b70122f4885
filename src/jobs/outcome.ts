import { E_EXECUTION_TIMEOUT } from '../errors.ts'
import { toMilliseconds, type Duration } from '../duration.ts'
import { isError, toExecutionError } from '../executions/error_record.ts'
import { retryAfter } from './retry_policy.ts'
import type { Settlement } from '../storage/contract.ts'
import type { JsonValue } from '../types/json.ts'
import type { AbortReason, HandlerRetry } from '../types/handlers.ts'

/*
 * What a handler may throw or return to say how it ended, whatever its signal
 * and its retry policy. They are errors, so that a throw of them reads well.
 */

/** Ends the execution as succeeded, even when its signal had aborted meanwhile. */
export class Succeeded extends Error {
  override readonly name = 'Succeeded'

  constructor(
    readonly result: JsonValue = null,
    /** Where a result that is too large for the store lies. */
    readonly resultRef: string | null = null
  ) {
    super('The handler says that it succeeded')
  }

  /** To be returned: a stack, which costs more than many a run, tells nobody anything. */
  static returned(result: JsonValue): Succeeded {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    try {
      return new Succeeded(result)
    } finally {
      Error.stackTraceLimit = stackTraceLimit
    }
  }
}

/** Ends the execution as failed for good: no further attempt. */
export class Failed extends Error {
  override readonly name = 'Failed'
  readonly result: JsonValue | undefined

  constructor(message: string, options?: ErrorOptions & { result?: JsonValue }) {
    super(message, options)
    this.result = options?.result
  }
}

/** Ends the execution as cancelled. */
export class Cancelled extends Error {
  override readonly name = 'Cancelled'
  readonly result: JsonValue | undefined

  constructor(
    readonly reason: string,
    options?: { result?: JsonValue }
  ) {
    super(reason)
    this.result = options?.result
  }
}

/** Ends the execution as missed: another installation ran its slot. */
export class Missed extends Error {
  override readonly name = 'Missed'

  constructor(readonly reason: string) {
    super(reason)
  }
}

/** Gives the execution back to the queue; counts neither as a failure nor as a rescue. */
export class ReleaseSignal extends Error {
  override readonly name = 'ReleaseSignal'
  /** ms until it may be claimed again; undefined keeps its place in the queue */
  readonly delay: number | undefined

  /** @throws E_INVALID_DURATION */
  constructor(
    delay?: Duration,
    readonly reason: string = 'released by the handler'
  ) {
    super(reason)
    this.delay = delay === undefined ? undefined : toMilliseconds(delay, 'delay')
  }
}

/** How the run of a handler came to its end on this node. */
export type RunEnd = { kind: 'returned'; value: unknown } | { kind: 'thrown'; error: unknown }

/** The part of a settlement that says how the attempt ended. */
export type Verdict = Pick<Settlement, 'to' | 'delay' | 'error' | 'reason' | 'resultRef'> & {
  result?: unknown
}

/** What classify looks at besides the end itself. */
export interface RunFacts {
  handler: string
  /** Why the signal was aborted, null when it was not. */
  aborted: AbortReason | null
  /** Why it was cancelled, when it was. */
  cancelReason: string | null
  /** Failed attempts before this one. */
  failures: number
  retry: HandlerRetry
  /** ms of the timeout that ran out, for its message. */
  timeout: number | null
  random: () => number
  /** Told when a function of the retry policy gives nothing that can be used. */
  report?: (problem: string) => void
}

/**
 * Decides how an attempt ended. The first rule that fits holds:
 *
 * 1. an explicit Succeeded, Failed, Cancelled, Missed or ReleaseSignal
 * 2. cancelled: `cancelled`, whatever the handler did, its result kept
 * 3. timeout: a failed attempt with E_EXECUTION_TIMEOUT; `timed_out` when it was the last
 * 4. returned: `succeeded` (a handler that stops early throws)
 * 5. thrown at shutdown: handed back, counts nowhere
 * 6. thrown after the lease was lost: null, nothing is settled; the rescue counts it
 * 7. thrown: a failed attempt; `failed` when it was the last
 */
export function classify(end: RunEnd, facts: RunFacts): Verdict | null {
  const plain = plainVerdict(end, facts.aborted)
  if (plain) {
    return plain
  }
  if (facts.aborted === 'cancelled') {
    return cancelled(end, facts)
  }
  if (facts.aborted === 'timeout') {
    return timedOut(end, facts)
  }
  if (facts.aborted === 'shutdown') {
    return { to: 'release', reason: 'shutdown' }
  }
  if (facts.aborted === 'lease lost') {
    return null
  }
  return failedAttempt(thrownBy(end), 'failed', facts)
}

/** The verdict where the end tells it alone, as rules 1 and 4 have it; null where `classify` must decide. */
export function plainVerdict(end: RunEnd, aborted: AbortReason | null): Verdict | null {
  const explicit = explicitVerdict(end.kind === 'returned' ? end.value : end.error)
  if (explicit !== null || end.kind === 'thrown') {
    return explicit
  }
  const decided = aborted === 'cancelled' || aborted === 'timeout'
  return decided ? null : { to: 'succeeded', result: end.value }
}

/** The verdict on a timeout, also for a handler that has not ended yet. */
export function timedOut(end: RunEnd | null, facts: RunFacts): Verdict {
  const thrown = end && thrownBy(end)
  const error = new E_EXECUTION_TIMEOUT(
    [facts.handler, String(facts.timeout)],
    // A string is the signal's own reason and says nothing new
    isError(thrown) ? { cause: thrown } : undefined
  )
  return failedAttempt(error, 'timed_out', facts)
}

function thrownBy(end: RunEnd): unknown {
  return end.kind === 'thrown' ? end.error : null
}

/** A value that does not let itself be read says nothing explicit. */
function explicitVerdict(value: unknown): Verdict | null {
  try {
    return readVerdict(value)
  } catch {
    return null
  }
}

function readVerdict(value: unknown): Verdict | null {
  if (value instanceof Succeeded) {
    return { to: 'succeeded', result: value.result, resultRef: value.resultRef }
  }
  if (value instanceof Failed) {
    return { to: 'failed', error: toExecutionError(value), result: value.result }
  }
  if (value instanceof Cancelled) {
    return { to: 'cancelled', reason: value.reason, result: value.result }
  }
  if (value instanceof Missed) {
    return { to: 'missed', reason: value.reason }
  }
  if (value instanceof ReleaseSignal) {
    return { to: 'release', delay: value.delay, reason: value.reason }
  }
  return null
}

function cancelled(end: RunEnd, facts: RunFacts): Verdict {
  const verdict: Verdict = { to: 'cancelled', reason: facts.cancelReason }
  if (end.kind === 'returned') {
    return { ...verdict, result: end.value }
  }
  const { error } = end
  const record = isError(error) ? toExecutionError(error) : null
  return record && record.name !== 'AbortError' ? { ...verdict, error: record } : verdict
}

function failedAttempt(thrown: unknown, last: 'failed' | 'timed_out', facts: RunFacts): Verdict {
  const error = toExecutionError(thrown)
  const delay = retryAfter(facts.retry, {
    failures: facts.failures + 1,
    error: isError(thrown) ? thrown : new Error(error.message),
    random: facts.random,
    report: facts.report ?? (() => undefined),
  })
  return delay === null ? { to: last, error } : { to: 'retry', delay, error }
}
