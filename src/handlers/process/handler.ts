import type { Clock } from '../../clock.ts'
import type { HandlerContext } from '../../types/handlers.ts'
import { PROCESS_HANDLER } from '../names.ts'
import { PayloadReader } from '../payload.ts'
import type { ProcessConfig } from './config.ts'
import { pickEnv, runProgram, type ProcessResult } from './run.ts'

/** Arguments of one call, and characters of one argument. */
export const MAX_ARGUMENTS = { count: 256, max: 32_768 }

export interface ProcessPayload {
  /** Its name in `builtIn.process.commands`, or the path where those are listed. */
  command: string
  args?: string[]
}

interface Deps {
  config: ProcessConfig
  clock: Clock
  /** The environment of this process. */
  env: Record<string, string | undefined>
}

/** The handler `almanac.process`: runs one of the programs that config allows. */
export function processHandler({ config, clock, env }: Deps) {
  return async function almanacProcess(context: HandlerContext): Promise<ProcessResult> {
    const { title, command, args } = readPayload(context.payload, config)
    const spec = {
      file: command.path,
      args: [...command.args, ...args],
      cwd: command.cwd,
      env: pickEnv(env, config.passEnv),
    }
    return runProgram({ title, spec, config }, context, clock)
  }
}

function readPayload(payload: unknown, { commands }: ProcessConfig) {
  const reader = new PayloadReader(payload)
  const name = reader.name('command', commands.keys(), 'a command') ?? ''
  const command = commands.get(name)
  const args = reader.texts('args', MAX_ARGUMENTS)
  for (const [index, argument] of args.entries()) {
    if (command && !command.accepts(argument)) {
      reader.report(`args[${index}]`, argument, `config accepts ${command.accepted} for "${name}"`)
    }
  }
  reader.finish(PROCESS_HANDLER)
  return { title: name, command: command!, args }
}
