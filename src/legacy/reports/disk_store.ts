import { PassThrough, type Readable } from 'node:stream'
import { isReport, PART, type ReportFile, type ReportStore, type StoredReport } from './store.ts'

/** The part of a disk of @adonisjs/drive that is used here. */
export interface Disk {
  putStream(key: string, contents: Readable): Promise<void>
  move(source: string, destination: string): Promise<void>
  delete(key: string): Promise<void>
  exists(key: string): Promise<boolean>
  getVisibility(key: string): Promise<'public' | 'private'>
  getUrl(key: string): Promise<string>
  getSignedUrl(key: string, options: { expiresIn: string }): Promise<string>
  getStream(key: string): Promise<Readable>
  getMetaData(key: string): Promise<{ contentLength: number; lastModified: Date }>
  listAll(
    prefix: string,
    options: { recursive: boolean; paginationToken?: string }
  ): Promise<{ objects: Iterable<object>; paginationToken?: string }>
}

/** What S3 signs a URL for at most, ms. */
const LONGEST_SIGNED = 7 * 86_400_000

/** Files of reports on a disk of @adonisjs/drive, whole under their names only. */
export class DiskStore implements ReportStore {
  readonly #disk: Disk
  readonly #prefix: string
  readonly #signedFor: number | null

  /**
   * @param prefix before each name; empty, or ending with a slash
   * @param options.signedFor how long the signed URL of a private file is good, ms; null: no URLs
   */
  constructor(disk: Disk, prefix: string, { signedFor }: { signedFor: number | null }) {
    this.#disk = disk
    this.#prefix = prefix
    this.#signedFor = signedFor
  }

  async create(name: string): Promise<ReportFile> {
    const key = this.#prefix + name
    const part = key + PART
    const stream = new PassThrough()
    // Whoever writes learns of it with the next row, and the commit by `stored`
    stream.on('error', ignoreTheWriterTells)
    let named = false
    const stored = this.#disk.putStream(part, stream)
    // A disk that refuses ends whoever is writing
    stored.catch((error: Error) => stream.destroy(error))
    return {
      stream,
      commit: async () => {
        await stored
        await this.#disk.move(part, key)
        named = true
        const { contentLength: bytes } = await this.#disk.getMetaData(key)
        return { path: key, url: await this.#urlOf(key), bytes }
      },
      discard: async () => {
        stream.destroy(new Error('the report was given up'))
        await stored.catch(ignoreTheWriterTells)
        await this.#disk.delete(named ? key : part).catch(ignoreItExpires)
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

  /** null where the disk gives none: its driver then refuses, and the file is whole all the same. */
  async #urlOf(key: string): Promise<string | null> {
    if (this.#signedFor === null) {
      return null
    }
    const expiresIn = `${Math.floor(Math.min(this.#signedFor, LONGEST_SIGNED) / 1000)}s`
    try {
      const visibility = await this.#disk.getVisibility(key)
      return visibility === 'public'
        ? await this.#disk.getUrl(key)
        : await this.#disk.getSignedUrl(key, { expiresIn })
    } catch {
      return null
    }
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

function ignoreTheWriterTells(): void {}

function ignoreItExpires(): void {}
