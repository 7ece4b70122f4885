import type { SqlReader, SqlRows, SqlSession } from '../../storage/sql_session.ts'
import type { JsonObject, JsonValue } from '../../types/json.ts'
import type { HandlerContext } from '../../types/handlers.ts'
import type { WallClock } from '../wall_clock.ts'
import type { ReportsConfig } from './config.ts'
import type { WantedReport } from './definitions.ts'
import { InlineRows } from './inline_rows.ts'
import { fileName } from './names.ts'
import type { ReportFormat } from './request.ts'
import { checkSession, type Select } from './selects.ts'
import type { ReportFile, ReportStore } from './store.ts'
import { csvWriter, jsonWriter } from './text_writers.ts'
import type { ReportWriter, WriterOptions } from './writer.ts'
import { XlsxWriter } from './xlsx_writer.ts'

/** A file of a report, as RESULT_PAYLOAD names it. */
export type ProducedFile = {
  name: string
  sheet: string
  path: string | null
  url: string | null
  rows: number
  bytes: number
}

export interface Produced {
  files: ProducedFile[]
  rows: number
  bytes: number
  /** A SELECT had more rows than its limit. */
  limited: boolean
  /** The rows themselves, where they are few. */
  inline: JsonValue
}

interface Deps {
  session: SqlSession
  store: ReportStore
  reports: ReportsConfig
  wallClock: WallClock
  context: Pick<HandlerContext, 'signal' | 'progress' | 'logger'>
  identity: { source: string; requestId: string; reportId: string }
}

interface Opened {
  file: ReportFile
  writer: ReportWriter
  name: string
  sheet: string
  rows: number
}

/**
 * Writes the files of one report: every SELECT on the same snapshot, a batch
 * at a time. A file is named only when it is whole; of a report that fails
 * none is left.
 */
export class Production {
  readonly #deps: Deps
  readonly #inline: InlineRows
  readonly #opened: Opened[] = []
  /** All that were begun, whatever became of their writers. */
  readonly #files: ReportFile[] = []
  #rows = 0
  #limited = false

  constructor(deps: Deps) {
    this.#deps = deps
    this.#inline = new InlineRows(deps.reports.inlineRows, deps.wallClock)
  }

  /** @throws what the database, the place of the files, or the signal ends it with */
  async run(report: WantedReport, selects: Select[]): Promise<Produced> {
    const { session, context } = this.#deps
    const { signal } = context
    try {
      await session.readOnly((reader) => this.#read(reader, report, selects), { signal })
      // The last rows may have been written after the stop: whoever asked for it is told that it held
      signal.throwIfAborted()
      return await this.#commit()
    } catch (error) {
      await Promise.all(this.#files.map((file) => file.discard()))
      throw error
    }
  }

  async #read(reader: SqlReader, report: WantedReport, selects: Select[]): Promise<void> {
    await checkSession(selects, this.#deps.session.dialect, reader)
    for (const [index, { sheet, sql, bindings }] of selects.entries()) {
      const rows = await reader.select(sql, bindings)
      const first = this.#opened.at(-1)
      const shared = report.format === 'xlsx' && first !== undefined
      const part = report.format === 'xlsx' || selects.length === 1 ? null : index + 1
      const opened = shared ? first : await this.#open(report, sheet, part)
      await this.#copy(opened, rows, sheet, report.rowLimit)
      if (report.format !== 'xlsx') {
        await opened.writer.end()
      }
    }
    if (report.format === 'xlsx') {
      await this.#opened[0].writer.end()
    }
  }

  async #open(report: WantedReport, sheet: string, part: number | null): Promise<Opened> {
    const { store, reports, wallClock, identity } = this.#deps
    const name = fileName(identity, report.format, part)
    const file = await store.create(name)
    this.#files.push(file)
    const options = { header: report.header, csv: reports.csv, wallClock }
    const writer = writerOf(report.format, file, options)
    const opened = { file, writer, name, sheet, rows: 0 }
    this.#opened.push(opened)
    return opened
  }

  async #copy(
    opened: Opened,
    { columns, batches }: SqlRows,
    sheet: string,
    limit: number
  ): Promise<void> {
    const { signal } = this.#deps.context
    let left = limit
    await opened.writer.begin(sheet, columns)
    this.#inline.begin(sheet, columns)
    for await (const batch of batches) {
      signal.throwIfAborted()
      const rows = batch.length > left ? batch.slice(0, left) : batch
      this.#limited ||= rows.length < batch.length
      left -= rows.length
      await opened.writer.rows(rows)
      this.#inline.add(rows)
      opened.rows += rows.length
      this.#told(rows.length)
      if (rows.length < batch.length) {
        break
      }
    }
  }

  #told(rows: number): void {
    this.#rows += rows
    this.#deps.context.progress({ done: this.#rows, message: `${this.#rows} rows` })
  }

  async #commit(): Promise<Produced> {
    const files: ProducedFile[] = []
    for (const [index, { file, name, sheet, rows }] of this.#opened.entries()) {
      const { url, ...committed } = await file.commit()
      files.push({ name, sheet, rows, ...committed, url: this.#downloadOf(index) ?? url })
    }
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
    return { files, rows: this.#rows, bytes, limited: this.#limited, inline: this.#inline.result }
  }

  /** Where `reportRoutes` has a file, when config says where they are mounted. */
  #downloadOf(index: number): string | null {
    const { url } = this.#deps.reports
    const { requestId } = this.#deps.identity
    const part = index === 0 ? '' : `/${index}`
    return url.from === 'routes' ? `${url.address}/${encodeURIComponent(requestId)}${part}` : null
  }
}

function writerOf(
  format: ReportFormat,
  { stream }: ReportFile,
  options: WriterOptions
): ReportWriter {
  switch (format) {
    case 'csv':
      return csvWriter(stream, options)
    case 'jsonl':
      return jsonWriter(stream, options)
    case 'xlsx':
      return new XlsxWriter(stream, options)
  }
}

/** What RESULT_PAYLOAD tells of a report. */
export function resultOfReport(produced: Produced): JsonObject {
  const { files, rows, bytes, limited, inline } = produced
  const [{ path, url }] = files
  return {
    rows,
    bytes,
    ...(path !== null && { path }),
    ...(url !== null && { url }),
    files,
    ...(limited && { limited }),
    ...(inline !== null && { inline }),
  }
}
