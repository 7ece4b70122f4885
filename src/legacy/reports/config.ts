import { isAbsolute } from 'node:path'
import { shown, type ConfigReader } from '../../config/reader.ts'
import type { Duration } from '../../duration.ts'
import { E_INVALID_CONFIG } from '../../errors.ts'
import { readPatterns } from '../config_patterns.ts'
import { FORMATS, type ReportFormat } from './request.ts'

/** A report that config defines. */
export interface ReportDefinition {
  /** One SELECT, or several by the name of their sheet. Binds are written `:name`. */
  sql: string | Record<string, string>
  /** Default: that of the source. */
  format?: ReportFormat
  /** Most rows of each SELECT. Default: that of the source. */
  rowLimit?: number
  /** Whether the names of the columns come first. Default true. */
  header?: boolean
}

/** REPORT requests of a source. */
export interface ReportsInput {
  /** Folder of the files, absolute; of several nodes one that all of them see. This, or `disk`. */
  folder?: string
  /** A disk of config/drive.ts. */
  disk?: string
  /** Before the name of each file on the disk. Default `reports/`. */
  prefix?: string
  /**
   * What a result names as the URL of a file. A text: the address that
   * `reportRoutes` is mounted under, with `/reports`; false: none. Default:
   * what the disk gives, signed where the file is private; a folder has none.
   */
  url?: string | false
  /** Whether the SELECTs of DWMAPRSQL may run. Default false. */
  stored?: boolean
  /** Reports by their id. */
  define?: Record<string, ReportDefinition>
  /** Default `csv`. */
  format?: ReportFormat
  /** Most rows of each SELECT. Default 1,000,000. */
  rowLimit?: number
  /** Up to so many rows are in RESULT_PAYLOAD as well. Default 100; 0 = none. */
  inlineRows?: number
  /** Age at which a file is deleted. Default `7d`. */
  keep?: Duration
  /** Longest run. Default `1h`. */
  timeout?: Duration
  csv?: {
    /** Default `,`. */
    delimiter?: ',' | ';' | '\t' | '|'
    /** Puts ' before texts that a spreadsheet would take for a formula. Default true. */
    guardFormulas?: boolean
    /** Begins with a byte order mark, which Excel wants for UTF-8. Default false. */
    bom?: boolean
  }
  /** Lets requests have reports sent. Default: none may. */
  mail?: {
    /** Addresses that may get them: `*@example.com`, or a RegExp. */
    allow: (string | RegExp)[]
    /** A mailer of config/mail.ts. Default: its default. */
    mailer?: string
    from?: string
    /** Bytes up to which files are attached. Default 5 MiB; 0 = none. */
    attach?: number
  }
}

/** Where the URL of a file comes from: its disk, the download route at an address, or none is given. */
export type ReportUrl = { from: 'disk' | 'nowhere' } | { from: 'routes'; address: string }

/** With the defaults; durations in ms. */
export interface ReportsConfig {
  place: { folder: string } | { disk: string; prefix: string }
  url: ReportUrl
  stored: boolean
  define: ReadonlyMap<string, ReportDefinition>
  format: ReportFormat
  rowLimit: number
  inlineRows: number
  keep: number
  timeout: number
  csv: { delimiter: string; guardFormulas: boolean; bom: boolean }
  mail: MailConfig | null
}

export interface MailConfig {
  allows(address: string): boolean
  mailer: string | null
  from: string | null
  attach: number
}

const DELIMITERS = [',', ';', '\t', '|'] as const
const MOST_INLINE = 1_000
const PREFIX = /^(?:[\w-]+\/)*$/

/**
 * @returns null when `reports` is not given: then no report runs
 * @throws E_INVALID_CONFIG
 */
