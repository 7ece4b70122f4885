import { claimStatements } from '../claim_statement.ts'
import type { LegacyClient } from '../client.ts'
import { holding } from '../column_fit.ts'
import type { DatabaseColumn, DateForm, TableDialect } from '../dialect.ts'
import { arrayGroups } from '../group_statements.ts'
import { jsonRows } from '../row_sets.ts'
import { quotedWith, spellings } from '../values.ts'

const quoted = quotedWith('"')
const groups = arrayGroups(quoted)
const DECLARED_LENGTH = /^(?:CHARACTER VARYING|CHARACTER|VARCHAR|CHAR)\((\d+)\)$/
const HOLDS = [
  ['number', /^(SMALLINT|INTEGER|BIGINT|NUMERIC|REAL|DOUBLE PRECISION)/],
  ['text', /^(CHARACTER|VARCHAR|CHAR|BPCHAR|TEXT|CITEXT|NAME$)/],
  ['json', /^JSONB?$/],
  ['day', /^DATE$/],
  ['moment', /^TIMESTAMP/],
] as const
const TO_THE_MILLISECOND = 'YYYY-MM-DD HH24:MI:SS.MS'

/**
 * What the name means here and now: the search path decides, as it does for a
 * statement. A domain is told as the type behind it.
 */
const COLUMNS = `with recursive declared as (
    select attname, attnum, atttypid as type, atttypmod as modifier,
        (attnotnull or typnotnull) and not atthasdef and typdefault is null and attidentity = '' as required
      from pg_attribute join pg_type on pg_type.oid = atttypid
      where attrelid = to_regclass(?) and attnum > 0 and not attisdropped
    union all
    select d.attname, d.attnum, t.typbasetype, t.typtypmod, d.required
      from declared d join pg_type t on t.oid = d.type where t.typtype = 'd')
  select d.attname as name, upper(format_type(d.type, d.modifier)) as type, d.required
  from declared d join pg_type t on t.oid = d.type where t.typtype <> 'd'
  order by d.attnum`
const SEQUENCE = `select 1 from pg_class where oid = to_regclass(?) and relkind = 'S'`

export const postgres: TableDialect = {
  name: 'postgres',
  quoted,
  emptied: (table) => `truncate table ${table}`,
  listLimit: 1000,
  characters: 'length(cast(?? as text))',
  text: 'cast(?? as text)',
  skipsDuplicates: true,
  locksRows: true,
  rowSets: jsonRows(quoted),
  groups,
  claims: claimStatements(quoted, groups.takes),

  sequences: {
    async find(client, name) {
      for (const spelling of spellings(name).map(quoted)) {
        const rows = await read(client, SEQUENCE, spelling)
        if (rows.length > 0) {
          return spelling
        }
      }
      return null
    },
    next: (name, count) =>
      `select nextval('${name.replaceAll("'", "''")}') as id from generate_series(1, ${count})`,
  },

  async prepare() {},

  async columns(client, table) {
    return (await read(client, COLUMNS, quoted(table))) as unknown as DatabaseColumn[]
  },

  textLimit(type) {
    const declared = DECLARED_LENGTH.exec(type)
    return declared ? { length: Number(declared[1]), unit: 'characters' } : null
  },

  holds: (type) => holding(HOLDS, type),
  dateForm,

  // No text of PostgreSQL holds a zero
  clean: (text) => text.replaceAll('\0', '\uFFFD'),
}

/** Formatted by the database: the text of a plain cast would depend on DateStyle. */
function dateForm(type: string): DateForm {
  if (type === 'DATE') {
    return { read: `to_char(??, 'YYYY-MM-DD')`, instant: false }
  }
  if (!type.startsWith('TIMESTAMP')) {
    return { read: null, instant: false }
  }
  return type.endsWith('WITH TIME ZONE')
    ? { read: `to_char(?? at time zone 'UTC', '${TO_THE_MILLISECOND}+00:00')`, instant: true }
    : { read: `to_char(??, '${TO_THE_MILLISECOND}')`, instant: false }
}

async function read(
  client: LegacyClient,
  sql: string,
  name: string
): Promise<Record<string, unknown>[]> {
  const { rows } = (await client.rawQuery(sql, [name])) as { rows: Record<string, unknown>[] }
  return rows
}
