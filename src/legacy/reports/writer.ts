import { once } from 'node:events'
import type { Writable } from 'node:stream'
import type { SqlCell, SqlColumn } from '../../storage/sql_session.ts'
import type { WallClock } from '../wall_clock.ts'

/** How the rows of a report are written down. */
export interface WriterOptions {
  header: boolean
  csv: { delimiter: string; guardFormulas: boolean; bom: boolean }
  wallClock: WallClock
}

/** Writes the rows of one file to a stream, never faster than the stream takes them. */
export interface ReportWriter {
  /** The rows of a further SELECT begin. Called once for a format with a file for each. */
  begin(sheet: string, columns: SqlColumn[]): Promise<void>
  rows(batch: SqlCell[][]): Promise<void>
  /** Ends the stream. Settles when everything was handed to it. */
  end(): Promise<void>
}

/** Waits for a stream that has more than it wants. @throws what the stream fails with */
export async function written(stream: Writable, text: string): Promise<void> {
  if (stream.errored) {
    throw stream.errored
  }
  if (!stream.write(text)) {
    await once(stream, 'drain')
  }
}

/** A writer of lines of text. */
export class LineWriter implements ReportWriter {
  readonly #stream: Writable
  readonly #begin: (columns: SqlColumn[]) => string
  readonly #line: (row: SqlCell[], columns: SqlColumn[]) => string
  #columns: SqlColumn[] = []

  constructor(
    stream: Writable,
    lines: {
      begin(columns: SqlColumn[]): string
      line(row: SqlCell[], columns: SqlColumn[]): string
    }
  ) {
    this.#stream = stream
    this.#begin = lines.begin
    this.#line = lines.line
  }

  async begin(_sheet: string, columns: SqlColumn[]): Promise<void> {
    this.#columns = columns
    const text = this.#begin(columns)
    if (text !== '') {
      await written(this.#stream, text)
    }
  }

  async rows(batch: SqlCell[][]): Promise<void> {
    await written(this.#stream, batch.map((row) => this.#line(row, this.#columns)).join(''))
  }

  async end(): Promise<void> {
    this.#stream.end()
  }
}
