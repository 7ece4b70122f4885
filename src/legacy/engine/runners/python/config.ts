import { isAbsolute } from 'node:path'
import type { ConfigReader } from '../../../../config/reader.ts'
import type { Duration } from '../../../../duration.ts'
import { readPairs, readText } from '../../../../handlers/options.ts'

/** How flows in Python are run. */
export interface PythonInput {
  /** Name of the Python module that opens connections: see docs/legacy_runners.md. */
  connections: string
  /** A program on the PATH, or an absolute path. Python 3.8 or newer. Default `python3`. */
  interpreter?: string
  /** Absolute folders that modules are imported from first. */
  path?: string[]
  /** Absolute. Default: that of this process. */
  cwd?: string
  /** Names of variables handed on from this process. Default PATH, HOME, LANG, LC_ALL, TZ. */
  passEnv?: string[]
  /** Environment set for the flow. */
  env?: Record<string, string>
  /** Like `env`; the values are hidden wherever the flow prints them. */
  secretEnv?: Record<string, string>
  /** Longest run of a flow. Default: as for any handler; null: none. */
  timeout?: Duration | null
  /** How long the interpreter may take to begin. Default `10s`. */
  startTimeout?: Duration
  /** Between SIGTERM and SIGKILL. Default `5s`. */
  grace?: Duration
  /** Bytes of output kept in the execution's log. Default 256 KiB. */
  maxOutput?: number
}

/** Durations in ms. */
export interface PythonConfig {
  connections: string
  interpreter: string
  path: string[]
  cwd: string | null
  passEnv: string[]
  env: Record<string, string>
  secretEnv: Record<string, string>
  /** undefined: the default of all handlers; null: none. */
  timeout: number | null | undefined
  startTimeout: number
  grace: number
  /** bytes */
  maxOutput: number
}

const MODULE = /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/
const DEFAULT_ENV = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ']

/** @throws E_INVALID_CONFIG */
export function readPython(reader: ConfigReader): PythonConfig {
  const module = 'name the Python module that opens the connections of flows, such as "warehouse"'
  const connections = readText(reader, 'connections', module)
  if (!MODULE.test(connections)) {
    reader.refuse('connections', module)
  }
  const config: PythonConfig = {
    connections,
    interpreter: readInterpreter(reader),
    path: reader.texts('path', 'give a list of absolute folders', isAbsolute) ?? [],
    cwd: readFolder(reader),
    passEnv: reader.texts('passEnv', 'give a list of names', (name) => name !== '') ?? DEFAULT_ENV,
    env: readPairs(reader, 'env'),
    secretEnv: readPairs(reader, 'secretEnv'),
    timeout: readTimeout(reader),
    startTimeout: reader.duration('startTimeout', 10_000),
    grace: reader.duration('grace', 5_000, 0),
    maxOutput: reader.number('maxOutput', 262_144),
  }
  reader.end()
  return config
}

function readInterpreter(reader: ConfigReader): string {
  const value = reader.take('interpreter') ?? 'python3'
  const fits = typeof value === 'string' && (isAbsolute(value) || /^[\w.-]+$/.test(value))
  return fits ? value : reader.refuse('interpreter', 'name a program, or give its absolute path')
}

function readFolder(reader: ConfigReader): string | null {
  const value = reader.take('cwd') ?? null
  const fits = value === null || (typeof value === 'string' && isAbsolute(value))
  return fits ? value : reader.refuse('cwd', 'give an absolute folder')
}

function readTimeout(reader: ConfigReader): number | null | undefined {
  const value = reader.take('timeout')
  return value === undefined || value === null ? value : reader.duration('timeout', 0)
}
