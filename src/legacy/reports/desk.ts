import type { JsonValue } from '../../types/json.ts'
import type { LegacyConnection } from '../connection.ts'
import type { LegacyTables } from '../tables/main.ts'
import { requestMark } from './names.ts'
import { isReport, type ReportStore, type StoredReport } from './store.ts'

interface Deps {
  source: string
  connection: LegacyConnection
  tables: () => Promise<LegacyTables>
  /** null: config allows no reports. */
  store: () => Promise<ReportStore | null>
}

/** A report that was made, as somebody wants to have it. */
export interface MadeReport {
  requestId: string
  mapref: string
  reportId: string
  /** Names of its files, in the order of its SELECTs. */
  files: string[]
}

export interface ReportDownload extends StoredReport {
  name: string
  /** MIME type. */
  type: string
}

const TYPES: Record<string, string> = {
  csv: 'text/csv; charset=utf-8',
  jsonl: 'application/x-ndjson; charset=utf-8',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
}

/** The reports that were made, for those who fetch them. */
export class ReportDesk {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** null when the request made no report. Its files may have expired since. */
  async find(requestId: string): Promise<MadeReport | null> {
    const { connection, source } = this.#deps
    const { requestBook } = await this.#deps.tables()
    const request = await requestBook?.find(connection.session, requestId)
    if (request?.type.trim().toUpperCase() !== 'REPORT' || request.status !== 'DONE') {
      return null
    }
    const { result } = await requestBook!.texts(connection.session, requestId)
    const told = objectOf(parsed(result))
    // Any program may have written the result: a file counts by the name that only we give it
    const mark = requestMark(source, requestId)
    const files = listOf(told.files)
      .map((file) => String(objectOf(file).name))
      .filter((name) => isReport(name) && name.includes(`_${mark}`))
    const { mapref } = request
    return files.length > 0 ? { requestId, mapref, reportId: String(told.report), files } : null
  }

  /** null when the file has expired. */
  async open({ files }: MadeReport, index = 0): Promise<ReportDownload | null> {
    const name = files[index]
    const store = name === undefined ? null : await this.#deps.store()
    const stored = (await store?.open(name)) ?? null
    return stored && { ...stored, name, type: TYPES[name.slice(name.lastIndexOf('.') + 1)] }
  }
}

function parsed(text: string | null): JsonValue {
  try {
    return JSON.parse(text ?? 'null') as JsonValue
  } catch {
    return null
  }
}

function objectOf(value: JsonValue | undefined): Record<string, JsonValue | undefined> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}
}

function listOf(value: JsonValue | undefined): JsonValue[] {
  return Array.isArray(value) ? value : []
}
