import { nearestName } from '../../config/did_you_mean.ts'
import { E_LEGACY_SCHEMA, type TableFault } from '../../errors.ts'
import type { LegacySourceConfig } from '../config.ts'
import type { ColumnSpec, TableKey, TableSpec } from '../preset.ts'
import { PRESETS } from '../presets.ts'
import { fits, wanted } from './column_fit.ts'
import type { DatabaseColumn, TableDialect } from './dialect.ts'

/** Tables that rows are inserted into. */
const INSERTED: ReadonlySet<TableKey> = new Set([
  ...(['jobSchedules', 'requests', 'processLogs', 'jobLogs', 'jobErrors'] as const),
])

/** A column of the preset and the one that was found for it. */
export type Matched = Map<string, { spec: ColumnSpec; found: DatabaseColumn }>

/**
 * One look at the tables of a source: gathers what cannot be worked with, so
 * that all of it is told at once, and what is off without harm.
 */
export class Inspection {
  readonly faults: TableFault[] = []
  /** What is off, and why. */
  readonly notes: string[] = []
  readonly #source: LegacySourceConfig

  constructor(source: LegacySourceConfig) {
    this.#source = source
  }

  /** @throws E_LEGACY_SCHEMA with everything that was found */
  end(): void {
    if (this.faults.length > 0) {
      throw new E_LEGACY_SCHEMA(this.#source.name, this.faults)
    }
  }

  tableMissing(key: TableKey, connection: string): void {
    const { name } = this.#source.tables[key]
    const or = key === 'idPool' ? ', or take ids from sequences (ids.kind)' : ''
    const ddl = `database/legacy/${this.#source.preset}.*.sql`
    this.faults.push({
      table: name,
      column: null,
      found: null,
      wanted: `does not exist on connection "${connection}"`,
      remedy: `name it in ${this.#keyOf(key)}${or}, or let its owner create it (${ddl})`,
    })
  }

  /** The columns of a table as config and preset call them, found whatever their letter case. */
  match(key: TableKey, found: DatabaseColumn[], dialect: TableDialect): Matched {
    const table: TableSpec = this.#source.tables[key]
    const matched: Matched = new Map()
    for (const [column, spec] of Object.entries(table.columns)) {
      const match = findColumn(found, spec)
      if (match === undefined) {
        this.#missing(key, column, found)
      } else if (fits(spec, match.type, dialect)) {
        matched.set(column, { spec, found: match })
        this.#noteDay(table, spec, match, dialect)
      } else {
        this.#unfit(key, column, match)
      }
    }
    this.#noteForeign(key, found, matched)
    return matched
  }

  /** Rows of ours do not fill what is not ours; a trigger of the owner's may. */
  #noteForeign(key: TableKey, found: DatabaseColumn[], matched: Matched): void {
    if (!INSERTED.has(key)) {
      return
    }
    const ours = new Set([...matched.values()].map((each) => each.found))
    const { name } = this.#source.tables[key]
    for (const column of found.filter((each) => each.required && !ours.has(each))) {
      this.notes.push(
        `${name}.${column.name} takes no null and has no default: rows that are inserted here are refused, ` +
          `unless a trigger fills it; let the owner give it a default, or allow null`
      )
    }
  }

  #missing(key: TableKey, column: string, found: DatabaseColumn[]): void {
    const { name, columns }: TableSpec = this.#source.tables[key]
    const spec = columns[column]
    const standIn = spec.standIn === undefined ? undefined : columns[spec.standIn]
    if (spec.optional || (standIn && findColumn(found, standIn))) {
      return
    }
    const near = nearestName(
      spec.name.toLowerCase(),
      found.map((each) => each.name.toLowerCase())
    )
    const hint = near === null ? '' : ` (did you mean "${near.toUpperCase()}"?)`
    const remedy = `name the column that holds it in ${this.#keyOf(key, column)}${hint}, or let the owner add it`
    const names = [spec.name, ...(spec.also ?? [])].join(' or ')
    this.faults.push({ table: name, column: names, found: null, wanted: wanted(spec), remedy })
  }

  /** Nothing depends on an optional column: it is left alone. */
  #unfit(key: TableKey, column: string, found: DatabaseColumn): void {
    const { name, columns }: TableSpec = this.#source.tables[key]
    const spec = columns[column]
    if (spec.optional) {
      this.notes.push(
        `${name}.${found.name} is left alone: it is ${declared(found)}, wanted ${wanted(spec)}`
      )
      return
    }
    this.faults.push({
      table: name,
      column: found.name,
      found: declared(found),
      wanted: wanted(spec),
      remedy: `name another column in ${this.#keyOf(key, column)}, or let the owner change its type`,
    })
  }

  #noteDay(
    { name }: TableSpec,
    spec: ColumnSpec,
    found: DatabaseColumn,
    dialect: TableDialect
  ): void {
    if (spec.type === 'timestamp' && dialect.holds(found.type) === 'day') {
      this.notes.push(`${name}.${found.name} keeps days only: it is ${declared(found)}`)
    }
  }

  /** The key of config/almanac.ts that renames it, which goes by the names of the preset. */
  #keyOf(key: TableKey, column?: string): string {
    const { name, columns }: TableSpec = PRESETS[this.#source.preset].tables[key]
    const table = `legacy.sources.${this.#source.name}.tables.${name}`
    return column === undefined ? table : `${table}.columns.${columns[column].name}`
  }
}

function declared({ type }: DatabaseColumn): string {
  return type === '' ? 'without a type' : type
}

function findColumn(
  found: DatabaseColumn[],
  { name, also = [] }: ColumnSpec
): DatabaseColumn | undefined {
  const candidates = [name, ...also].map(
    (each) =>
      found.find((column) => column.name === each) ??
      found.find((column) => column.name.toLowerCase() === each.toLowerCase())
  )
  return candidates.find((column) => column !== undefined)
}
