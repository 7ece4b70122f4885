import type { ExecutionError } from '../types/executions.ts'

/** Longest texts that are kept of an error, in characters. */
const MAX_MESSAGE = 4_000
const MAX_STACK = 8_000
/** Errors kept of a chain of causes, the first included. */
const MAX_DEPTH = 4

/**
 * What is stored of whatever was thrown: name, message, code and stack, with
 * the chain of causes, each cut to a bounded length.
 */
export function toExecutionError(thrown: unknown, depth = 1): ExecutionError {
  if (!(thrown instanceof Error)) {
    return { name: 'Error', message: cut(describe(thrown), MAX_MESSAGE) }
  }
  const record: ExecutionError = {
    name: String(thrown.name),
    message: cut(String(thrown.message), MAX_MESSAGE),
  }
  const { code } = thrown as { code?: unknown }
  if (typeof code === 'string' || typeof code === 'number') {
    record.code = String(code)
  }
  if (typeof thrown.stack === 'string') {
    record.stack = cut(thrown.stack, MAX_STACK)
  }
  if (thrown.cause !== undefined && thrown.cause !== null && depth < MAX_DEPTH) {
    record.cause = toExecutionError(thrown.cause, depth + 1)
  }
  return record
}

function describe(thrown: unknown): string {
  if (typeof thrown === 'string') {
    return thrown
  }
  try {
    return JSON.stringify(thrown) ?? String(thrown)
  } catch {
    // A cycle or a bigint: its kind is all that can be said of it
    return Object.prototype.toString.call(thrown)
  }
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).toWellFormed()}…`
}
