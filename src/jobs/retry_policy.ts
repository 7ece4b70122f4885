import type { ResolvedRetryPolicy } from '../types/handlers.ts'

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
