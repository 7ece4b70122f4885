import { E_PYTHON_FLOW } from '../../../../errors.ts'
import type { ChildEnd } from '../../../../handlers/process/child.ts'
import { Cancelled } from '../../../../jobs/outcome.ts'
import { isTransient } from '../../../connection.ts'
import type { RunCounts } from '../runner.ts'
import type { Answer } from './messages.ts'

interface Ending {
  mapref: string
  talk: { answer: Answer | null; problem: string | null }
  exit: ChildEnd
  signal: AbortSignal
  redact(text: string): string
  /** The last lines of the standard error. */
  stderr: string
}

/** The frames of a flow that raised: for the long column of the error row. */
export type WithTraceback = Error & { traceback: string }

/**
 * The counts of a flow in Python, once its process is gone.
 *
 * @throws E_PYTHON_FLOW, Cancelled where the flow says that it stopped, or the signal's reason
 */
export function endOf(ending: Ending): RunCounts | null {
  const { mapref, talk, signal } = ending
  if (talk.problem !== null) {
    throw new E_PYTHON_FLOW([mapref, talk.problem])
  }
  if (talk.answer?.type === 'result') {
    return resultOf(mapref, talk.answer)
  }
  signal.throwIfAborted()
  if (talk.answer === null) {
    throw new E_PYTHON_FLOW([mapref, unanswered(ending)])
  }
  throw talk.answer.type === 'refused'
    ? new E_PYTHON_FLOW([mapref, talk.answer.message])
    : raised(ending, talk.answer)
}

function resultOf(mapref: string, answer: Extract<Answer, { type: 'result' }>): RunCounts | null {
  const { source_rows: source, target_rows: target, error_rows: errors, end, message } = answer
  if (end === 'ST') {
    throw new Cancelled(message ?? 'the flow says that it stopped')
  }
  if (end === 'FL') {
    throw new E_PYTHON_FLOW([mapref, message ?? 'execute_job returned a status of failure'])
  }
  const negative = [source, target, errors].find((count) => count !== null && count < 0)
  if (negative !== undefined) {
    throw new E_PYTHON_FLOW([mapref, `execute_job returned ${negative} rows; give 0 or more`])
  }
  return source === null && target === null && errors === null
    ? null
    : { sourceRows: source ?? 0, targetRows: target ?? 0, errorRows: errors ?? 0 }
}

function unanswered({ exit, stderr }: Ending): string {
  const how = exit.code === null ? `was ended by ${exit.signal}` : `ended with code ${exit.code}`
  const last = stderr.split('\n').at(-1)
  return `the interpreter ${how} and gave no answer${last ? `: ${last}` : ''}`
}

/** The code that makes it worth another try comes first; drivers hide it in one of several places. */
function raised({ redact }: Ending, answer: Extract<Answer, { type: 'error' }>): WithTraceback {
  const causes = answer.codes.map((code) =>
    Object.assign(new Error(redact(answer.words)), { code: String(code) })
  )
  const cause = causes.find(isTransient) ?? causes[0] ?? new Error(redact(answer.words))
  const error = new Error(redact(answer.message), { cause })
  return Object.assign(error, { traceback: redact(answer.traceback) })
}
