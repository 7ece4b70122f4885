import { constants, type BigIntStats, type Dirent } from 'node:fs'
import { lstat, open, readdir, rmdir, unlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * A folder that is held, whatever becomes of its path: what is done in it
 * happens there and nowhere else. Links are never entered.
 */
export interface OpenFolder {
  /** Of the folder itself. */
  readonly stats: BigIntStats
  entries(): Promise<Dirent[]>
  /** Of an entry, or of a link itself. */
  stat(name: string): Promise<BigIntStats>
  /** @throws when the entry is no folder, or a link to one */
  enter(name: string): Promise<OpenFolder>
  removeFile(name: string): Promise<void>
  /** @throws when it is not empty */
  removeFolder(name: string): Promise<void>
  close(): Promise<void>
}

/** Opens a folder by its path, whose last part must not be a link. */
export function openFolder(path: string): Promise<OpenFolder> {
  return process.platform === 'linux' ? DescriptorFolder.open(path) : CheckedFolder.open(path)
}

const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW

/**
 * On Linux a path through the descriptor (/proc/self/fd) leads into the very
 * folder that was opened: there is no moment at which it could be exchanged.
 */
class DescriptorFolder implements OpenFolder {
  readonly stats: BigIntStats
  readonly #handle: FileHandle

  private constructor(handle: FileHandle, stats: BigIntStats) {
    this.#handle = handle
    this.stats = stats
  }

  static async open(path: string): Promise<DescriptorFolder> {
    const handle = await open(path, FOLDER)
    try {
      return new DescriptorFolder(handle, await handle.stat({ bigint: true }))
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  entries(): Promise<Dirent[]> {
    return readdir(this.#path(''), { withFileTypes: true })
  }

  stat(name: string): Promise<BigIntStats> {
    return lstat(this.#path(name), { bigint: true })
  }

  enter(name: string): Promise<OpenFolder> {
    return DescriptorFolder.open(this.#path(name))
  }

  removeFile(name: string): Promise<void> {
    return unlink(this.#path(name))
  }

  removeFolder(name: string): Promise<void> {
    return rmdir(this.#path(name))
  }

  close(): Promise<void> {
    return this.#handle.close()
  }

  #path(name: string): string {
    return `/proc/self/fd/${this.#handle.fd}/${name}`
  }
}

/**
 * Elsewhere: before each step every folder from the first to this one is
 * looked at again, and must still be what it was.
 */
export class CheckedFolder implements OpenFolder {
  readonly stats: BigIntStats
  readonly #path: string
  readonly #parent: CheckedFolder | null

  private constructor(path: string, stats: BigIntStats, parent: CheckedFolder | null) {
    this.#path = path
    this.stats = stats
    this.#parent = parent
  }

  static async open(path: string, parent: CheckedFolder | null = null): Promise<CheckedFolder> {
    const stats = await lstat(path, { bigint: true })
    if (!stats.isDirectory()) {
      throw Object.assign(new Error(`${path} is no folder`), { code: 'ENOTDIR' })
    }
    return new CheckedFolder(path, stats, parent)
  }

  async entries(): Promise<Dirent[]> {
    await this.#check()
    return readdir(this.#path, { withFileTypes: true })
  }

  async stat(name: string): Promise<BigIntStats> {
    await this.#check()
    return lstat(join(this.#path, name), { bigint: true })
  }

  async enter(name: string): Promise<OpenFolder> {
    await this.#check()
    return CheckedFolder.open(join(this.#path, name), this)
  }

  async removeFile(name: string): Promise<void> {
    await this.#check()
    await unlink(join(this.#path, name))
  }

  async removeFolder(name: string): Promise<void> {
    await this.#check()
    await rmdir(join(this.#path, name))
  }

  async close(): Promise<void> {}

  async #check(): Promise<void> {
    if (this.#parent) {
      await this.#parent.#check()
    }
    const now = await lstat(this.#path, { bigint: true })
    if (!now.isDirectory() || now.ino !== this.stats.ino || now.dev !== this.stats.dev) {
      throw new Error(`${this.#path} was exchanged meanwhile`)
    }
  }
}
