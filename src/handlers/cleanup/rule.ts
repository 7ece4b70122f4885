import { matchesGlob } from 'node:path'

/** What is to be removed from one folder. */
export interface CleanupRule {
  /** Absolute. */
  folder: string
  /** Globs on the path inside the folder, with `/`. */
  match: string[]
  /** Files not written for longer, ms; null: whatever their age. */
  olderThan: number | null
  /** Bytes that the matching files may have together; the oldest go first. null: any. */
  maxBytes: number | null
  /** Only reports. */
  dryRun: boolean
  /** Whether folders that are left empty go as well, once they are `olderThan`. */
  removeEmpty: boolean
}

const MAX_PATTERN = 200
/** More would let a name take very long to judge. */
const MAX_STARS = 3
export const GLOB_REMEDY =
  'write a path inside the folder with *, ** , ? and [..] such as "**/*.csv", at most three * in each part'

/** Whether a glob is one that a rule takes: no way out of the folder, and quick to judge. */
export function isGlob(glob: string): boolean {
  const parts = glob.split('/')
  return (
    glob.length <= MAX_PATTERN &&
    !/[{}()!\\\0]/.test(glob) &&
    parts.every((part) => part !== '' && part !== '.' && part !== '..') &&
    parts.every((part) => part === '**' || part.split('*').length - 1 <= MAX_STARS) &&
    parts.filter((part) => part === '**').length <= MAX_STARS
  )
}

/** Hidden files are meant only by a glob that begins the part with a dot. */
export function matches({ match }: Pick<CleanupRule, 'match'>, path: string): boolean {
  return match.some((glob) => matchesGlob(path, glob))
}

/** A file that was found. */
export interface FoundFile {
  /** Parts of its folder inside the rule's folder. */
  folder: string[]
  name: string
  bytes: number
  /** Epoch ms. */
  writtenAt: number
  /** What it was when it was found. */
  id: string
}

/** The files to remove: those that are too old, then the oldest of what is too much. */
export function chooseFiles(
  rule: Pick<CleanupRule, 'olderThan' | 'maxBytes'>,
  files: FoundFile[],
  now: number
): FoundFile[] {
  const { olderThan, maxBytes } = rule
  const isOld = (file: FoundFile) => olderThan !== null && now - file.writtenAt > olderThan
  if (maxBytes === null) {
    return files.filter(isOld)
  }
  const byAge = [...files].sort((one, other) => one.writtenAt - other.writtenAt)
  let left = files.reduce((sum, { bytes }) => sum + bytes, 0)
  return byAge.filter((file) => {
    const goes = isOld(file) || left > maxBytes
    left -= goes ? file.bytes : 0
    return goes
  })
}
