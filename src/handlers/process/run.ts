import type { Clock } from '../../clock.ts'
import { Failed } from '../../jobs/outcome.ts'
import type { HandlerContext } from '../../types/handlers.ts'
import { redactor } from '../redact.ts'
import { runChild, type ChildEnd, type ChildSpec } from './child.ts'
import type { ChildConfig } from './config.ts'
import { Output } from './output.ts'

/** What a program that ended with 0 leaves as the result of its execution. */
export interface ProcessResult {
  exitCode: number
  /** bytes */
  stdout: number
  stderr: number
  /** Whether all output is in the log. */
  complete: boolean
  /** The end of stdout. */
  tail: string
}

interface Run {
  /** As messages name it. */
  title: string
  spec: Omit<ChildSpec, 'grace' | 'mark'>
  config: ChildConfig
}

/**
 * Runs a program for one attempt. Its output goes into the execution's log,
 * its exit code is the outcome.
 *
 * @throws Failed on an exit code that is not to be tried again, an Error on one that is
 */
export async function runProgram(
  { title, spec, config }: Run,
  { logger, signal, execution, attempt }: HandlerContext,
  clock: Clock
): Promise<ProcessResult> {
  const redact = redactor(Object.values(config.secretEnv))
  const output = new Output({ logger, maxOutput: config.maxOutput, redact })
  const env = { ...spec.env, ...config.env, ...config.secretEnv }
  const mark = `${execution.id}.${attempt}`
  const end = await runChild(
    { ...spec, env, mark, grace: config.grace },
    { clock, signal, onOutput: (stream, chunk) => output.add(stream, chunk) }
  )
  output.end()
  if (end.code === 0) {
    const { bytes, complete } = output
    return { exitCode: 0, ...bytes, complete, tail: output.tail('stdout') }
  }
  signal.throwIfAborted()
  throw failure(title, end, output, config)
}

function failure(title: string, end: ChildEnd, output: Output, config: ChildConfig): Error {
  const how = end.code === null ? `was ended by ${end.signal}` : `ended with code ${end.code}`
  const tail = output.tail('stderr')
  const message = `${title} ${how}${tail ? `: ${tail}` : ''}`
  // A signal from outside (out of memory, an operator) says nothing about the next try
  const again = end.code === null || config.retryExitCodes.includes(end.code)
  return again ? new Error(message) : new Failed(message, { result: { exitCode: end.code } })
}

/** The variables of this process that a child is handed. */
export function pickEnv(
  env: Record<string, string | undefined>,
  names: Iterable<string>
): Record<string, string> {
  const picked: Record<string, string> = {}
  for (const name of names) {
    const value = env[name]
    if (value !== undefined) {
      picked[name] = value
    }
  }
  return picked
}
