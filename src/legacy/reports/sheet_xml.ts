import type { SqlCell, SqlColumn } from '../../storage/sql_session.ts'
import type { WallClock } from '../wall_clock.ts'
import { dateOf, exactNumber, textOf } from './cells.ts'
import { textXml } from './xml_text.ts'

/** Characters of one cell, as Excel bounds them. */
const CELL_LENGTH = 32_767
const DAY = 86_400_000
/** Days from Excel's day 0 to 1970-01-01. */
const EPOCH = 25_569
/** 1900-03-01: Excel counts a day before it that never was, and none before 1900. */
const FIRST_DAY = 61
/** The format of dates in styles.xml, and a width that shows all of it, characters. */
export const DATE_STYLE = 1
const DATE_WIDTH = 20
const LETTERS = 26

export const SHEET_END = '</sheetData></worksheet>'

/** What is before the first row. A reader takes columns by their place, from 1. */
export function sheetStart(columns: SqlColumn[]): string {
  const cols = columns.flatMap(({ kind }, at) =>
    isDate(kind)
      ? [
          `<col min="${at + 1}" max="${at + 1}" width="${DATE_WIDTH}" style="${DATE_STYLE}" customWidth="1"/>`,
        ]
      : []
  )
  return [
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n',
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">',
    cols.length > 0 ? `<cols>${cols.join('')}</cols>` : '',
    '<sheetData>',
  ].join('')
}

/** Rows of one sheet as SpreadsheetML (ECMA-376, 18.3). */
export class RowXml {
  readonly #columns: SqlColumn[]
  readonly #wallClock: WallClock
  /** A, B … AA, by place. */
  readonly #letters: string[]

  constructor(columns: SqlColumn[], wallClock: WallClock) {
    this.#columns = columns
    this.#wallClock = wallClock
    this.#letters = columns.map((_, at) => lettersOf(at))
  }

  header(number: number): string {
    return this.#row(number, (at) => textCell(this.#columns[at].name))
  }

  /** @param number the row's, from 1 */
  row(number: number, cells: SqlCell[]): string {
    return this.#row(number, (at) => this.#cell(cells[at], this.#columns[at]))
  }

  /** Cells that are empty are left out. */
  #row(number: number, cellAt: (at: number) => string): string {
    let xml = `<row r="${number}">`
    for (const [at, letters] of this.#letters.entries()) {
      const cell = cellAt(at)
      xml += cell && `<c r="${letters}${number}"${cell}</c>`
    }
    return `${xml}</row>`
  }

  /** A number where Excel holds it exactly, else a text; a date as its wall clock. */
  #cell(cell: SqlCell, column: SqlColumn): string {
    if (cell === null) {
      return ''
    }
    if (typeof cell === 'boolean') {
      return ` t="b"><v>${cell ? 1 : 0}</v>`
    }
    const number = column.kind === 'number' ? exactNumber(String(cell)) : null
    const value = typeof cell === 'number' ? cell : number
    if (value !== null) {
      return Number.isFinite(value) ? `><v>${value}</v>` : textCell(String(value))
    }
    const text = textOf(cell, column, this.#wallClock)
    const day = isDate(column.kind) ? dayOf(text) : null
    return day === null ? textCell(text) : ` s="${DATE_STYLE}"><v>${day}</v>`
  }
}

function textCell(text: string): string {
  const xml = textXml(text.length > CELL_LENGTH ? text.slice(0, CELL_LENGTH) : text)
  const space = /^\s|\s$|[\n\t]/.test(xml) ? ' xml:space="preserve"' : ''
  return ` t="inlineStr"><is><t${space}>${xml}</t></is>`
}

/** A wall clock in days, as Excel counts; null for what it has no number for. */
function dayOf(text: string): number | null {
  const date = dateOf(text)
  const day = date && date.getTime() / DAY + EPOCH
  return day !== null && day >= FIRST_DAY ? day : null
}

function isDate(kind: SqlColumn['kind']): boolean {
  return kind === 'date' || kind === 'instant'
}

function lettersOf(at: number): string {
  const last = String.fromCharCode('A'.charCodeAt(0) + (at % LETTERS))
  return at < LETTERS ? last : lettersOf(Math.floor(at / LETTERS) - 1) + last
}
