import { Exception } from '@poppinss/utils/exception'

/** One thing in the legacy tables that cannot be worked with. */
export interface TableFault {
  /** As config or the preset names it. */
  table: string
  /** null: it is about the whole table. */
  column: string | null
  /** What is there, the declared type of a column; null where there is nothing. */
  found: string | null
  wanted: string
  remedy: string
}

/** Everything that was found at one look at the legacy tables, in `faults`. */
export const E_LEGACY_SCHEMA = class LegacySchemaException extends Exception {
  static override code = 'E_LEGACY_SCHEMA'
  static override status = 500
  static override help =
    'Name what is there in legacy.sources of config/almanac.ts, or let the owner of the tables change them; Almanac never changes a legacy schema.'

  readonly faults: TableFault[]

  constructor(source: string, faults: TableFault[], options?: ErrorOptions) {
    super(`Legacy source "${source}": ${faults.map(inWords).join('; ')}`, options)
    this.name = 'E_LEGACY_SCHEMA'
    this.faults = faults
  }
}

function inWords({ table, column, found, wanted, remedy }: TableFault): string {
  if (column === null) {
    return `table ${table} ${wanted}: ${remedy}`
  }
  const what = found === null ? 'is missing' : `is ${found}`
  return `column ${table}.${column} ${what}, wanted ${wanted}: ${remedy}`
}
