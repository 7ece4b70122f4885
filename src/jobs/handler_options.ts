import { E_INVALID_HANDLER } from '../errors.ts'
import { nearestName } from '../config/did_you_mean.ts'
import { toMilliseconds, type Duration } from '../duration.ts'
import { MAX_RETRIES, MAX_TEXT, text, type Report } from '../input/fields.ts'
import { readIsolation } from './isolation_options.ts'
import { shown } from '../triggers/field_reader.ts'
import { readConcurrency, readRate } from './limit_options.ts'
import { readRetention } from './retention_options.ts'
import type { CoreConfig } from '../types/config.ts'
import { LOG_LEVELS } from '../types/handlers.ts'
import type {
  HandlerDefinition,
  HandlerOptions,
  HandlerRetry,
  HandlerRetryPolicy,
  LogLevel,
  RetryPolicy,
} from '../types/handlers.ts'

export const DEFAULT_QUEUE = 'default'
export const DEFAULT_PRIORITY = 5

export type HandlerDefaults = Pick<CoreConfig, 'retry' | 'timeout' | 'logLevel'>

// Records, so that an option that is added to its type is added here, too
const KNOWN: Record<keyof HandlerOptions, true> = {
  ...{ name: true, queue: true, priority: true, retry: true, retryIf: true, isolate: true },
  ...{ module: true, timeout: true, concurrency: true, rate: true, idempotent: true },
  ...{ logLevel: true, retention: true },
}
const KNOWN_RETRY: Record<keyof HandlerRetryPolicy, true> = {
  ...{ retries: true, backoff: true, delay: true, maxDelay: true, jitter: true },
}
const NAMES = Object.keys(KNOWN)
const RETRY_NAMES = Object.keys(KNOWN_RETRY)

/**
 * Merges the options of one handler with the defaults of config.
 *
 * @throws E_INVALID_HANDLER naming the option, E_INVALID_DURATION
 */
export function resolveOptions(
  name: string,
  options: HandlerOptions,
  defaults: HandlerDefaults
): Omit<HandlerDefinition, 'run'> {
  checkNames(name, 'options.', options, NAMES)
  const { queue = DEFAULT_QUEUE, priority = DEFAULT_PRIORITY, idempotent = false } = options
  text('options.queue', queue, MAX_TEXT, (field, value, remedy) => {
    throw new E_INVALID_HANDLER([name, `${field} is ${shown(value)}; ${remedy}`])
  })
  if (!Number.isInteger(priority) || priority < 1 || priority > 10) {
    throw new E_INVALID_HANDLER([name, `options.priority is ${priority}; give 1 to 10`])
  }
  if (typeof idempotent !== 'boolean') {
    throw new E_INVALID_HANDLER([
      name,
      `options.idempotent is ${shown(idempotent)}; give true or false`,
    ])
  }
  const timeout = options.timeout === undefined ? defaults.timeout : options.timeout
  return {
    name,
    queue,
    priority,
    retry: { ...resolveRetry(name, options.retry, defaults.retry), ...readRetryIf(name, options) },
    isolate: readIsolation(name, options),
    timeout: readTimeout(name, timeout),
    idempotent,
    logLevel: readLogLevel(name, options, defaults),
    limits: resolveLimits(name, options),
    retention: readRetention(name, options),
  }
}

function readTimeout(name: string, timeout: Duration | null): number | null {
  const ms = timeout === null ? null : toMilliseconds(timeout, `timeout of handler "${name}"`)
  if (ms === 0) {
    const remedy = 'give at least 1 ms, or null for none'
    throw new E_INVALID_HANDLER([name, `options.timeout is ${shown(timeout)}; ${remedy}`])
  }
  return ms
}

function readLogLevel(
  name: string,
  { logLevel }: HandlerOptions,
  defaults: HandlerDefaults
): LogLevel {
  if (logLevel !== undefined && !LOG_LEVELS.includes(logLevel)) {
    throw new E_INVALID_HANDLER([
      name,
      `options.logLevel is "${logLevel}"; give ${LOG_LEVELS.join(', ')}`,
    ])
  }
  return logLevel ?? defaults.logLevel
}

