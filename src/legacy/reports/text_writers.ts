import type { Writable } from 'node:stream'
import type { SqlCell, SqlColumn } from '../../storage/sql_session.ts'
import { exactNumber, isNumeric, textOf } from './cells.ts'
import { LineWriter, type ReportWriter, type WriterOptions } from './writer.ts'

const BOM = '\uFEFF'
const LINE_END = '\r\n'
/** What makes a spreadsheet take a text for a formula. */
const FORMULA = /^[=+\-@\t\r]/

/** CSV as RFC 4180 has it: lines end with CRLF, and a value is quoted where it has to be. */
export function csvWriter(stream: Writable, options: WriterOptions): ReportWriter {
  const { header, csv, wallClock } = options
  const { delimiter, guardFormulas, bom } = csv
  const quoted = (text: string) =>
    text.includes(delimiter) || /["\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  const guarded = (text: string) => (guardFormulas && FORMULA.test(text) ? `'${text}` : text)
  const value = (cell: SqlCell, column: SqlColumn) => {
    const text = textOf(cell, column, wallClock)
    return quoted(isNumeric(cell, column) ? text : guarded(text))
  }
  const lineOf = (texts: string[]) => texts.join(delimiter) + LINE_END
  return new LineWriter(stream, {
    begin: (columns) =>
      (bom ? BOM : '') + (header ? lineOf(columns.map(({ name }) => quoted(guarded(name)))) : ''),
    line: (row, columns) => lineOf(row.map((cell, at) => value(cell, columns[at]))),
  })
}

/**
 * JSON Lines: an object per row. A number that a JavaScript number does not
 * hold exactly is a text of its digits; of columns with one name the second
 * is `NAME_2`.
 */
export function jsonWriter(stream: Writable, { wallClock }: WriterOptions): ReportWriter {
  let keys: string[] = []
  const value = (cell: SqlCell, column: SqlColumn) => {
    if (cell === null || typeof cell === 'boolean' || typeof cell === 'number') {
      return JSON.stringify(cell)
    }
    const number = column.kind === 'number' ? exactNumber(cell) : null
    return JSON.stringify(number ?? textOf(cell, column, wallClock))
  }
  return new LineWriter(stream, {
    begin: (columns) => {
      keys = uniqueNames(columns).map((name) => JSON.stringify(name))
      return ''
    },
    line: (row, columns) =>
      `{${row.map((cell, at) => `${keys[at]}:${value(cell, columns[at])}`).join(',')}}\n`,
  })
}

export function uniqueNames(columns: SqlColumn[]): string[] {
  const seen = new Map<string, number>()
  return columns.map(({ name }) => {
    const count = (seen.get(name) ?? 0) + 1
    seen.set(name, count)
    return count === 1 ? name : `${name}_${count}`
  })
}
