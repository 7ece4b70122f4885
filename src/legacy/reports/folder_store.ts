import { constants, createWriteStream } from 'node:fs'
import { lstat, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { isReport, PART, type ReportFile, type ReportStore, type StoredReport } from './store.ts'

/** Files of reports in a folder, which only its owner can read. */
export class FolderStore implements ReportStore {
  readonly #folder: string

  /** @param folder absolute; it is made where it does not exist */
  constructor(folder: string) {
    this.#folder = folder
  }

  async create(name: string): Promise<ReportFile> {
    await mkdir(this.#folder, { recursive: true, mode: 0o750 })
    const path = join(this.#folder, name)
    const part = path + PART
    // What an attempt before this one has left; a link that somebody put there is not followed
    await rm(part, { force: true })
    const stream = createWriteStream(part, { flags: 'wx', mode: 0o640 })
    const ended = finished(stream)
    ended.catch(ignoreTheWriterTells)
    return {
      stream,
      commit: async () => {
        await ended
        await rename(part, path)
        const { size } = await stat(path)
        return { path, url: null, bytes: size }
      },
      discard: async () => {
        stream.destroy()
        await ended.catch(ignoreTheWriterTells)
        await rm(part, { force: true })
      },
    }
  }

  async open(name: string): Promise<StoredReport | null> {
    if (!isReport(name) || name.endsWith(PART)) {
      return null
    }
    try {
      const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)
      const file = await open(join(this.#folder, name), flags)
      const { size } = await file.stat()
      return { stream: file.createReadStream(), bytes: size }
    } catch (error) {
      return absent(error, null)
    }
  }

  async expire(before: number): Promise<number> {
    const names = await readdir(this.#folder).catch((error) => absent(error, []))
    let deleted = 0
    for (const name of names.filter(isReport)) {
      const path = join(this.#folder, name)
      const found = await lstat(path).catch((error) => absent(error, null))
      if (found?.isFile() && found.mtimeMs < before) {
        await rm(path, { force: true })
        deleted++
      }
    }
    return deleted
  }
}

function absent<T>(error: unknown, fallback: T): T {
  const { code } = error as { code?: unknown }
  if (code === 'ENOENT' || code === 'ELOOP') {
    return fallback
  }
  throw error
}

function ignoreTheWriterTells(): void {}
