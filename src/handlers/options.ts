import type { ConfigReader } from '../config/reader.ts'
import { E_INVALID_CONFIG } from '../errors.ts'
import type { HandlerOptions } from '../types/handlers.ts'

/** What config may say of a built-in handler as of any other. */
export type BuiltInOptions = Pick<HandlerOptions, 'queue' | 'priority' | 'timeout' | 'retry'>

/**
 * Reads `options` of one built-in handler. What is said about retries is
 * judged when the handler is registered, as that of any other.
 *
 * @throws E_INVALID_CONFIG
 */
export function readOptions(reader: ConfigReader): BuiltInOptions {
  const section = reader.section('options')
  const options: BuiltInOptions = {}
  const queue = section.take('queue')
  if (queue !== undefined) {
    const fits = typeof queue === 'string' && queue !== ''
    options.queue = fits ? queue : section.refuse('queue', 'give the name of a queue')
  }
  if (section.take('priority') !== undefined) {
    options.priority = section.number('priority', 5, { min: 1, max: 10 })
  }
  const timeout = section.take('timeout')
  if (timeout !== undefined) {
    options.timeout = timeout === null ? null : section.duration('timeout', 0)
  }
  const retry = section.take('retry')
  if (retry !== undefined) {
    const fits = retry === false || (typeof retry === 'object' && retry !== null)
    options.retry = fits
      ? (retry as HandlerOptions['retry'])
      : section.refuse('retry', 'give false or { retries, backoff, delay, maxDelay, jitter }')
  }
  section.end()
  return options
}

/** A text that is required. @throws E_INVALID_CONFIG */
export function readText(reader: ConfigReader, key: string, remedy: string): string {
  const value = reader.take(key)
  return typeof value === 'string' && value !== '' ? value : reader.refuse(key, remedy)
}

/** Variables of an environment, by name. @throws E_INVALID_CONFIG */
export function readPairs(reader: ConfigReader, key: string): Record<string, string> {
  const section = reader.section(key)
  return Object.fromEntries(
    section.keys().map((name) => {
      const value = section.take(name)
      const wrong = wrongPair(name, value)
      if (wrong !== null) {
        // Not through refuse: its message would show the value, which may be a secret
        throw new E_INVALID_CONFIG([section.pathOf(name), ...wrong])
      }
      return [name, value as string]
    })
  )
}

/** What is wrong with a variable, and the remedy; null when it may be handed to a program. */
function wrongPair(name: string, value: unknown): [state: string, remedy: string] | null {
  if (name === '' || /[=\0]/.test(name)) {
    return ['not the name of a variable', 'leave "=" and NUL out of it']
  }
  if (typeof value !== 'string') {
    return [value === undefined ? 'missing' : 'not a text', 'give a text']
  }
  return value.includes('\0') ? ['a text with a NUL', 'leave that character out'] : null
}
