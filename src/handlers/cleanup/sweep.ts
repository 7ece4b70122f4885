import type { Clock } from '../../clock.ts'
import { openFolder as openDefault, type OpenFolder } from './open_folder.ts'
import { chooseFiles, type CleanupRule, type FoundFile } from './rule.ts'
import { identityOf, unlessGone, walk, type FoundFolder } from './walk.ts'

/** What a cleanup did, or in a dry run would have done. */
export interface CleanupReport {
  dryRun: boolean
  /** Entries that were looked at. */
  examined: number
  matched: number
  removed: number
  /** Bytes of what was removed. */
  bytes: number
  removedFolders: number
  /** Links, other file systems, what is no file: left alone. */
  skipped: number
  /** Files that could not be removed, and folders that could not be read; why the first one could not. */
  failed: number
  failure: string | null
}

interface Deps {
  clock: Pick<Clock, 'now'>
  signal?: AbortSignal
  /** Told each file that is removed. */
  onRemove?(path: string, bytes: number): void
  /** Default: what the platform has. */
  openFolder?(path: string): Promise<OpenFolder>
}

/**
 * Removes the files of a folder that a rule speaks of. It follows no link:
 * each folder is opened as such and held while files are removed in it, so
 * that nobody can exchange it for a link to elsewhere. A folder that does not
 * exist is an empty one.
 *
 * @throws the signal's reason; an Error when the folder itself is a link
 */
export async function sweep(rule: CleanupRule, deps: Deps): Promise<CleanupReport> {
  const report: CleanupReport = {
    dryRun: rule.dryRun,
    examined: 0,
    matched: 0,
    removed: 0,
    bytes: 0,
    removedFolders: 0,
    skipped: 0,
    failed: 0,
    failure: null,
  }
  const root = await openRoot(rule.folder, deps.openFolder ?? openDefault)
  if (root === null) {
    return report
  }
  try {
    await new Sweep(rule, root, deps, report).run()
    return report
  } finally {
    await root.close()
  }
}

async function openRoot(
  folder: string,
  open: NonNullable<Deps['openFolder']>
): Promise<OpenFolder | null> {
  try {
    return await open(folder)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') {
      return null
    }
    if (code === 'ELOOP' || code === 'ENOTDIR') {
      const message = `${folder} is a link or no folder; name the folder itself`
      throw new Error(message, { cause: error })
    }
    throw error
  }
}

class Sweep {
  readonly #rule: CleanupRule
  readonly #root: OpenFolder
  readonly #deps: Deps
  readonly #report: CleanupReport

  constructor(rule: CleanupRule, root: OpenFolder, deps: Deps, report: CleanupReport) {
    this.#rule = rule
    this.#root = root
    this.#deps = deps
    this.#report = report
  }

  async run(): Promise<void> {
    const found = await walk(this.#root, this.#rule, this.#deps.signal)
    const now = this.#deps.clock.now()
    const { examined, skipped, closed } = found
    const failure = closed[0] ?? null
    const counts = { examined, skipped, matched: found.files.length, failed: closed.length }
    Object.assign(this.#report, { ...counts, failure })
    const byFolder = Map.groupBy(chooseFiles(this.#rule, found.files, now), ({ folder }) =>
      folder.join('/')
    )
    for (const files of byFolder.values()) {
      await this.#inFolder(files[0].folder, (folder) => this.#removeAll(folder, files))
    }
    if (this.#rule.removeEmpty && !this.#rule.dryRun) {
      await this.#removeEmpty(found.folders, now)
    }
  }

  async #removeAll(folder: OpenFolder, files: FoundFile[]): Promise<void> {
    for (const file of files) {
      this.#deps.signal?.throwIfAborted()
      try {
        await this.#remove(folder, file)
      } catch (error) {
        this.#report.failed++
        this.#report.failure ??= `${pathOf(file)}: ${(error as Error).message}`
      }
    }
  }

  /** One that was written again, or replaced, since it was found is another file. */
  async #remove(folder: OpenFolder, file: FoundFile): Promise<void> {
    const stats = await unlessGone(folder.stat(file.name))
    if (stats === null || identityOf(stats) !== file.id) {
      return
    }
    if (!this.#rule.dryRun) {
      await folder.removeFile(file.name)
    }
    this.#report.removed++
    this.#report.bytes += file.bytes
    this.#deps.onRemove?.(pathOf(file), file.bytes)
  }

  /** Children before their parents. One that was written to lately may be in use. */
  async #removeEmpty(folders: FoundFolder[], now: number): Promise<void> {
    for (const { parts, writtenAt } of folders.toReversed()) {
      const isOld = this.#rule.olderThan === null || now - writtenAt > this.#rule.olderThan
      if (isOld) {
        await this.#inFolder(parts.slice(0, -1), async (parent) => {
          this.#report.removedFolders += await removeIfEmpty(parent, parts.at(-1)!)
        })
      }
    }
  }

  /** Enters part by part from the root: a part that became a link is not entered. */
  async #inFolder(parts: string[], work: (folder: OpenFolder) => Promise<void>): Promise<void> {
    const opened: OpenFolder[] = []
    try {
      for (const part of parts) {
        const inner = await unlessGone((opened.at(-1) ?? this.#root).enter(part))
        if (inner === null) {
          return
        }
        opened.push(inner)
      }
      await work(opened.at(-1) ?? this.#root)
    } finally {
      await Promise.all(opened.map((folder) => folder.close()))
    }
  }
}

async function removeIfEmpty(parent: OpenFolder, name: string): Promise<number> {
  try {
    await parent.removeFolder(name)
    return 1
  } catch {
    // Not empty, or gone: both leave nothing to do
    return 0
  }
}

function pathOf({ folder, name }: FoundFile): string {
  return [...folder, name].join('/')
}
