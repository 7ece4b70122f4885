import type { LegacyClient } from '../client.ts'
import { holding } from '../column_fit.ts'
import type { DatabaseColumn, TableDialect } from '../dialect.ts'
import { listedRows } from '../row_sets.ts'
import { quotedWith, spellings } from '../values.ts'

const quoted = quotedWith('`')
const DECLARED_LENGTH = /^(?:VARCHAR|CHAR)\((\d+)\)/
const DATE = /^(DATE|TIMESTAMP)/
/** Types that hold so many bytes. */
const BYTES: Record<string, number> = { TINYTEXT: 255, TEXT: 65_535, MEDIUMTEXT: 16_777_215 }

const HOLDS = [
  ['number', /^(TINYINT|SMALLINT|MEDIUMINT|INT|BIGINT|DECIMAL|NUMERIC|FLOAT|DOUBLE)/],
  ['text', /^(VARCHAR|CHAR|(TINY|MEDIUM|LONG)?TEXT|ENUM)/],
  ['json', /^JSON/],
  ['bytes', /BLOB$/],
  ['day', /^DATE$/],
  ['moment', /^(DATETIME|TIMESTAMP)/],
] as const

// Compared byte by byte: the catalogue finds names in any case, statements do not
const COLUMNS = `select column_name as name, upper(column_type) as type,
    is_nullable = 'NO' and column_default is null and extra not like '%auto_increment%'
      and extra not like '%GENERATED%' as required
  from information_schema.columns
  where table_schema = coalesce(nullif(?, ''), database()) and cast(table_name as binary) = cast(? as binary)
  order by ordinal_position`
const SEQUENCE = `select table_name as name from information_schema.tables
  where table_schema = coalesce(nullif(?, ''), database()) and cast(table_name as binary) = cast(? as binary)
    and table_type = 'SEQUENCE'`

type Described = Omit<DatabaseColumn, 'required'> & { required: unknown }

/** MySQL and MariaDB. */
export const mysql: TableDialect = {
  name: 'mysql',
  quoted,
  emptied: (table) => `truncate table ${table}`,
  listLimit: 1000,
  characters: 'char_length(??)',
  text: 'cast(?? as char)',
  skipsDuplicates: false,
  locksRows: true,
  rowSets: listedRows(quoted),
  groups: null,
  claims: null,

  // MariaDB alone has them: on MySQL none is found
  sequences: {
    async find(client, name) {
      for (const spelling of spellings(name)) {
        const rows = await read(client, SEQUENCE, spelling)
        if (rows.length > 0) {
          return quoted(spelling)
        }
      }
      return null
    },
    // No more than the server lets a statement recurse by default; who needs more asks again
    next: (name, count) =>
      `with recursive n (i) as (select 1 union all select i + 1 from n where i < ${Math.min(count, 1000)})
       select nextval(${name}) as id from n`,
  },

  async prepare() {},

  async columns(client, table) {
    const rows = await read<Described>(client, COLUMNS, table)
    return rows.map((row) => ({ ...row, required: Number(row.required) === 1 }))
  },

  textLimit(type) {
    const declared = DECLARED_LENGTH.exec(type)
    if (declared) {
      return { length: Number(declared[1]), unit: 'characters' }
    }
    return type in BYTES ? { length: BYTES[type], unit: 'bytes' } : null
  },

  holds: (type) => holding(HOLDS, type),

  // A TIMESTAMP is shown in the session's zone, to us as to every other program
  dateForm: (type) => ({ read: DATE.test(type) ? 'cast(?? as char)' : null, instant: false }),
  clean: (text) => text,
}

async function read<T>(client: LegacyClient, sql: string, table: string): Promise<T[]> {
  const [schema, name] = table.includes('.') ? table.split('.') : ['', table]
  const [rows] = (await client.rawQuery(sql, [schema, name])) as [T[]]
  return rows
}
