import { DW_PRESET, type ColumnSpec, type Preset, type TableSpec } from './preset.ts'

/** Columns that the renamed generation calls otherwise. */
const RENAMED: Readonly<Record<string, string>> = {
  DWMAPRSQLCD: 'MAPRSQLCD',
  DWMAPRSQL: 'MAPRSQL',
}

/**
 * What a baseline in the field has otherwise in its schedule table. It is
 * found by looking, so that one preset serves both.
 */
const BASELINE: Readonly<Record<string, Partial<ColumnSpec>>> = {
  jobflwid: { standIn: 'jobid' },
  strtdt: { also: ['STRDT'] },
  schflg: { also: ['ENABLEFLG'] },
}

/** DWJOBSCH becomes DMS_JOBSCH, and DWPRCLOGSEQ DMS_PRCLOGSEQ. */
const renamed = (name: string) => name.replace(/^DW/, 'DMS_')

function renamedTable(spec: TableSpec, changes: typeof BASELINE = {}): TableSpec {
  const columns = Object.entries(spec.columns).map(([key, column]): [string, ColumnSpec] => [
    key,
    { ...column, name: RENAMED[column.name] ?? column.name, ...changes[key] },
  ])
  return { name: renamed(spec.name), columns: Object.fromEntries(columns) }
}

function mapped<K extends string, T>(record: Readonly<Record<K, T>>, change: (value: T) => T) {
  const entries = Object.entries<T>(record).map(([key, value]) => [key, change(value)])
  return Object.fromEntries(entries) as Record<K, T>
}

/** The renamed generation: other names of tables and sequences, nearly all columns the same. */
export const DMS_PRESET: Preset = {
  name: 'dms',
  tables: {
    ...mapped<keyof Preset['tables'], TableSpec>(DW_PRESET.tables, (spec) => renamedTable(spec)),
    jobSchedules: renamedTable(DW_PRESET.tables.jobSchedules, BASELINE),
  },
  sequences: mapped(DW_PRESET.sequences as Preset['sequences'], renamed),
}

export const PRESETS = { dw: DW_PRESET, dms: DMS_PRESET } as const satisfies Record<string, Preset>
export type PresetName = keyof typeof PRESETS