/** A typing error must not pass as a default. */
function checkNames(handler: string, prefix: string, given: object, known: string[]): void {
  for (const [field, value] of Object.entries(given)) {
    if (!known.includes(field)) {
      const near = nearestName(field, new Set(known))
      const remedy = near ? `did you mean "${near}"?` : `the options are ${known.join(', ')}`
      throw new E_INVALID_HANDLER([
        handler,
        `${prefix}${field} is ${shown(value)}, and not a known option; ${remedy}`,
      ])
    }
  }
}

function checkRetry(name: string, retry: unknown): void {
  if (retry === undefined || retry === false) {
    return
  }
  if (retry === null || typeof retry !== 'object' || Array.isArray(retry)) {
    const remedy = 'give an object such as { retries: 3 }, or false'
    throw new E_INVALID_HANDLER([name, `options.retry is ${shown(retry)}; ${remedy}`])
  }
  checkNames(name, 'options.retry.', retry, RETRY_NAMES)
}

function resolveLimits(
  name: string,
  { concurrency, rate }: HandlerOptions
): HandlerDefinition['limits'] {
  const bounded = concurrency !== undefined && concurrency !== null
  const rated = rate !== undefined && rate !== null
  if (!bounded && !rated) {
    return null
  }
  const problems: string[] = []
  const report: Report = (field, value, message) =>
    problems.push(`options.${field} is ${JSON.stringify(value)}; ${message}`)
  const limits = {
    ...{ cluster: null, node: null, key: null, rate: null },
    ...(bounded ? readConcurrency('concurrency', concurrency, report) : {}),
    ...(rated ? { rate: readRate(rate, report) } : {}),
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
      `options.retryIf is ${shown(retryIf)}; give a function (error) => boolean`,
    ])
  }
  return { retryIf }
}

function resolveRetry(
  name: string,
  own: HandlerOptions['retry'],
  defaults: RetryPolicy
): HandlerRetry {
  checkRetry(name, own)
  const merged: HandlerRetryPolicy = { ...defaults, ...withoutUndefined(own) }
  const { retries, jitter } = merged
  if (!Number.isInteger(retries) || retries < 0 || retries > MAX_RETRIES) {
    throw new E_INVALID_HANDLER([
      name,
      `options.retry.retries is ${retries}; give 0 to ${MAX_RETRIES}`,
    ])
  }
  if (typeof jitter !== 'number' || !(jitter >= 0 && jitter <= 1)) {
    throw new E_INVALID_HANDLER([name, `options.retry.jitter is ${shown(jitter)}; give 0 to 1`])
  }
  if (!['exponential', 'linear', 'fixed'].includes(merged.backoff)) {
    throw new E_INVALID_HANDLER([
      name,
      `options.retry.backoff is "${merged.backoff}"; give exponential, linear or fixed`,
    ])
  }
  return { ...merged, ...readDelays(name, merged, own, defaults) }
}

/** A first delay beyond the longest would be cut to it without a word. */
function readDelays(
  name: string,
  { delay: given, maxDelay: longest }: HandlerRetryPolicy,
  own: HandlerOptions['retry'],
  defaults: RetryPolicy
): Pick<HandlerRetry, 'delay' | 'maxDelay' | 'delayOf'> {
  const maxDelay = toMilliseconds(longest, `retry.maxDelay of handler "${name}"`)
  if (typeof given === 'function') {
    return { delayOf: given, delay: toMilliseconds(defaults.delay), maxDelay }
  }
  const delay = toMilliseconds(given, `retry.delay of handler "${name}"`)
  if (own && own.delay !== undefined && delay > maxDelay) {
    const remedy = `give at most retry.maxDelay (${shown(longest)}), or raise that`
    throw new E_INVALID_HANDLER([name, `options.retry.delay is ${shown(given)}; ${remedy}`])
  }
  return { delay, maxDelay }
}

/** `{ delay: undefined }` means the default, as a missing key does. */
function withoutUndefined(own: HandlerOptions['retry']): Partial<HandlerRetryPolicy> {
  if (own === false) {
    return { retries: 0 }
  }
  return Object.fromEntries(Object.entries(own ?? {}).filter(([, value]) => value !== undefined))
}
