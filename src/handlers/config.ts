import { type ConfigReader } from '../config/reader.ts'
import { readAce, type AceConfig, type AceInput } from './ace/config.ts'
import {
  readChores,
  readCleanup,
  type CleanupChore,
  type CleanupChoreInput,
  type CleanupConfig,
  type CleanupInput,
} from './cleanup/config.ts'
import { readHttp, type HttpConfig, type HttpInput } from './http/config.ts'
import { readProcess, type ProcessConfig, type ProcessInput } from './process/config.ts'
import { readSql, type SqlConfig, type SqlInput } from './sql/config.ts'

/** `builtIn` of config/almanac.ts: each handler is off unless its key is there. */
export interface BuiltInInput {
  /** `almanac.ace`: commands of the app. */
  ace?: AceInput
  /** `almanac.process`: programs. */
  process?: ProcessInput
  /** `almanac.http`: requests. */
  http?: HttpInput
  /** `almanac.sql`: statements. */
  sql?: SqlInput
  /** `almanac.cleanup`: old files. */
  cleanup?: CleanupInput
}

/** What config/almanac.ts says of the built-in handlers. */
export interface BuiltInKeys {
  /** The built-in handlers, each with what it may do. */
  builtIn?: BuiltInInput
  /** Folders that every working process keeps tidy by itself. */
  cleanup?: CleanupChoreInput[]
}

export interface BuiltInConfig {
  ace?: AceConfig
  process?: ProcessConfig
  http?: HttpConfig
  sql?: SqlConfig
  cleanup?: CleanupConfig
  chores: CleanupChore[]
}

/**
 * Reads `builtIn` and `cleanup`.
 *
 * @param root the app's root, from which folders are named
 * @throws E_INVALID_CONFIG naming the key, its value and the remedy
 */
export function readBuiltIn(reader: ConfigReader, root: string): BuiltInConfig {
  const section = reader.section('builtIn')
  const given = <T>(key: string, read: (own: ConfigReader) => T) =>
    section.take(key) === undefined ? undefined : read(section.section(key))
  const config: BuiltInConfig = {
    ace: given('ace', readAce),
    process: given('process', (own) => readProcess(own, root)),
    http: given('http', readHttp),
    sql: given('sql', readSql),
    cleanup: given('cleanup', (own) => readCleanup(own, root)),
    chores: readChores(reader, root),
  }
  section.end()
  return config
}
