import { PassThrough, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ZipFile } from 'yazl'
import { written } from './writer.ts'

/** Sheets are texts that repeat themselves: more would cost time and gain little. */
const COMPRESSION = { compressionLevel: 1 }

/** A zip that is written to a stream, part after part, never faster than the stream takes it. */
export class ZipPackage {
  readonly #zip = new ZipFile()
  readonly #piped: Promise<void>
  #part: PassThrough | null = null
  #failure: Error | null = null

  constructor(stream: Writable) {
    this.#piped = pipeline(this.#zip.outputStream, stream).catch((error: Error) => {
      // One that has failed before says why; the pipe only says that it is closed
      throw stream.errored ?? error
    })
    // Whoever writes a part is waiting for that part, not for the pipe
    this.#piped.catch((error: Error) => {
      this.#failure = error
      this.#part?.destroy(error)
    })
  }

  /** Adds a small part as a whole. */
  add(path: string, text: string): void {
    this.#zip.addBuffer(Buffer.from(text), path, COMPRESSION)
  }

  /** Begins a part, which ends where the next one begins. */
  begin(path: string): void {
    this.#part?.end()
    const part = new PassThrough()
    part.on('error', ignoreTheWriterTells)
    this.#zip.addReadStream(part, path, COMPRESSION)
    this.#part = part
  }

  /** Goes on with the part that has begun. @throws what the stream fails with */
  async write(text: string): Promise<void> {
    if (this.#failure) {
      throw this.#failure
    }
    await written(this.#part!, text)
  }

  /** Settles when the stream has taken everything. @throws what the stream fails with */
  async end(): Promise<void> {
    this.#part?.end()
    this.#zip.end()
    await this.#piped
  }
}

function ignoreTheWriterTells(): void {}
