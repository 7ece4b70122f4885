import type { ExecutionError } from '../types/executions.ts'

/** Longest texts that are kept of an error, in characters. */
export const MAX_MESSAGE = 4_000
const MAX_STACK = 8_000
/** Errors kept of a chain of causes, the first included. */
const MAX_DEPTH = 4

/**
 * What is stored of whatever was thrown: name, message, code and stack, with
 * the chain of causes, each cut to a bounded length. Never throws: of a part
 * that cannot be read (its getter or a proxy throws) the record says just that.
 */
export function toExecutionError(thrown: unknown, depth = 1): ExecutionError {
  if (!isError(thrown)) {
    return { name: 'Error', message: cut(describe(thrown), MAX_MESSAGE) }
  }
  const record: ExecutionError = {
    name: readPart('name', () => String(thrown.name)),
    message: cut(
      readPart('message', () => messageOf(thrown)),
      MAX_MESSAGE
    ),
  }
  const code = readPart('code', () => (thrown as { code?: unknown }).code)
  if (typeof code === 'string' || typeof code === 'number') {
    record.code = String(code)
  }
  const stack = readPart('stack', () => thrown.stack)
  if (typeof stack === 'string') {
    record.stack = cut(stack, MAX_STACK)
  }
  const cause = readPart('cause', () => thrown.cause)
  if (cause !== undefined && cause !== null && depth < MAX_DEPTH) {
    record.cause = toExecutionError(cause, depth + 1)
  }
  return record
}

/** Several errors as one often say nothing themselves: Node.js does so of a connection that all addresses refuse. */
function messageOf(error: Error): string {
  const message = String(error.message)
  return message === '' && error instanceof AggregateError
    ? error.errors.map((part) => toExecutionError(part, MAX_DEPTH).message).join(' · ')
    : message
}

/** Whether a value is an Error; one that does not let itself be asked is none. */
export function isError(value: unknown): value is Error {
  try {
    return value instanceof Error
  } catch {
    return false
  }
}

/** A part of an error; the words that stand for it when its getter throws. */
function readPart<T>(part: string, read: () => T): T | string {
  try {
    return read()
  } catch {
    return `(the ${part} of the error could not be read)`
  }
}

function describe(thrown: unknown): string {
  if (typeof thrown === 'string') {
    return thrown
  }
  try {
    return JSON.stringify(thrown) ?? String(thrown)
  } catch {
    return kindOf(thrown)
  }
}

/** Of a cycle or a bigint its kind is all that can be said; of a hostile proxy not even that. */
function kindOf(thrown: unknown): string {
  try {
    return Object.prototype.toString.call(thrown)
  } catch {
    return '(what was thrown could not be read)'
  }
}

/** The text, or its beginning with an ellipsis. */
export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).toWellFormed()}…`
}
