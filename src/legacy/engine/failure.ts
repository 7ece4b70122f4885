import { Cancelled, Failed, Missed, Succeeded } from '../../jobs/outcome.ts'
import type { AbortReason } from '../../types/handlers.ts'
import type { LogicEnd } from './flow_run.ts'

/** The end of a run that failed. `type` goes into ERRTYP, at most 10 characters. */
export function failure(
  type: string,
  message: string,
  databaseMessage: string | null = null
): LogicEnd {
  return { status: 'FL', counts: null, error: { type, message, databaseMessage } }
}

/** The end that a throw of the logic means, given why its signal was aborted; `elapsed` in ms. */
export function endOfThrow(
  thrown: unknown,
  aborted: AbortReason | null,
  elapsed: number
): LogicEnd {
  if (thrown instanceof Succeeded) {
    return { status: 'PC', counts: null, error: null }
  }
  if (thrown instanceof Cancelled) {
    return { ...failure('STOPPED', thrown.reason), status: 'ST' }
  }
  if (thrown instanceof Missed) {
    return failure('MISSED', thrown.reason)
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  switch (aborted) {
    case 'cancelled':
      return { ...failure('STOPPED', 'stopped on request'), status: 'ST' }
    case 'timeout':
      return failure('TIMEOUT', `timed out after ${Math.round(elapsed)} ms`)
    case 'shutdown':
      return failure('SHUTDOWN', `stopped by the shutdown of the node: ${message}`)
    default:
      return failure(thrown instanceof Failed ? 'FAILED' : 'ERROR', message, databaseText(thrown))
  }
}

/** The logic says itself how it ended, whatever its signal says. */
export function isExplicit(error: unknown): boolean {
  return error instanceof Succeeded || error instanceof Cancelled || error instanceof Missed
}

/** What a database driver said, or the traceback of a flow in Python; null for any other error. */
export function databaseText(thrown: unknown): string | null {
  const { traceback } = (thrown ?? {}) as { traceback?: unknown }
  if (typeof traceback === 'string') {
    return traceback
  }
  let current = thrown
  for (let depth = 0; depth < 5 && current instanceof Error; depth++) {
    const { code, errno } = current as { code?: unknown; errno?: unknown }
    const isDriver = typeof errno === 'number' || /^(SQLITE_|ER_|ORA-|NJS-|\d)/.test(String(code))
    if (isDriver) {
      return `${String(code)}: ${current.message}`
    }
    current = current.cause
  }
  return null
}
