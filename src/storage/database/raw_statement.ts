import type { SqlDialect, SqlValue } from '../sql_session.ts'

export interface RawStatement {
  sql: string
  bindings: SqlValue[]
}

/** Texts, quoted names and comments of a statement: a question mark there is no binding. */
const STANDARD = /'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|--[^\n]*|\/\*[\s\S]*?\*\//g
/** With E'…' that knows backslashes, and $tag$…$tag$. */
const POSTGRES =
  /\be'(?:[^'\\]|\\[\s\S]|'')*'|(?<![\w$])(\$(?:[a-z_]\w*)?\$)[\s\S]*?\1|'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|--[^\n]*|\/\*[\s\S]*?\*\//gi
/** Backslashes everywhere, and comments that begin with #. */
const MYSQL =
  /'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"|`[^`]*`|--(?=\s)[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\//g
const QUOTED: Record<SqlDialect, RegExp> = {
  sqlite: STANDARD,
  postgres: POSTGRES,
  mysql: MYSQL,
  oracle: STANDARD,
}

/**
 * Makes a statement with `?` bindings ready for knex, which takes every
 * question mark for a binding, also the quoted ones. Where knex numbers the
 * bindings, a quoted one is escaped. mysql2 puts bindings into the text itself
 * and knows no escape, so that it is done here, with mysql2's own quoting.
 */
export function forKnex(
  dialect: SqlDialect,
  { sql, bindings }: RawStatement,
  connection: object
): RawStatement {
  if (dialect === 'mysql') {
    const { escape } = connection as { escape: (value: unknown) => string }
    const values = bindings.map((value) => escape.call(connection, value))
    return { sql: fillIn(sql, values), bindings: [] }
  }
  return {
    sql: sql.replace(QUOTED[dialect], (quoted) => quoted.replaceAll('?', String.raw`\?`)),
    bindings,
  }
}

/** The same statement with `$1`, `$2` and so on in place of the question marks that are bindings. */
export function numbered(sql: string): string {
  let next = 0
  return outsideQuotes(sql, QUOTED.postgres, () => `$${++next}`)
}

/** Puts the values in place of the question marks that are bindings. */
function fillIn(sql: string, values: string[]): string {
  let next = 0
  return outsideQuotes(sql, QUOTED.mysql, () => (next < values.length ? values[next++] : '?'))
}

/** Replaces each question mark that stands in no text, name or comment. */
function outsideQuotes(sql: string, quotes: RegExp, replacement: () => string): string {
  let end = 0
  let filled = ''
  for (const { 0: quoted, index } of sql.matchAll(quotes)) {
    filled += sql.slice(end, index).replaceAll('?', replacement) + quoted
    end = index + quoted.length
  }
  return filled + sql.slice(end).replaceAll('?', replacement)
}
