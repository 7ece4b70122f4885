import type { Writable } from 'node:stream'
import type { SqlCell, SqlColumn } from '../../storage/sql_session.ts'
import { RowXml, SHEET_END, sheetStart } from './sheet_xml.ts'
import { closingParts, fixedParts, sheetPath } from './workbook_parts.ts'
import type { ReportWriter, WriterOptions } from './writer.ts'
import { ZipPackage } from './zip_package.ts'

/** Rows of one sheet, as Excel bounds them. */
const SHEET_ROWS = 1_048_576
const NAME_LENGTH = 31
const FORBIDDEN = /[\\/?*[\]:]/g
/** Characters of rows that are handed on together. */
const CHUNK = 32_768

/**
 * One workbook, a sheet for each SELECT, and a further one where Excel's rows
 * are at an end. Numbers are numbers where Excel holds them exactly, else
 * texts; dates show the wall clock of the source.
 */
export class XlsxWriter implements ReportWriter {
  readonly #zip: ZipPackage
  readonly #options: WriterOptions
  readonly #sheetRows: number
  readonly #names: string[] = []
  #columns: SqlColumn[] = []
  #xml: RowXml | null = null
  #name = ''
  #rows = 0

  /** @param sheetRows where a further sheet begins, its header included */
  constructor(stream: Writable, options: WriterOptions, sheetRows = SHEET_ROWS) {
    this.#options = options
    this.#sheetRows = sheetRows
    this.#zip = new ZipPackage(stream)
    fixedParts().forEach(([path, xml]) => this.#zip.add(path, xml))
  }

  async begin(sheet: string, columns: SqlColumn[]): Promise<void> {
    this.#columns = columns
    this.#name = sheet
    await this.#open()
  }

  async rows(batch: SqlCell[][]): Promise<void> {
    let xml = ''
    for (const row of batch) {
      if (this.#rows === this.#sheetRows) {
        await this.#zip.write(xml)
        xml = ''
        await this.#open()
      }
      xml += this.#xml!.row(++this.#rows, row)
      if (xml.length > CHUNK) {
        await this.#zip.write(xml)
        xml = ''
      }
    }
    await this.#zip.write(xml)
  }

  async end(): Promise<void> {
    if (!this.#xml) {
      await this.#open()
    }
    await this.#zip.write(SHEET_END)
    closingParts(this.#names).forEach(([path, xml]) => this.#zip.add(path, xml))
    await this.#zip.end()
  }

  async #open(): Promise<void> {
    if (this.#xml) {
      await this.#zip.write(SHEET_END)
    }
    this.#names.push(this.#freeName())
    this.#zip.begin(sheetPath(this.#names.length))
    this.#xml = new RowXml(this.#columns, this.#options.wallClock)
    this.#rows = 0
    await this.#zip.write(sheetStart(this.#columns))
    if (this.#options.header && this.#columns.length > 0) {
      await this.#zip.write(this.#xml.header(++this.#rows))
    }
  }

  /** Excel's rules for names, compared without case. */
  #freeName(): string {
    const taken = new Set(this.#names.map((name) => name.toLowerCase()))
    const wanted = this.#name.replace(FORBIDDEN, '_').replace(/^'|'$/g, '_').trim() || 'Sheet'
    for (let count = 1; ; count++) {
      const end = count === 1 ? '' : ` (${count})`
      const name = wanted.slice(0, NAME_LENGTH - end.length) + end
      if (!taken.has(name.toLowerCase())) {
        return name
      }
    }
  }
}