export function readReports(source: ConfigReader): ReportsConfig | null {
  if (source.take('reports') === undefined) {
    return null
  }
  const reader = source.section('reports')
  const reports: ReportsConfig = {
    place: readPlace(reader),
    url: readUrl(reader),
    stored: reader.boolean('stored', false),
    define: readDefinitions(reader.section('define')),
    format: reader.oneOf('format', 'csv', FORMATS),
    rowLimit: reader.number('rowLimit', 1_000_000, { min: 1 }),
    inlineRows: reader.number('inlineRows', 100, { max: MOST_INLINE }),
    keep: reader.duration('keep', '7d', 60_000),
    timeout: reader.duration('timeout', '1h', 1_000),
    csv: readCsv(reader.section('csv')),
    mail: reader.take('mail') === undefined ? null : readMail(reader.section('mail')),
  }
  reader.end()
  return reports
}

function readPlace(reader: ConfigReader): ReportsConfig['place'] {
  const [folder, disk] = [reader.take('folder'), reader.take('disk')]
  const prefix = reader.take('prefix') ?? 'reports/'
  if ((folder === undefined) === (disk === undefined)) {
    reader.refuse('folder', 'say where the files go: a folder, or a disk of config/drive.ts')
  }
  if (folder !== undefined) {
    return typeof folder === 'string' && isAbsolute(folder)
      ? { folder }
      : reader.refuse('folder', 'give an absolute path, such as app.tmpPath("reports")')
  }
  if (typeof prefix !== 'string' || !PREFIX.test(prefix)) {
    reader.refuse('prefix', 'give names that each end with a slash, such as "reports/"')
  }
  return typeof disk === 'string' && disk !== ''
    ? { disk, prefix }
    : reader.refuse('disk', 'name a disk of config/drive.ts')
}

function readUrl(reader: ConfigReader): ReportUrl {
  const url = reader.take('url')
  if (url === undefined || url === null || url === false) {
    return { from: url === false ? 'nowhere' : 'disk' }
  }
  const parsed = typeof url === 'string' ? URL.parse(url) : null
  if (!parsed || !/^https?:$/.test(parsed.protocol) || /[?#]/.test(parsed.href)) {
    const remedy = 'give the address of the downloads, such as "https://example.com/reports"'
    return reader.refuse('url', `${remedy}, or false`)
  }
  return { from: 'routes', address: parsed.href.replace(/\/+$/, '') }
}

function readDefinitions(reader: ConfigReader): Map<string, ReportDefinition> {
  const found = new Map<string, ReportDefinition>()
  for (const id of reader.keys()) {
    const report = reader.section(id)
    const { sql } = { sql: report.take('sql') }
    const sheets = typeof sql === 'string' ? [sql] : Object.values((sql as object) ?? {})
    const fits =
      sheets.length > 0 && sheets.every((each) => typeof each === 'string' && each.trim())
    if (!fits) {
      report.refuse('sql', 'give a SELECT, or several as { sheet: "select …" }')
    }
    found.set(id, {
      sql: sql as ReportDefinition['sql'],
      ...optional('format', report, (key) => report.oneOf(key, 'csv', FORMATS)),
      ...optional('rowLimit', report, (key) => report.number(key, 1, { min: 1 })),
      ...optional('header', report, (key) => report.boolean(key, true)),
    })
    report.end()
  }
  return found
}

function optional<T>(key: string, reader: ConfigReader, read: (key: string) => T) {
  return reader.take(key) === undefined ? {} : { [key]: read(key) }
}

function readCsv(reader: ConfigReader): ReportsConfig['csv'] {
  const csv = {
    delimiter: reader.oneOf('delimiter', ',', DELIMITERS),
    guardFormulas: reader.boolean('guardFormulas', true),
    bom: reader.boolean('bom', false),
  }
  reader.end()
  return csv
}

function readMail(reader: ConfigReader): MailConfig {
  const allowed = readPatterns(reader, 'allow')
  const text = (key: string) => {
    const value = reader.take(key) ?? null
    const fits = value === null || (typeof value === 'string' && value !== '')
    if (!fits) {
      throw new E_INVALID_CONFIG([reader.pathOf(key), shown(value), 'give a text, or leave it out'])
    }
    return value as string | null
  }
  const mail = {
    allows: (address: string) => allowed.some((pattern) => pattern.matches(address)),
    mailer: text('mailer'),
    from: text('from'),
    attach: reader.number('attach', 5_242_880),
  }
  reader.end()
  return mail
}
