import { fileURLToPath } from 'node:url'
import type { Clock } from '../../../../clock.ts'
import { runChild, type ChildSpec } from '../../../../handlers/process/child.ts'
import { Output } from '../../../../handlers/process/output.ts'
import { pickEnv } from '../../../../handlers/process/run.ts'
import { redactor } from '../../../../handlers/redact.ts'
import type { RunCounts, Runner, RunnerInput } from '../runner.ts'
import type { PythonConfig } from './config.ts'
import { endOf } from './end.ts'
import { STATUSES, type PythonJob } from './messages.ts'
import { PythonTalk } from './talk.ts'

const BOOTSTRAP = fileURLToPath(new URL('bootstrap.py', import.meta.url))
/** Unbuffered, without files beside the modules, and UTF-8 whatever the locale. */
const OPTIONS = ['-u', '-B', '-X', 'utf8']

interface Deps {
  config: PythonConfig
  clock: Clock
  /** The environment of this process. */
  env: Record<string, string | undefined>
}

/**
 * Runs DWLOGIC that defines `execute_job`, in a process of its own: an
 * environment that config allows, no code in its arguments, and an end by
 * force when the run is stopped or times out.
 */
export class PythonRunner implements Runner {
  readonly name = 'python'
  readonly atomic = false
  readonly endsByForce = true
  readonly timeout: number | null | undefined
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
    this.timeout = deps.config.timeout
  }

  /** @throws E_PYTHON_FLOW, with the traceback where execute_job raised */
  async run(input: RunnerInput): Promise<RunCounts | null> {
    const { config, clock, env } = this.#deps
    const { signal, logger, context, mapref } = input
    const redact = redactor(Object.values(config.secretEnv))
    const output = new Output({ logger, maxOutput: config.maxOutput, redact })
    const { startTimeout } = config
    const talk = new PythonTalk({ clock, startTimeout, job: jobOf(input, config), ...input })
    const spec: ChildSpec = {
      file: config.interpreter,
      args: [...OPTIONS, BOOTSTRAP],
      cwd: config.cwd ?? process.cwd(),
      env: { ...pickEnv(env, config.passEnv), ...config.env, ...config.secretEnv },
      grace: config.grace,
      mark: `${context.execution.id}.${context.attempt}`,
      onPipe: (pipe) => talk.begin(pipe),
    }
    try {
      const exit = await runChild(spec, {
        clock,
        signal: AbortSignal.any([signal, talk.over]),
        onOutput: (stream, chunk) => output.add(stream, chunk),
      })
      output.end()
      return endOf({ mapref, talk, exit, signal, redact, stderr: output.tail('stderr') })
    } finally {
      talk.close()
    }
  }
}

function jobOf(
  { flow, params, prcid, sessionId, mapref, requestParams }: RunnerInput,
  config: PythonConfig
) {
  const job: PythonJob = {
    code: flow.dwlogic ?? '',
    mapref,
    connections: config.connections,
    path: config.path,
    statuses: STATUSES,
    session_params: {
      prcid,
      sessionid: sessionId,
      mapref,
      ...params,
      request_params: requestParams,
    },
  }
  return job
}
