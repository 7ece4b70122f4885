import type { JsonObject, JsonValue } from '../../../../types/json.ts'
import type { RunParams } from '../../../params.ts'

/** How a job says that it ended, in upper case, and what that is in DWPRCLOG. */
export const STATUSES: Record<string, 'PC' | 'FL' | 'ST'> = {
  SUCCESS: 'PC',
  SUCCEEDED: 'PC',
  SUCCESSFUL: 'PC',
  COMPLETED: 'PC',
  COMPLETE: 'PC',
  DONE: 'PC',
  OK: 'PC',
  PC: 'PC',
  TRUE: 'PC',
  FAILED: 'FL',
  FAILURE: 'FL',
  FAIL: 'FL',
  ERROR: 'FL',
  FL: 'FL',
  FALSE: 'FL',
  STOPPED: 'ST',
  CANCELLED: 'ST',
  ST: 'ST',
}

/** What the interpreter is told, in one line. */
export interface PythonJob {
  code: string
  mapref: string
  /** Name of the connection module. */
  connections: string
  /** Folders that modules are imported from first. */
  path: string[]
  statuses: typeof STATUSES
  session_params: SessionParams
}

/** `session_params`, as the contract names its keys. */
export type SessionParams = RunParams & {
  prcid: number
  sessionid: number
  mapref: string
  request_params: JsonObject
}

export type Call = { type: 'call'; verb: 'load' | 'save' | 'complete'; value: JsonValue }

export type Answer =
  /** Counts that the job named; `end` in the words of DWPRCLOG. */
  | {
      type: 'result'
      source_rows: number | null
      target_rows: number | null
      error_rows: number | null
      end: 'PC' | 'FL' | 'ST'
      message: string | null
    }
  /** The flow cannot be run as it is, or its result cannot be used. */
  | { type: 'refused'; message: string }
  /** What execute_job raised. */
  | { type: 'error'; message: string; words: string; traceback: string; codes: string[] }

export type FromPython = { type: 'ready' } | Call | Answer

const COUNTS = ['source_rows', 'target_rows', 'error_rows'] as const

/** A line that came over the channel. @returns null for one that is none of these messages */
export function readMessage(line: string): FromPython | null {
  let message: Record<string, unknown>
  try {
    message = JSON.parse(line) as Record<string, unknown>
  } catch {
    return null
  }
  switch (message?.type) {
    case 'ready':
      return { type: 'ready' }
    case 'call':
      return ['load', 'save', 'complete'].includes(message.verb as string)
        ? (message as Call)
        : null
    case 'result':
      return isResult(message) ? (message as Answer) : null
    case 'refused':
      return typeof message.message === 'string' ? (message as Answer) : null
    case 'error':
      return typeof message.message === 'string' && Array.isArray(message.codes)
        ? (message as Answer)
        : null
    default:
      return null
  }
}

function isResult(message: Record<string, unknown>): boolean {
  const fits = COUNTS.every((name) => message[name] === null || Number.isSafeInteger(message[name]))
  return fits && ['PC', 'FL', 'ST'].includes(message.end as string)
}
