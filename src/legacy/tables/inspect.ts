import type { LegacySourceConfig } from '../config.ts'
import type { LegacyConnection } from '../connection.ts'
import type { ColumnKey, ColumnSpec, TableKey } from '../preset.ts'
import type { TextLimit } from '../text_cut.ts'
import type { DatabaseColumn, TableDialect } from './dialect.ts'
import { Inspection } from './inspection.ts'
import { TableLayout, type LegacyColumn, type RawSql } from './layout.ts'
import { spellings } from './values.ts'

/** The tables as they were found. */
export interface LegacyLayouts {
  jobSchedules: TableLayout<ColumnKey<'jobSchedules'>>
  /** null: there is none, or config says not to use it. */
  requests: TableLayout<ColumnKey<'requests'>> | null
  jobFlows: TableLayout<ColumnKey<'jobFlows'>>
  processLogs: TableLayout<ColumnKey<'processLogs'>>
  jobLogs: TableLayout<ColumnKey<'jobLogs'>>
  jobErrors: TableLayout<ColumnKey<'jobErrors'>>
  /** null where ids come from sequences. */
  idPool: TableLayout<ColumnKey<'idPool'>> | null
  /** Of these each is null where it does not exist: history loads and reports may ask for it. */
  parameters: TableLayout<ColumnKey<'parameters'>> | null
  mappings: TableLayout<ColumnKey<'mappings'>> | null
  jobs: TableLayout<ColumnKey<'jobs'>> | null
  storedSelects: TableLayout<ColumnKey<'storedSelects'>> | null
  /** What is off, and why. */
  notes: string[]
}

interface Deps {
  connection: LegacyConnection
  config: LegacySourceConfig
  dialect: TableDialect
  /** Of the connection that the request table is on. */
  requestDialect: TableDialect
}

/**
 * Looks at the legacy tables, and refuses what cannot be worked with.
 *
 * @throws E_LEGACY_SCHEMA naming every table and column that is missing or of the wrong type
 */
export async function inspectTables(deps: Deps): Promise<LegacyLayouts> {
  const { config } = deps
  const inspection = new Inspection(config)
  const look = new Look({ ...deps, inspection })
  const layouts = {
    jobSchedules: await look.required('jobSchedules'),
    jobFlows: await look.required('jobFlows'),
    processLogs: await look.required('processLogs'),
    jobLogs: await look.required('jobLogs'),
    jobErrors: await look.required('jobErrors'),
    idPool: config.ids.kind === 'pool' ? await look.required('idPool') : null,
    requests: await look.requests(),
  }
  const further = {
    parameters: await look.wanted('parameters'),
    mappings: await look.wanted('mappings'),
    jobs: await look.wanted('jobs'),
    storedSelects: await look.wanted('storedSelects'),
  }
  inspection.end()
  const { notes } = inspection
  // Nothing is missing after the end of the inspection
  return { ...(layouts as unknown as Omit<LegacyLayouts, 'notes'>), ...further, notes }
}

/** Finds tables, and tells the inspection what it did not find. */
class Look {
  readonly #deps: Deps & { inspection: Inspection }

  constructor(deps: Deps & { inspection: Inspection }) {
    this.#deps = deps
  }

  async required<T extends TableKey>(key: T): Promise<TableLayout<ColumnKey<T>> | null> {
    const found = await this.#find(key)
    if (found === null) {
      const { connection, requestConnection } = this.#deps.config
      const where = key === 'requests' ? (requestConnection ?? connection) : connection
      this.#deps.inspection.tableMissing(key, where)
    }
    return found
  }

  /** A table that only some runs ask for: one that is not as it should be stops nothing else. */
  async wanted<T extends TableKey>(key: T): Promise<TableLayout<ColumnKey<T>> | null> {
    const { config, inspection } = this.#deps
    const own = new Inspection(config)
    const found = await new Look({ ...this.#deps, inspection: own }).#find(key)
    inspection.notes.push(...own.notes)
    if (own.faults.length === 0) {
      return found
    }
    const why = own.faults.map(
      ({ column, wanted }) => `${column} is missing or wrong, wanted ${wanted}`
    )
    inspection.notes.push(`${config.tables[key].name} is not used: ${why.join('; ')}`)
    return null
  }

  /** @returns null where there is none, or config says not to use it, which is noted */
  async requests(): Promise<TableLayout<ColumnKey<'requests'>> | null> {
    const { config, inspection } = this.#deps
    const off = 'requests, the children of a success and the slot guard are off'
    if (!config.requests) {
      inspection.notes.push(`${off}: config says requests: false`)
      return null
    }
    if (config.requestsRequired) {
      return this.required('requests')
    }
    const found = await this.#find('requests')
    if (found === null) {
      const ddl = `database/legacy/${config.preset}.*.sql has its DDL`
      inspection.notes.push(
        `${off}: there is no table ${config.tables.requests.name} (${ddl}); schedules run`
      )
    }
    return found
  }

  /** @returns null when there is no such table */
  async #find<T extends TableKey>(key: T): Promise<TableLayout<ColumnKey<T>> | null> {
    const { connection, config, inspection } = this.#deps
    const isRequests = key === 'requests'
    const session = isRequests ? connection.requestSession : connection.session
    const dialect = isRequests ? this.#deps.requestDialect : this.#deps.dialect
    for (const name of spellings(config.tables[key].name)) {
      const found = await session.run(() => dialect.columns(session.client, name))
      if (found.length > 0) {
        const columns = new Map<string, LegacyColumn>()
        for (const [column, match] of inspection.match(key, found, dialect)) {
          columns.set(column, asFound(match.spec, match.found, dialect))
        }
        const raw: RawSql = (sql, bindings) => session.client.raw(sql, bindings)
        return new TableLayout({ name, columns, wallClock: connection.wallClock, raw })
      }
    }
    return null
  }
}

function asFound(spec: ColumnSpec, found: DatabaseColumn, dialect: TableDialect): LegacyColumn {
  const { type } = spec
  const isDate = type === 'date' || type === 'timestamp'
  const date = isDate ? dialect.dateForm(found.type) : { read: null, instant: false }
  return {
    name: found.name,
    type,
    declared: found.type,
    limit: limitOf(spec, found, dialect),
    read: type === 'clob' ? dialect.text : date.read,
    instant: date.instant,
    clean: dialect.clean,
  }
}

/** The declared length; else the preset's, in bytes, for a type that says nothing about it. */
function limitOf(spec: ColumnSpec, found: DatabaseColumn, dialect: TableDialect): TextLimit | null {
  if (spec.type !== 'text' && spec.type !== 'clob') {
    return null
  }
  const declared = dialect.textLimit(found.type)
  if (declared !== undefined) {
    return declared
  }
  return spec.length === undefined ? null : { length: spec.length, unit: 'bytes' }
}
