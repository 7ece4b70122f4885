import { join } from 'node:path'
import type { Clock } from '../../clock.ts'
import type { HandlerContext } from '../../types/handlers.ts'
import { ACE_HANDLER } from '../names.ts'
import { PayloadReader } from '../payload.ts'
import { MAX_ARGUMENTS } from '../process/handler.ts'
import { pickEnv, runProgram, type ProcessResult } from '../process/run.ts'
import type { AceConfig } from './config.ts'

export interface AcePayload {
  command: string
  args?: string[]
}

interface Deps {
  config: AceConfig
  clock: Clock
  /** The environment of this process: a command of the app needs what the app needs. */
  env: Record<string, string | undefined>
  /** The app's root, where its ace.js lies. */
  root: string
}

/** The handler `almanac.ace`: `node ace <command> …args` in a process of its own. */
export function aceHandler({ config, clock, env, root }: Deps) {
  return async function almanacAce(context: HandlerContext): Promise<ProcessResult> {
    const reader = new PayloadReader(context.payload)
    const command = reader.name('command', config.commands, 'a command') ?? ''
    const args = reader.texts('args', MAX_ARGUMENTS)
    reader.finish(ACE_HANDLER)
    const spec = {
      file: process.execPath,
      args: [join(root, 'ace.js'), command, ...args],
      cwd: root,
      env: pickEnv(env, Object.keys(env)),
    }
    return runProgram({ title: `ace ${command}`, spec, config }, context, clock)
  }
}
