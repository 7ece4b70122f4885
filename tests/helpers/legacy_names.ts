import { readFile } from 'node:fs/promises'
import type { LegacyKindName, Value } from './legacy_places.ts'

/** The schema that a test's legacy database has. */
export type Generation = 'dw' | 'dms' | 'dms_baseline'

type Row = Record<string, Value>

const TABLES = /\bDW(JOBSCH|PRCREQ|JOBFLW|JOBLOG|JOBERR|JOB|PRCLOG|PARAMS|MAPRSQL|MAPR)(SEQ)?\b/g
/** Of the baseline's schedule table, by the contract's names. */
const BASELINE: Readonly<Record<string, string>> = { STRTDT: 'STRDT', SCHFLG: 'ENABLEFLG' }
const ABSENT = ['JOBFLWID', 'STFLG']

/**
 * Lets a test speak of tables and columns by the contract's first names
 * (DWJOBSCH, STRTDT), whatever they are called in its database.
 */
export class LegacyNames {
  readonly generation: Generation

  constructor(generation: Generation) {
    this.generation = generation
  }

  get preset(): 'dw' | 'dms' {
    return this.generation === 'dw' ? 'dw' : 'dms'
  }

  /** A statement of a test as this database takes it. */
  sql(text: string): string {
    if (this.generation === 'dw') {
      return text
    }
    const renamed = text
      .replace(/\bDWMAPRSQLCD\b/g, 'MAPRSQLCD')
      .replace(/\bDWMAPRSQL\b(?=\s*[,)=]|\s+from\b)/gi, 'MAPRSQL')
      .replace(TABLES, (_, table: string, sequence = '') => `DMS_${table}${sequence}`)
    return this.#isBaseline(renamed)
      ? renamed.replace(/\b(STRTDT|SCHFLG)\b/g, baselineName)
      : renamed
  }

  /** What a row of a table has in this database: absent columns are left out. */
  row(table: string, row: Row): Row {
    if (this.generation !== 'dms_baseline' || table !== 'DWJOBSCH') {
      return row
    }
    const kept = Object.entries(row).filter(([column]) => !ABSENT.includes(column))
    return { JOBID: 1, ...Object.fromEntries(kept) }
  }

  /** A row that was read, by the contract's names. */
  back<T>(row: Record<string, unknown>): T {
    const first: Record<string, string> = { MAPRSQLCD: 'DWMAPRSQLCD', MAPRSQL: 'DWMAPRSQL' }
    for (const [name, physical] of Object.entries(BASELINE)) {
      first[physical] = name
    }
    const entries = Object.entries(row).map(([column, value]) => [first[column] ?? column, value])
    return Object.fromEntries(entries) as T
  }

  /** The DDL, as the owner of such a database ran it. */
  async schema(kind: LegacyKindName): Promise<string> {
    const servers = { sqlite: 'sqlite', postgres: 'postgresql', mysql: 'mysql' }
    const name = `../../database/legacy/${this.preset}.${servers[kind]}.sql`
    const ddl = await readFile(new URL(name, import.meta.url), 'utf8')
    return this.generation === 'dms_baseline' ? `${ddl}\n${TO_BASELINE}` : ddl
  }

  #isBaseline(sql: string): boolean {
    return this.generation === 'dms_baseline' && /\bDMS_JOBSCH\b/.test(sql)
  }
}

const baselineName = (name: string) => BASELINE[name]

/** What the baseline has otherwise. */
const TO_BASELINE = `
alter table DMS_JOBSCH drop column JOBFLWID, drop column STFLG, add column JOBID bigint not null;
alter table DMS_JOBSCH rename column STRTDT to STRDT;
alter table DMS_JOBSCH rename column SCHFLG to ENABLEFLG;
`
