import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import type { SqlCell, SqlColumn } from '../../storage/sql_session.ts'
import { dateOf, exactNumber, textOf } from './cells.ts'
import type { ReportWriter, WriterOptions } from './writer.ts'

/** The part of exceljs that is used here. */
interface Sheet {
  columns: { style: { numFmt?: string } }[]
  addRow(values: unknown[]): { commit(): void }
  commit(): void
  /** It passes on what is written, and waits for nobody. */
  readonly stream: { readonly pipes: Writable[] }
}
interface Workbook {
  addWorksheet(name: string): Sheet
  commit(): Promise<void>
}
interface ExcelJs {
  stream: {
    xlsx: {
      WorkbookWriter: new (options: object) => Workbook
    }
  }
}

/** Rows of one sheet, and characters of one cell, as Excel bounds them. */
export const SHEET_ROWS = 1_048_576
const CELL_LENGTH = 32_767
const NAME_LENGTH = 31
const FORBIDDEN = /[\\/?*[\]:]/g
const FORMATS: Partial<Record<SqlColumn['kind'], string>> = {
  date: 'yyyy-mm-dd hh:mm:ss',
  instant: 'yyyy-mm-dd hh:mm:ss',
}

/** exceljs is a peer: only those who want spreadsheets need it. */
export async function loadExcel(): Promise<ExcelJs> {
  const { default: excel } = await import('exceljs')
  return excel as unknown as ExcelJs
}

/**
 * One workbook, a sheet for each SELECT, and a further one where Excel's rows
 * are at an end. Numbers are numbers where Excel holds them exactly, else
 * texts; dates show the wall clock of the source.
 */
export class XlsxWriter implements ReportWriter {
  readonly #workbook: Workbook
  readonly #stream: Writable
  readonly #options: WriterOptions
  readonly #names = new Set<string>()
  #columns: SqlColumn[] = []
  #sheet: Sheet | null = null
  #name = ''
  #rows = 0

  constructor(excel: ExcelJs, stream: Writable, options: WriterOptions) {
    const zip = { zlib: { level: 1 } }
    const settings = { stream, useStyles: true, useSharedStrings: false, zip }
    this.#workbook = new excel.stream.xlsx.WorkbookWriter(settings)
    this.#stream = stream
    this.#options = options
  }

  async begin(sheet: string, columns: SqlColumn[]): Promise<void> {
    this.#columns = columns
    this.#name = sheet
    this.#open()
  }

  async rows(batch: SqlCell[][]): Promise<void> {
    for (const row of batch) {
      if (this.#rows === SHEET_ROWS) {
        this.#open()
      }
      this.#add(row.map((cell, at) => this.#value(cell, this.#columns[at])))
    }
    await this.#drained()
  }

  async end(): Promise<void> {
    if (!this.#sheet) {
      this.#open()
    }
    this.#sheet?.commit()
    await this.#workbook.commit()
  }

  #open(): void {
    this.#sheet?.commit()
    const sheet = this.#workbook.addWorksheet(this.#freeName())
    sheet.columns = this.#columns.map(({ kind }) => ({ style: { numFmt: FORMATS[kind] } }))
    this.#sheet = sheet
    this.#rows = 0
    if (this.#options.header && this.#columns.length > 0) {
      this.#add(this.#columns.map(({ name }) => name))
    }
  }

  #add(values: unknown[]): void {
    this.#sheet!.addRow(values).commit()
    this.#rows++
  }

  #value(cell: SqlCell, column: SqlColumn): unknown {
    if (typeof cell !== 'string') {
      return cell
    }
    if (column.kind === 'number') {
      return exactNumber(cell) ?? cell
    }
    const text = textOf(cell, column, this.#options.wallClock)
    const date = column.kind === 'date' || column.kind === 'instant' ? dateOf(text) : null
    return date ?? text.slice(0, CELL_LENGTH)
  }

  /** Excel's rules for names, compared without case. */
  #freeName(): string {
    const wanted = this.#name.replace(FORBIDDEN, '_').replace(/^'|'$/g, '_').trim() || 'Sheet'
    for (let count = 1; ; count++) {
      const end = count === 1 ? '' : ` (${count})`
      const name = wanted.slice(0, NAME_LENGTH - end.length) + end
      if (!this.#names.has(name.toLowerCase())) {
        this.#names.add(name.toLowerCase())
        return name
      }
    }
  }

  /** The zip is written by others: they get their turn, and are waited for. */
  async #drained(): Promise<void> {
    await setImmediate()
    const [zip] = this.#sheet?.stream.pipes ?? []
    for (const stream of [zip, this.#stream]) {
      if (this.#stream.errored) {
        throw this.#stream.errored
      }
      if (stream?.writableNeedDrain) {
        await once(stream, 'drain')
      }
    }
  }
}
