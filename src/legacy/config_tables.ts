import type { ConfigReader } from '../config/reader.ts'
import {
  ID_ENTITIES,
  type ColumnSpec,
  type IdEntity,
  type Preset,
  type TableKey,
  type TableSpec,
} from './preset.ts'

/** Other names, by the names of the preset. */
export type TableOverrides = Record<
  string,
  string | { name?: string; columns?: Record<string, string> }
>

export type TableSpecs = Readonly<Record<TableKey, TableSpec>>

const IDENTIFIER = /^[a-z_][\w$#]{0,127}$/i
const TABLE_NAME = /^(?:[a-z_][\w$#]{0,127}\.)?[a-z_][\w$#]{0,127}$/i
const TABLE_REMEDY = 'give a table name, "NAME" or "SCHEMA.NAME", of letters, digits, _, $ and #'
const COLUMN_REMEDY = 'give a column name of letters, digits, _, $ and #'

/** @throws E_INVALID_CONFIG on a table or column that the preset does not have, or a bad name */
export function readTables(reader: ConfigReader, preset: Preset): TableSpecs {
  const overrides = reader.section('tables')
  const entries = Object.entries(preset.tables).map(([key, spec]) => [
    key,
    overridden(overrides, spec),
  ])
  overrides.end()
  return Object.fromEntries(entries) as TableSpecs
}

function overridden(overrides: ConfigReader, spec: TableSpec): TableSpec {
  const value = overrides.take(spec.name)
  if (value === undefined || typeof value === 'string') {
    return { ...spec, name: nameOf(overrides, spec.name, spec.name, TABLE_NAME, TABLE_REMEDY) }
  }
  const override = overrides.section(spec.name)
  const name = nameOf(override, 'name', spec.name, TABLE_NAME, TABLE_REMEDY)
  const names = override.section('columns')
  const columns = Object.entries(spec.columns).map(([key, column]): [string, ColumnSpec] => [
    key,
    renamedColumn(names, column),
  ])
  names.end()
  override.end()
  return { name, columns: Object.fromEntries(columns) }
}

/** A name that config gives is the only one that is looked for. */
function renamedColumn(names: ConfigReader, column: ColumnSpec): ColumnSpec {
  if (names.take(column.name) === undefined) {
    return column
  }
  const name = nameOf(names, column.name, column.name, IDENTIFIER, COLUMN_REMEDY)
  return { ...column, name, also: [], standIn: undefined }
}

function nameOf(
  reader: ConfigReader,
  key: string,
  fallback: string,
  form: RegExp,
  remedy: string
): string {
  const value = reader.take(key) ?? fallback
  return typeof value === 'string' && form.test(value) ? value : reader.refuse(key, remedy)
}

/** Where ids come from, and under which names. */
export interface IdsConfig {
  kind: 'pool' | 'sequence'
  /** The pool's table, where config names it. */
  table: string | null
  entities: Record<IdEntity, string>
}

/** @throws E_INVALID_CONFIG */
export function readIds(reader: ConfigReader, preset: Preset): IdsConfig {
  const ids = reader.section('ids')
  const names = ids.section('entities')
  const entities = ID_ENTITIES.map((entity): [IdEntity, string] => [
    entity,
    nameOf(
      names,
      entity,
      preset.sequences[entity],
      TABLE_NAME,
      'give the name of the sequence or of the row in the id pool'
    ),
  ])
  names.end()
  const table =
    ids.take('table') === undefined ? null : nameOf(ids, 'table', '', TABLE_NAME, TABLE_REMEDY)
  const config: IdsConfig = {
    kind: ids.oneOf('kind', 'pool', ['pool', 'sequence']),
    table,
    entities: Object.fromEntries(entities) as Record<IdEntity, string>,
  }
  ids.end()
  return config
}
