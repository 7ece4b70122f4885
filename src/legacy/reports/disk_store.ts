import { PassThrough, type Readable } from 'node:stream'
import { isReport, PART, type ReportFile, type ReportStore, type StoredReport } from './store.ts'

/** The part of a disk of @adonisjs/drive that is used here. */
export interface Disk {
  putStream(key: string, contents: Readable): Promise<void>
  move(source: string, destination: string): Promise<void>
  delete(key: string): Promise<void>
  exists(key: string): Promise<boolean>
  getStream(key: string): Promise<Readable>
  getMetaData(key: string): Promise<{ contentLength: number; lastModified: Date }>
  listAll(
    prefix: string,
    options: { recursive: boolean; paginationToken?: string }
  ): Promise<{ objects: Iterable<object>; paginationToken?: string }>
}

/** Files of reports on a disk of @adonisjs/drive, whole under their names only. */
export class DiskStore implements ReportStore {
  readonly #disk: Disk
  readonly #prefix: string

  /** @param prefix before each name; empty, or ending with a slash */
  constructor(disk: Disk, prefix: string) {
    this.#disk = disk
    this.#prefix = prefix
  }

  async create(name: string): Promise<ReportFile> {
    const key = this.#prefix + name
    const part = key + PART
    const stream = new PassThrough()
    const stored = this.#disk.putStream(part, stream)
    // A disk that refuses ends whoever is writing
    stored.catch((error: Error) => stream.destroy(error))
    return {
      stream,
      commit: async () => {
        await stored
        await this.#disk.move(part, key)
        const { contentLength: bytes } = await this.#disk.getMetaData(key)
        return { path: key, url: null, bytes }
      },
      discard: async () => {
        stream.destroy(new Error('the report was given up'))
        await stored.catch(ignoreItIsDeleted)
        await this.#disk.delete(part).catch(ignoreItIsDeleted)
      },
    }
  }

  async open(name: string): Promise<StoredReport | null> {
    const key = this.#prefix + name
    if (!isReport(name) || name.endsWith(PART) || !(await this.#disk.exists(key))) {
      return null
    }
    const { contentLength: bytes } = await this.#disk.getMetaData(key)
    return { stream: await this.#disk.getStream(key), bytes }
  }

  async expire(before: number): Promise<number> {
    let deleted = 0
    let paginationToken: string | undefined
    do {
      const options = { recursive: false, paginationToken }
      const page = await this.#disk.listAll(this.#prefix, options)
      for (const object of page.objects) {
        deleted += (await this.#expireOne(object as { key?: string; name: string }, before)) ? 1 : 0
      }
      paginationToken = page.paginationToken
    } while (paginationToken)
    return deleted
  }

  async #expireOne({ key, name }: { key?: string; name: string }, before: number) {
    if (key === undefined || !isReport(name)) {
      return false
    }
    const { lastModified } = await this.#disk.getMetaData(key)
    const isOld = lastModified.getTime() < before
    if (isOld) {
      await this.#disk.delete(key)
    }
    return isOld
  }
}

function ignoreItIsDeleted(): void {}
