import type { SqlCell, SqlDialect, SqlReader, SqlValue } from '../../storage/sql_session.ts'
import type { JsonObject } from '../../types/json.ts'
import { Refusal, shorten } from '../request_fields.ts'
import { bind, type BindValues } from '../sql/binds.ts'
import { checkQuoting } from '../sql/quoting.ts'
import { splitStatements, type Statement } from '../sql/statements.ts'

/** One SELECT of a report, ready to be run. */
export interface Select {
  /** Name of its sheet or file. */
  sheet: string
  /** With `?` in place of the binds. */
  sql: string
  bindings: SqlValue[]
  /** As it was read. */
  statement: Statement
}

type Sheet = { sheet: string; statement: Statement }

/** In a WITH they write, behind FOR they lock. */
const WRITES = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE'])
/** MySQL and MariaDB run what is in such a comment. */
const RUN_COMMENT = /^\/\*M?!/
const MOST = 50

/**
 * The SELECTs of a report, with its binds. Nothing but SELECT and WITH …
 * SELECT is accepted.
 *
 * @param sql one text, which may hold several statements, or texts by sheet
 * @throws Refusal naming the statement, or the bind
 */
export function readSelects(
  sql: string | Record<string, string>,
  binds: JsonObject,
  dialect: SqlDialect
): Select[] {
  const sheets =
    typeof sql === 'string' ? numberedSheets(split(sql, dialect)) : namedSheets(sql, dialect)
  if (sheets.length === 0 || sheets.length > MOST) {
    throw new Refusal(`the report has ${sheets.length} SELECTs; it needs 1 to ${MOST}`)
  }
  sheets.forEach(checkReads)
  checkBinds(sheets, binds)
  return sheets.map(({ sheet, statement }) => ({
    sheet,
    statement,
    ...bound(statement, binds as BindValues),
  }))
}

/** @throws Refusal when the session that reads would read a quote otherwise */
export async function checkSession(
  selects: Select[],
  dialect: SqlDialect,
  reader: SqlReader
): Promise<void> {
  const statements = selects.map(({ statement }) => statement)
  try {
    await checkQuoting(statements, dialect, (sql) => valueOf(sql, reader))
  } catch (error) {
    throw ofReport(error)
  }
}

async function valueOf(sql: string, reader: SqlReader): Promise<SqlCell> {
  const { batches } = await reader.select(sql)
  const rows = await Array.fromAsync(batches)
  return rows.flat()[0][0]
}

function numberedSheets(statements: Statement[]): Sheet[] {
  return statements.map((statement, at) => ({ sheet: `Sheet${at + 1}`, statement }))
}

function namedSheets(sql: Record<string, string>, dialect: SqlDialect): Sheet[] {
  return Object.entries(sql).map(([sheet, text]) => {
    const statements = split(text, dialect)
    if (statements.length !== 1) {
      throw new Refusal(
        `sheet "${sheet}" of the report has ${statements.length} statements; give one`
      )
    }
    return { sheet, statement: statements[0] }
  })
}

function split(sql: string, dialect: SqlDialect): Statement[] {
  return told(() => splitStatements(sql, dialect))
}

function checkReads({ statement, sheet }: Sheet): void {
  const words = statement.tokens
    .filter(({ kind }) => kind === 'word')
    .map(({ text }) => text.toUpperCase())
  const where = `the statement of ${sheet} ("${shorten(statement.sql)}")`
  if (words[0] !== 'SELECT' && words[0] !== 'WITH') {
    throw new Refusal(`${where} is no SELECT; a report runs SELECT and WITH … SELECT alone`)
  }
  const into = words.includes('INTO')
  const writes = words.find((word, at) => WRITES.has(word) && isClause(words, at))
  if (into || writes !== undefined) {
    throw new Refusal(`${where} has ${into ? 'INTO' : writes}; a report only reads`)
  }
  if (statement.tokens.some(({ kind, text }) => kind === 'comment' && RUN_COMMENT.test(text))) {
    throw new Refusal(`${where} has a comment that the server would run, /*! … */; leave it out`)
  }
}

/** In a plain SELECT such a word is a name or a function, but behind FOR. */
function isClause(words: string[], at: number): boolean {
  return words[0] === 'WITH' || words[at - 1] === 'FOR'
}

function checkBinds(sheets: Sheet[], binds: JsonObject): void {
  const used = new Set(
    sheets
      .flatMap(({ statement }) => statement.tokens)
      .filter(({ kind }) => kind === 'bind')
      .map(({ text }) => text.slice(1).toLowerCase())
  )
  const unknown = Object.keys(binds).find((name) => !used.has(name))
  const names = [...used].map((name) => `:${name}`).join(', ') || 'none'
  if (unknown !== undefined) {
    throw new Refusal(`PAYLOAD.${shorten(unknown)} is no bind of the report; its binds: ${names}`)
  }
  const missing = [...used].filter((name) => !Object.hasOwn(binds, name))
  if (missing.length > 0) {
    const wanted = missing.map((name) => `:${name}`).join(', ')
    throw new Refusal(`PAYLOAD gives no value for ${wanted}; the report's binds: ${names}`)
  }
}

function bound(statement: Statement, binds: BindValues): { sql: string; bindings: SqlValue[] } {
  return told(() => bind(statement, binds))
}

function told<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw ofReport(error)
  }
}

/** What is wrong with the text is the request's answer. */
function ofReport(error: unknown): unknown {
  return error instanceof SyntaxError
    ? new Refusal(`the SQL of the report cannot be read: ${error.message}`)
    : error
}
