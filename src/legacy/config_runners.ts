import type { ConfigReader } from '../config/reader.ts'
import { readRetryPolicy } from '../config/retry.ts'
import type { ResolvedRetryPolicy, RetryPolicy } from '../types/handlers.ts'
import { readPython, type PythonConfig, type PythonInput } from './engine/runners/python/config.ts'

/** What of DWLOGIC may run, by kind. */
export interface RunnersInput {
  sql?: boolean
  plsql?: boolean
  python?: PythonInput | false
}

export interface RunnersConfig {
  sql: boolean
  plsql: boolean
  /** null: not allowed. */
  python: PythonConfig | null
}

/** @throws E_INVALID_CONFIG */
export function readRunners(reader: ConfigReader): RunnersConfig {
  const python = reader.take('python')
  if (python === true) {
    reader.refuse(
      'python',
      'give { connections: "…" }, which names the module that opens connections'
    )
  }
  const runners: RunnersConfig = {
    sql: reader.boolean('sql', false),
    plsql: reader.boolean('plsql', false),
    python: python === undefined || python === false ? null : readPython(reader.section('python')),
  }
  reader.end()
  return runners
}

/** Tries of flows that met a transient error; false or nothing: none. */
export type LegacyRetryInput = Partial<RetryPolicy> | false

/**
 * @param fallback what holds where the key is not given
 * @returns null where flows are not tried again
 * @throws E_INVALID_CONFIG
 */
export function readLegacyRetry(
  reader: ConfigReader,
  fallback: ResolvedRetryPolicy | null
): ResolvedRetryPolicy | null {
  const value = reader.take('retry')
  if (value === undefined) {
    return fallback
  }
  return value === false
    ? null
    : readRetryPolicy(reader.section('retry'), {
        retries: 3,
        backoff: 'exponential',
        delay: 10_000,
        maxDelay: 900_000,
        jitter: 0.2,
      })
}
