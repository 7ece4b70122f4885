import { isAbsolute, resolve } from 'node:path'
import type { ConfigReader } from '../../config/reader.ts'
import type { Duration } from '../../duration.ts'
import { readOptions, readPairs, readText, type BuiltInOptions } from '../options.ts'

/** What `ace` and `process` both say of their child processes. */
export interface ChildInput {
  /** Exit codes after which it is tried again; any other than 0 fails for good. */
  retryExitCodes?: number[]
  /** Between SIGTERM and SIGKILL. Default `5s`. */
  grace?: Duration
  /** Bytes of output kept in the execution's log. Default 256 KiB. */
  maxOutput?: number
  /** Environment set for the child. */
  env?: Record<string, string>
  /** Like `env`; the values are hidden wherever the child prints them. */
  secretEnv?: Record<string, string>
  options?: BuiltInOptions
}

export interface CommandInput {
  /** Absolute. */
  path: string
  /** Arguments before those of the payload. */
  args?: string[]
  /** What each argument of a payload must match as a whole; false allows none. Default: any. */
  accept?: RegExp | false
  /** Working folder, from the app's root. */
  cwd?: string
}

export interface ProcessInput extends ChildInput {
  /** Programs that may run: absolute paths, or paths by name. */
  commands: string[] | Record<string, string | CommandInput>
  /** Names of variables handed on from this process. Default PATH, HOME, LANG, TZ. */
  passEnv?: string[]
  /** Working folder, from the app's root. Default: the app's root. */
  cwd?: string
}

export interface ChildConfig {
  retryExitCodes: number[]
  /** ms */
  grace: number
  /** bytes */
  maxOutput: number
  env: Record<string, string>
  secretEnv: Record<string, string>
  options: BuiltInOptions
}

export interface Command {
  path: string
  args: string[]
  accepts(argument: string): boolean
  /** As a message says it. */
  accepted: string
  cwd: string
}

export interface ProcessConfig extends ChildConfig {
  commands: Map<string, Command>
  passEnv: string[]
}

const DEFAULT_ENV = ['PATH', 'HOME', 'LANG', 'TZ']

/** @throws E_INVALID_CONFIG */
export function readChild(reader: ConfigReader): ChildConfig {
  return {
    retryExitCodes: readCodes(reader),
    grace: reader.duration('grace', 5_000, 0),
    maxOutput: reader.number('maxOutput', 262_144),
    env: readPairs(reader, 'env'),
    secretEnv: readPairs(reader, 'secretEnv'),
    options: readOptions(reader),
  }
}

/** @throws E_INVALID_CONFIG */
export function readProcess(reader: ConfigReader, root: string): ProcessConfig {
  const cwd = readFolder(reader, root)
  const remedy = 'give a list of names of environment variables'
  const config: ProcessConfig = {
    ...readChild(reader),
    commands: readCommands(reader, cwd),
    passEnv: reader.texts('passEnv', remedy, (name) => name !== '') ?? DEFAULT_ENV,
  }
  reader.end()
  return config
}

function readCodes(reader: ConfigReader): number[] {
  const codes = reader.take('retryExitCodes') ?? []
  const fits =
    Array.isArray(codes) &&
    codes.every((code) => Number.isInteger(code) && code >= 1 && code <= 255)
  return fits ? codes : reader.refuse('retryExitCodes', 'give a list of numbers from 1 to 255')
}

function readFolder(reader: ConfigReader, root: string): string {
  return reader.take('cwd') === undefined
    ? root
    : resolve(root, readText(reader, 'cwd', 'give a folder'))
}

function readCommands(reader: ConfigReader, cwd: string): Map<string, Command> {
  const value = reader.take('commands')
  const remedy = 'give absolute paths of programs, or an object of them by name'
  if (Array.isArray(value)) {
    const paths = reader.texts('commands', remedy, isAbsolute) ?? []
    return new Map(paths.map((path) => [path, plainCommand(path, cwd)]))
  }
  if (value === null || typeof value !== 'object') {
    reader.refuse('commands', remedy)
  }
  const section = reader.section('commands')
  return new Map(section.keys().map((name) => [name, readCommand(section, name, cwd)]))
}

function readCommand(section: ConfigReader, name: string, cwd: string): Command {
  const value = section.take(name)
  if (typeof value === 'string') {
    return isAbsolute(value)
      ? plainCommand(value, cwd)
      : section.refuse(name, 'give the absolute path of a program')
  }
  const reader = section.section(name)
  const path = readText(reader, 'path', 'give the absolute path of a program')
  if (!isAbsolute(path)) {
    reader.refuse('path', 'give the absolute path of a program')
  }
  const command: Command = {
    path,
    args: reader.texts('args', 'give a list of texts', () => true) ?? [],
    ...readAccept(reader),
    cwd: readFolder(reader, cwd),
  }
  reader.end()
  return command
}

function readAccept(reader: ConfigReader): Pick<Command, 'accepts' | 'accepted'> {
  const accept = reader.take('accept')
  if (accept === undefined) {
    return { accepts: () => true, accepted: 'anything' }
  }
  if (accept === false) {
    return { accepts: () => false, accepted: 'no argument' }
  }
  if (!(accept instanceof RegExp)) {
    return reader.refuse('accept', 'give false or a regular expression')
  }
  const whole = new RegExp(`^(?:${accept.source})$`, accept.flags.replace(/[gmy]/g, ''))
  return { accepts: (argument) => whole.test(argument), accepted: `only ${accept}` }
}

function plainCommand(path: string, cwd: string): Command {
  return { path, args: [], accepts: () => true, accepted: 'anything', cwd }
}
