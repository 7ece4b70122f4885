import { toExecutionError } from '../executions/error_record.ts'
import { toMilliseconds } from '../duration.ts'
import type { HandlerRetry, ResolvedRetryPolicy } from '../types/handlers.ts'

/** What a decision on a failed attempt looks at. */
export interface Failure {
  /** Failed attempts so far, the one that just ended included. */
  failures: number
  error: Error
  /** Returns 0 <= x < 1. */
  random: () => number
  /** Told when a function of the policy gives nothing that can be used. */
  report: (problem: string) => void
}

/**
 * When a failed attempt is tried again: null when it is not. A function of the
 * policy that throws or gives nonsense is told of, and as if it was not there:
 * a mistake in it must not lose work.
 *
 * @returns ms; null when no attempt is left, or `retryIf` refuses one
 */
export function retryAfter(policy: HandlerRetry, failure: Failure): number | null {
  const usual = nextDelay(policy, failure.failures, failure.random)
  if (usual === null || !mayRetry(policy, failure)) {
    return null
  }
  const { delayOf } = policy
  const own =
    delayOf &&
    attempt('retry.delay', failure, () =>
      toMilliseconds(delayOf(failure.failures, failure.error), 'its answer')
    )
  return own === undefined ? usual : Math.min(own, policy.maxDelay)
}

function mayRetry({ retryIf }: HandlerRetry, failure: Failure): boolean {
  const answer =
    retryIf &&
    attempt('retryIf', failure, () => {
      const value: unknown = retryIf(failure.error)
      if (typeof value !== 'boolean') {
        throw new TypeError(`it answered ${typeof value}; answer true or false`)
      }
      return value
    })
  return answer ?? true
}

function attempt<T>(name: string, { report }: Failure, work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    report(`options.${name} cannot be used: ${toExecutionError(error).message}`)
    return undefined
  }
}

/**
 * How long to wait before the next attempt.
 *
 * @param failures failed attempts so far, the one that just ended included
 * @param random returns 0 <= x < 1
 * @returns ms; null when no attempt is left
 */
export function nextDelay(
  policy: ResolvedRetryPolicy,
  failures: number,
  random: () => number
): number | null {
  if (failures > policy.retries) {
    return null
  }
  const full = Math.min(policy.maxDelay, policy.delay * growth(policy.backoff, failures))
  return Math.round(full * (1 - policy.jitter) + full * policy.jitter * random())
}

function growth(backoff: ResolvedRetryPolicy['backoff'], failures: number): number {
  switch (backoff) {
    case 'fixed':
      return 1
    case 'linear':
      return failures
    case 'exponential':
      // 2^1023 is the largest power of two that a number holds
      return 2 ** Math.min(failures - 1, 1023)
  }
}
