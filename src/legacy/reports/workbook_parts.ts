import { DATE_STYLE } from './sheet_xml.ts'
import { xmlOf } from './xml_text.ts'

const HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
const MAIN = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'
const RELATIONS = 'http://schemas.openxmlformats.org/package/2006/relationships'
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
const CONTENT = 'http://schemas.openxmlformats.org/package/2006/content-types'
const PART = 'application/vnd.openxmlformats-officedocument.spreadsheetml'
const XML_RELATIONS = 'application/vnd.openxmlformats-package.relationships+xml'
const DATE_FORMAT = 'yyyy-mm-dd hh:mm:ss'
/** The first number that is free for formats of one's own. */
const FORMAT_ID = 164

/** Where a part is in the package, and what it says (ECMA-376, parts 1 and 2). */
export type Part = [path: string, xml: string]

/** @param number from 1 */
export function sheetPath(number: number): string {
  return `xl/worksheets/sheet${number}.xml`
}

/** What is the same in every workbook. Programs know the file's kind by its first part. */
export function fixedParts(): Part[] {
  return [
    ['_rels/.rels', relations([relation('rId1', `${OFFICE}/officeDocument`, 'xl/workbook.xml')])],
    ['xl/styles.xml', styles()],
  ]
}

/** What is known when the last sheet is. @param sheets their names, in order */
export function closingParts(sheets: string[]): Part[] {
  return [
    ['xl/workbook.xml', workbook(sheets)],
    ['xl/_rels/workbook.xml.rels', workbookRelations(sheets)],
    ['[Content_Types].xml', contentTypes(sheets)],
  ]
}

function workbook(sheets: string[]): string {
  const all = sheets.map(
    (name, at) => `<sheet name="${xmlOf(name)}" sheetId="${at + 1}" r:id="rId${at + 1}"/>`
  )
  return `${HEAD}<workbook xmlns="${MAIN}" xmlns:r="${OFFICE}"><sheets>${all.join('')}</sheets></workbook>`
}

function workbookRelations(sheets: string[]): string {
  const all = sheets.map((_, at) =>
    relation(`rId${at + 1}`, `${OFFICE}/worksheet`, `worksheets/sheet${at + 1}.xml`)
  )
  const style = relation(`rId${sheets.length + 1}`, `${OFFICE}/styles`, 'styles.xml')
  return relations([...all, style])
}

function relations(all: string[]): string {
  return `${HEAD}<Relationships xmlns="${RELATIONS}">${all.join('')}</Relationships>`
}

function relation(id: string, type: string, target: string): string {
  return `<Relationship Id="${id}" Type="${type}" Target="${target}"/>`
}

function contentTypes(sheets: string[]): string {
  const parts = [
    part('xl/workbook.xml', 'sheet.main'),
    part('xl/styles.xml', 'styles'),
    ...sheets.map((_, at) => part(sheetPath(at + 1), 'worksheet')),
  ]
  const defaults = `<Default Extension="rels" ContentType="${XML_RELATIONS}"/><Default Extension="xml" ContentType="application/xml"/>`
  return `${HEAD}<Types xmlns="${CONTENT}">${defaults}${parts.join('')}</Types>`
}

function part(path: string, kind: string): string {
  return `<Override PartName="/${path}" ContentType="${PART}.${kind}+xml"/>`
}

/** Two formats of cells: general, and dates. Excel wants the rest to be there. */
function styles(): string {
  const formats = `<numFmts count="1"><numFmt numFmtId="${FORMAT_ID}" formatCode="${DATE_FORMAT}"/></numFmts>`
  const fonts = '<fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>'
  const fills =
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>'
  const borders =
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
  const base = '<xf numFmtId="0" fontId="0" fillId="0" borderId="0"'
  const cells: string[] = [`${base} xfId="0"/>`]
  cells[DATE_STYLE] =
    `<xf numFmtId="${FORMAT_ID}" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>`
  return `${HEAD}<styleSheet xmlns="${MAIN}">${formats}${fonts}${fills}${borders}<cellStyleXfs count="1">${base}/></cellStyleXfs><cellXfs count="${cells.length}">${cells.join('')}</cellXfs></styleSheet>`
}
