import type { Clock } from '../../clock.ts'
import type { Duration } from '../../duration.ts'
import type { HandlerContext } from '../../types/handlers.ts'
import { CLEANUP_HANDLER } from '../names.ts'
import { PayloadReader } from '../payload.ts'
import type { CleanupConfig } from './config.ts'
import { GLOB_REMEDY, isGlob, type CleanupRule } from './rule.ts'
import { sweep, type CleanupReport } from './sweep.ts'

const MAX_GLOBS = { count: 20, max: 200 }
/** A thousand years: an age that is a typing error. */
const MAX_AGE = 31_556_952_000_000
/** Files that the execution's log names. */
const SHOWN = 100

export interface CleanupPayload {
  /** Its name in `builtIn.cleanup.folders`. */
  folder: string
  /** Globs on the path inside the folder. Default: every file that is not hidden. */
  match?: string[]
  /** Files not written for longer. */
  olderThan?: Duration
  /** Bytes of all matching files together; the oldest go first. */
  maxBytes?: number
  /** Only reports. Default false. */
  dryRun?: boolean
  /** Whether old folders that are empty go as well. Default false. */
  removeEmpty?: boolean
}

interface Deps {
  config: CleanupConfig
  clock: Clock
}

/** The handler `almanac.cleanup`: removes old files from a folder that config allows. */
export function cleanupHandler({ config, clock }: Deps) {
  return async function almanacCleanup(context: HandlerContext): Promise<CleanupReport> {
    const { signal, logger } = context
    signal.throwIfAborted()
    const rule = readPayload(context.payload, config)
    let told = 0
    const verb = rule.dryRun ? 'would remove' : 'removed'
    const onRemove = (path: string, bytes: number) => {
      if (told++ < SHOWN) {
        logger.info(`${verb} ${path}`, { bytes })
      }
    }
    const report = await sweep(rule, { clock, signal, onRemove })
    logger.info(`${verb} ${report.removed} files of ${report.matched}, ${report.bytes} bytes`)
    return assertRemoved(report)
  }
}

/** @throws Error when a file could not be removed, or a folder be read, after all the others were */
export function assertRemoved(report: CleanupReport): CleanupReport {
  if (report.failed > 0) {
    const { failed, removed, failure } = report
    throw new Error(
      `${failed} files or folders could not be cleaned (${removed} files were removed); first: ${failure}`
    )
  }
  return report
}

function readPayload(payload: unknown, { folders }: CleanupConfig): CleanupRule {
  const reader = new PayloadReader(payload)
  const name = reader.name('folder', folders.keys(), 'a folder') ?? ''
  const match = reader.texts('match', MAX_GLOBS)
  for (const [index, glob] of match.entries()) {
    if (!isGlob(glob)) {
      reader.report(`match[${index}]`, glob, GLOB_REMEDY)
    }
  }
  const age = reader.take('olderThan')
  const bytes = reader.take('maxBytes')
  const rule: CleanupRule = {
    folder: folders.get(name) ?? '',
    match: match.length > 0 ? match : ['**'],
    olderThan: reader.duration('olderThan', MAX_AGE) ?? null,
    maxBytes: reader.integer('maxBytes', { min: 0, max: Number.MAX_SAFE_INTEGER }) ?? null,
    dryRun: reader.boolean('dryRun', false),
    removeEmpty: reader.boolean('removeEmpty', false),
  }
  if (age === undefined && bytes === undefined) {
    reader.report('olderThan', age, 'give olderThan or maxBytes: without both all would go')
  }
  reader.finish(CLEANUP_HANDLER)
  return rule
}
