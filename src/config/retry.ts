import type { RetryPolicy, ResolvedRetryPolicy } from '../types/handlers.ts'
import type { ConfigReader } from './reader.ts'

/**
 * Reads a retry policy key by key; what is not given comes from `defaults`.
 *
 * @param reader on the policy's own section
 * @throws E_INVALID_CONFIG
 */
export function readRetryPolicy(
  reader: ConfigReader,
  defaults: RetryPolicy & { delay: number; maxDelay: number }
): ResolvedRetryPolicy {
  const retry: ResolvedRetryPolicy = {
    retries: reader.number('retries', defaults.retries),
    backoff: reader.oneOf('backoff', defaults.backoff, ['exponential', 'linear', 'fixed']),
    delay: reader.duration('delay', defaults.delay, 0),
    maxDelay: reader.duration('maxDelay', defaults.maxDelay, 0),
    jitter: reader.number('jitter', defaults.jitter, { max: 1, whole: false }),
  }
  reader.end()
  return retry
}
