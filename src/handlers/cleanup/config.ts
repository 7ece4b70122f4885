import { isAbsolute, relative, resolve, sep } from 'node:path'
import { everyPattern } from '../../config/every_pattern.ts'
import { ConfigReader } from '../../config/reader.ts'
import type { Duration } from '../../duration.ts'
import { readOptions, readText, type BuiltInOptions } from '../options.ts'
import { GLOB_REMEDY, isGlob, type CleanupRule } from './rule.ts'

export interface CleanupInput {
  /** Folders that payloads may name, by name; from the app's root. */
  folders: Record<string, string>
  options?: BuiltInOptions
}

/** A folder that every working process keeps tidy by itself. */
export interface CleanupChoreInput {
  /** From the app's root. */
  folder: string
  /** Default: every file that is not hidden. */
  match?: string | string[]
  olderThan?: Duration
  /** Bytes of all matching files together. */
  maxBytes?: number
  /** Default false. */
  dryRun?: boolean
  /** Default false. */
  removeEmpty?: boolean
  /** An even part of a minute, an hour or a day. Default `1h`. */
  every?: Duration
}

export interface CleanupConfig {
  folders: Map<string, string>
  options: BuiltInOptions
}

export type CleanupChore = CleanupRule & {
  /** ms */
  every: number
}

/** @throws E_INVALID_CONFIG */
export function readCleanup(reader: ConfigReader, root: string): CleanupConfig {
  const folders = reader.section('folders')
  const config: CleanupConfig = {
    folders: new Map(folders.keys().map((name) => [name, readFolder(folders, name, root)])),
    options: readOptions(reader),
  }
  reader.end()
  return config
}

/**
 * Reads `cleanup`.
 *
 * @throws E_INVALID_CONFIG
 */
export function readChores(reader: ConfigReader, root: string): CleanupChore[] {
  const list = reader.take('cleanup') ?? []
  if (!Array.isArray(list)) {
    reader.refuse('cleanup', 'give a list of { folder, olderThan, … }')
  }
  return list.map((one, index) => readChore(new ConfigReader(one, `cleanup[${index}]`), root))
}

function readChore(reader: ConfigReader, root: string): CleanupChore {
  const chore: CleanupChore = {
    folder: readFolder(reader, 'folder', root),
    match: readGlobs(reader),
    olderThan: reader.take('olderThan') === undefined ? null : reader.duration('olderThan', 0),
    maxBytes: reader.take('maxBytes') === undefined ? null : reader.number('maxBytes', 0),
    dryRun: reader.boolean('dryRun', false),
    removeEmpty: reader.boolean('removeEmpty', false),
    every: reader.duration('every', 3_600_000, 1_000),
  }
  if (chore.olderThan === null && chore.maxBytes === null) {
    reader.refuse('olderThan', 'give olderThan or maxBytes: without both nothing is too much')
  }
  if (everyPattern(chore.every) === null) {
    reader.refuse('every', 'give an even part of a minute, an hour or a day, such as 5m or 1h')
  }
  reader.end()
  return chore
}

function readGlobs(reader: ConfigReader): string[] {
  const value = reader.take('match') ?? '**'
  const globs: unknown[] = Array.isArray(value) ? value : [value]
  const fits = globs.length > 0 && globs.every((glob) => typeof glob === 'string' && isGlob(glob))
  return fits ? (globs as string[]) : reader.refuse('match', GLOB_REMEDY)
}

/** Neither the app itself nor anything around it. */
function readFolder(reader: ConfigReader, key: string, root: string): string {
  const folder = resolve(root, readText(reader, key, 'give a folder'))
  const toApp = relative(folder, root)
  const holdsApp = toApp.split(sep)[0] !== '..' && !isAbsolute(toApp)
  return holdsApp ? reader.refuse(key, 'give a folder of its own: this one holds the app') : folder
}
