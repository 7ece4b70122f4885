import { E_INVALID_HANDLER } from '../errors.ts'
import { toMilliseconds } from '../duration.ts'
import { MAX_RETRIES, type Report } from '../input/fields.ts'
import { readIsolation } from './isolation_options.ts'
import { readConcurrency, readRate } from './limit_options.ts'
import type { CoreConfig } from '../types/config.ts'
import type {
  HandlerDefinition,
  HandlerOptions,
  HandlerRetry,
  HandlerRetryPolicy,
  RetryPolicy,
} from '../types/handlers.ts'

export const DEFAULT_QUEUE = 'default'
export const DEFAULT_PRIORITY = 5

/**
 * Merges the options of one handler with the defaults of config.
 *
 * @throws E_INVALID_HANDLER naming the option, E_INVALID_DURATION
 */
export function resolveOptions(
  name: string,
  options: HandlerOptions,
  defaults: Pick<CoreConfig, 'retry' | 'timeout'>
): Omit<HandlerDefinition, 'run'> {
  const { queue = DEFAULT_QUEUE, priority = DEFAULT_PRIORITY } = options
  if (typeof queue !== 'string' || queue === '') {
    throw new E_INVALID_HANDLER([name, `options.queue is "${queue}"; give a name`])
  }
  if (!Number.isInteger(priority) || priority < 1 || priority > 10) {
    throw new E_INVALID_HANDLER([name, `options.priority is ${priority}; give 1 to 10`])
  }
  const timeout = options.timeout === undefined ? defaults.timeout : options.timeout
  return {
    name,
    queue,
    priority,
    retry: { ...resolveRetry(name, options.retry, defaults.retry), ...readRetryIf(name, options) },
    isolate: readIsolation(name, options),
    timeout: timeout === null ? null : toMilliseconds(timeout, `timeout of handler "${name}"`),
    idempotent: options.idempotent === true,
    limits: resolveLimits(name, options),
    retention: options.retention ?? {},
  }
}

function resolveLimits(
  name: string,
  { concurrency, rate }: HandlerOptions
): HandlerDefinition['limits'] {
  if (
    (concurrency === undefined || concurrency === null) &&
    (rate === undefined || rate === null)
  ) {
    return null
  }
  const problems: string[] = []
  const report: Report = (field, value, message) =>
    problems.push(`options.${field} is ${JSON.stringify(value)}; ${message}`)
  const limits = {
    ...{ cluster: null, node: null, key: null, rate: null },
    ...(concurrency ? readConcurrency('concurrency', concurrency, report) : {}),
    ...(rate ? { rate: readRate(rate, report) } : {}),
  }
  if (problems.length > 0) {
    throw new E_INVALID_HANDLER([name, problems.join(', and ')])
  }
  return limits
}

function readRetryIf(name: string, { retryIf }: HandlerOptions): Pick<HandlerRetry, 'retryIf'> {
  if (retryIf === undefined) {
    return {}
  }
  if (typeof retryIf !== 'function') {
    throw new E_INVALID_HANDLER([
      name,
      `options.retryIf is ${typeof retryIf}; give a function (error) => boolean`,
    ])
  }
  return { retryIf }
}

function resolveRetry(
  name: string,
  own: HandlerOptions['retry'],
  defaults: RetryPolicy
): HandlerRetry {
  const merged: HandlerRetryPolicy = { ...defaults, ...withoutUndefined(own) }
  const { retries, jitter } = merged
  if (!Number.isInteger(retries) || retries < 0 || retries > MAX_RETRIES) {
    throw new E_INVALID_HANDLER([
      name,
      `options.retry.retries is ${retries}; give 0 to ${MAX_RETRIES}`,
    ])
  }
  if (!(jitter >= 0 && jitter <= 1)) {
    throw new E_INVALID_HANDLER([name, `options.retry.jitter is ${jitter}; give 0 to 1`])
  }
  if (!['exponential', 'linear', 'fixed'].includes(merged.backoff)) {
    throw new E_INVALID_HANDLER([
      name,
      `options.retry.backoff is "${merged.backoff}"; give exponential, linear or fixed`,
    ])
  }
  const delayOf = typeof merged.delay === 'function' ? merged.delay : null
  const delay = typeof merged.delay === 'function' ? defaults.delay : merged.delay
  return {
    ...merged,
    ...(delayOf && { delayOf }),
    delay: toMilliseconds(delay, `retry.delay of handler "${name}"`),
    maxDelay: toMilliseconds(merged.maxDelay, `retry.maxDelay of handler "${name}"`),
  }
}

/** `{ delay: undefined }` means the default, as a missing key does. */
function withoutUndefined(own: HandlerOptions['retry']): Partial<HandlerRetryPolicy> {
  if (own === false) {
    return { retries: 0 }
  }
  return Object.fromEntries(Object.entries(own ?? {}).filter(([, value]) => value !== undefined))
}
