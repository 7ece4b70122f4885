import type { SqlDialect } from '../../storage/sql_session.ts'

export type TokenKind =
  | 'space'
  | 'comment'
  /** A quoted text, whatever its quotes. */
  | 'text'
  /** A quoted name. */
  | 'name'
  /** A keyword or an unquoted name. */
  | 'word'
  /** `:name` */
  | 'bind'
  | 'semicolon'
  /** A bare `?`. */
  | 'placeholder'
  | 'other'

export interface Token {
  kind: TokenKind
  text: string
}

/** What is read at one place: the kind, and where it ends. */
interface Lexeme {
  kind: TokenKind
  end: number
}

const SPACE = /\s+/y
const WORD = /[a-z_\u0080-\uffff][\w$#\u0080-\uffff]*/iy
const NUMBER = /\d[\w.]*/y
const BIND = /:[a-z_]\w*/iy
const DOLLAR_TAG = /\$(?:[a-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/iy
const ORACLE_QUOTE = /n?q'/iy
const CLOSING: Record<string, string> = { '[': ']', '(': ')', '{': '}', '<': '>' }

/**
 * Cuts SQL into tokens, whose texts put together are the SQL again. It knows
 * what hides a semicolon or a colon: quotes, comments, dollar quotes.
 *
 * @throws SyntaxError when a quote or a comment does not end
 */
export function tokenize(sql: string, dialect: SqlDialect): Token[] {
  const tokens: Token[] = []
  let at = 0
  while (at < sql.length) {
    const { kind, end } = readLexeme(sql, at, dialect)
    tokens.push({ kind, text: sql.slice(at, end) })
    at = end
  }
  return tokens
}

function readLexeme(sql: string, at: number, dialect: SqlDialect): Lexeme {
  return (
    readBlank(sql, at, dialect) ??
    readQuoted(sql, at, dialect) ??
    (dialect === 'postgres' ? readDollarQuoted(sql, at) : null) ??
    readPlain(sql, at)
  )
}

function readBlank(sql: string, at: number, dialect: SqlDialect): Lexeme | null {
  const space = match(SPACE, sql, at)
  if (space !== null) {
    return { kind: 'space', end: space }
  }
  if (beginsLineComment(sql, at, dialect)) {
    const newline = sql.indexOf('\n', at)
    return { kind: 'comment', end: newline < 0 ? sql.length : newline }
  }
  return sql.startsWith('/*', at) ? readBlockComment(sql, at, dialect === 'postgres') : null
}

/** MySQL takes two dashes for a comment only before a space, and # as well. */
function beginsLineComment(sql: string, at: number, dialect: SqlDialect): boolean {
  return dialect === 'mysql'
    ? sql[at] === '#' || /^--(?:\s|$)/.test(sql.slice(at, at + 3))
    : sql.startsWith('--', at)
}

function readBlockComment(sql: string, at: number, nests: boolean): Lexeme {
  let depth = 1
  let end = at + 2
  while (depth > 0) {
    const close = sql.indexOf('*/', end)
    if (close < 0) {
      throw unfinished(sql, at, 'a comment')
    }
    const open = nests ? sql.indexOf('/*', end) : -1
    const opensFirst = open >= 0 && open < close
    depth += opensFirst ? 1 : -1
    end = (opensFirst ? open : close) + 2
  }
  return { kind: 'comment', end }
}

function readQuoted(sql: string, at: number, dialect: SqlDialect): Lexeme | null {
  switch (sql[at]) {
    case "'":
      return {
        kind: 'text',
        end: endOfQuote(sql, at, "'", dialect === 'mysql' || isEscapeText(sql, at, dialect)),
      }
    case '"':
      return dialect === 'mysql'
        ? { kind: 'text', end: endOfQuote(sql, at, '"', true) }
        : { kind: 'name', end: endOfQuote(sql, at, '"', false) }
    case '`':
      return dialect === 'mysql' || dialect === 'sqlite'
        ? { kind: 'name', end: endOfQuote(sql, at, '`', false) }
        : null
    case '[':
      return dialect === 'sqlite' ? { kind: 'name', end: endOfText(sql, at, at, ']') } : null
    default:
      return dialect === 'oracle' ? readOracleQuoted(sql, at) : null
  }
}

/** PostgreSQL's E'...' knows backslashes. */
function isEscapeText(sql: string, at: number, dialect: SqlDialect): boolean {
  const prefix = /(^|[^\w$])e$/i
  return dialect === 'postgres' && prefix.test(sql.slice(Math.max(0, at - 2), at))
}

/** Where a text in quotes ends; a doubled quote stands for itself. */
function endOfQuote(sql: string, at: number, quote: string, escapes: boolean): number {
  for (let index = at + 1; index < sql.length; index++) {
    if (escapes && sql[index] === '\\') {
      index++
    } else if (sql[index] === quote) {
      if (sql[index + 1] !== quote) {
        return index + 1
      }
      index++
    }
  }
  throw unfinished(sql, at, 'a quoted text')
}

/** Whether a text of MySQL would end elsewhere if a backslash were a plain character. */
export function readsBackslash({ kind, text }: Token): boolean {
  if (kind !== 'text' || !text.includes('\\')) {
    return false
  }
  try {
    return endOfQuote(text, 0, text[0], false) !== text.length
  } catch (error) {
    if (error instanceof SyntaxError) {
      return true
    }
    throw error
  }
}

/** q'[...]' of Oracle. */
function readOracleQuoted(sql: string, at: number): Lexeme | null {
  const start = isInsideWord(sql, at) ? null : match(ORACLE_QUOTE, sql, at)
  if (start === null || start >= sql.length) {
    return null
  }
  const closing = CLOSING[sql[start]] ?? sql[start]
  return { kind: 'text', end: endOfText(sql, at, start + 1, `${closing}'`) }
}

/** PostgreSQL's $$...$$ and $tag$...$tag$, elsewhere names; what does not end is no quote but plain text. */
function readDollarQuoted(sql: string, at: number): Lexeme | null {
  const start = isInsideWord(sql, at) ? null : match(DOLLAR_TAG, sql, at)
  if (start === null) {
    return null
  }
  const tag = sql.slice(at, start)
  const close = sql.indexOf(tag, start)
  return close < 0 ? null : { kind: 'text', end: close + tag.length }
}

function readPlain(sql: string, at: number): Lexeme {
  const word = match(WORD, sql, at)
  if (word !== null) {
    return { kind: 'word', end: word }
  }
  const number = match(NUMBER, sql, at)
  if (number !== null) {
    return { kind: 'other', end: number }
  }
  // A cast (`::`) and an assignment (`:=`) are no binds
  if (sql.startsWith('::', at) || sql.startsWith(':=', at)) {
    return { kind: 'other', end: at + 2 }
  }
  const bind = match(BIND, sql, at)
  if (bind !== null) {
    return { kind: 'bind', end: bind }
  }
  const kinds: Record<string, TokenKind> = { ';': 'semicolon', '?': 'placeholder' }
  return { kind: kinds[sql[at]] ?? 'other', end: at + 1 }
}

function match(pattern: RegExp, sql: string, at: number): number | null {
  pattern.lastIndex = at
  return pattern.test(sql) ? pattern.lastIndex : null
}

function isInsideWord(sql: string, at: number): boolean {
  return at > 0 && /[\w$#]/.test(sql[at - 1])
}

function endOfText(sql: string, begin: number, from: number, closing: string): number {
  const close = sql.indexOf(closing, from)
  if (close < 0) {
    throw unfinished(sql, begin, 'a quoted text')
  }
  return close + closing.length
}

function unfinished(sql: string, at: number, what: string): SyntaxError {
  const line = sql.slice(0, at).split('\n').length
  return new SyntaxError(`${what} that begins in line ${line} does not end`)
}
