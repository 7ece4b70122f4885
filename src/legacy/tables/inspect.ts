import { E_LEGACY_TABLE } from '../../errors.ts'
import type { LegacySourceConfig } from '../config.ts'
import type { LegacyConnection } from '../connection.ts'
import type { ColumnKey, ColumnSpec, TableKey, TableSpec } from '../preset.ts'
import type { TextLimit } from '../text_cut.ts'
import { spellings, type DatabaseColumn, type TableDialect } from './dialect.ts'
import { TableLayout, type LegacyColumn, type RawSql } from './layout.ts'

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
  /** What is off, and why. */
  notes: string[]
}

interface Deps {
  connection: LegacyConnection
  config: LegacySourceConfig
  dialect: TableDialect
}

/**
 * Looks at the legacy tables, and refuses what cannot be worked with.
 *
 * @throws E_LEGACY_TABLE naming the table, and every column that it lacks
 */
export async function inspectTables(deps: Deps): Promise<LegacyLayouts> {
  const { config } = deps
  const layouts = {
    jobSchedules: await required(deps, 'jobSchedules'),
    jobFlows: await required(deps, 'jobFlows'),
    processLogs: await required(deps, 'processLogs'),
    jobLogs: await required(deps, 'jobLogs'),
    jobErrors: await required(deps, 'jobErrors'),
    idPool: config.ids.kind === 'pool' ? await required(deps, 'idPool') : null,
  }
  const notes: string[] = []
  return { ...layouts, requests: await requestTable(deps, notes), notes }
}

async function requestTable(
  deps: Deps,
  notes: string[]
): Promise<TableLayout<ColumnKey<'requests'>> | null> {
  const { config } = deps
  if (!config.requests) {
    notes.push('requests and the slot guard are off: config says requests: false')
    return null
  }
  const found = await look(deps, 'requests')
  if (found === null && !config.requestsRequired) {
    const { name } = config.tables.requests
    notes.push(
      `requests and the slot guard are off: there is no table ${name} (database/legacy has its DDL); schedules run`
    )
    return null
  }
  return found ?? missing(deps, 'requests')
}

async function required<T extends TableKey>(
  deps: Deps,
  key: T
): Promise<TableLayout<ColumnKey<T>>> {
  return (await look<T>(deps, key)) ?? missing(deps, key)
}

function missing({ config }: Deps, key: TableKey): never {
  const { name } = config.tables[key]
  const hint = key === 'idPool' ? '; ids need it, or sequences (ids.kind)' : ''
  throw new E_LEGACY_TABLE([
    config.name,
    name,
    `does not exist on connection "${config.connection}"${hint}`,
  ])
}

/** @returns null when there is no such table */
async function look<T extends TableKey>(
  { connection, config, dialect }: Deps,
  key: T
): Promise<TableLayout<ColumnKey<T>> | null> {
  const { session } = connection
  const spec: TableSpec = config.tables[key]
  for (const name of spellings(spec.name)) {
    const columns = await session.run(() => dialect.columns(session.client, name))
    if (columns.length > 0) {
      const matched = matchColumns(spec, columns, dialect, config.name)
      const raw: RawSql = (sql, bindings) => session.client.raw(sql, bindings)
      return new TableLayout({ name, columns: matched, wallClock: connection.wallClock, raw })
    }
  }
  return null
}

function matchColumns(
  spec: TableSpec,
  found: DatabaseColumn[],
  dialect: TableDialect,
  source: string
): Map<string, LegacyColumn> {
  const matched = new Map<string, LegacyColumn>()
  const lacking: string[] = []
  for (const [key, column] of Object.entries(spec.columns)) {
    const match = findColumn(found, column.name)
    if (match) {
      matched.set(key, asFound(column, match, dialect))
    } else if (!column.optional) {
      lacking.push(column.name)
    }
  }
  if (lacking.length > 0) {
    const columns = lacking.length === 1 ? 'column' : 'columns'
    throw new E_LEGACY_TABLE([source, spec.name, `lacks the ${columns} ${lacking.join(', ')}`])
  }
  return matched
}

function findColumn(found: DatabaseColumn[], name: string): DatabaseColumn | undefined {
  return (
    found.find((column) => column.name === name) ??
    found.find((column) => column.name.toLowerCase() === name.toLowerCase())
  )
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
