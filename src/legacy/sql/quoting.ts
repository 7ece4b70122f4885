import type { SqlDialect, SqlSession } from '../../storage/sql_session.ts'
import { readsBackslash } from './tokenizer.ts'
import type { Statement } from './statements.ts'

/** Tells whether the session takes a backslash for a plain character. */
const PLAIN_BACKSLASH = `select find_in_set('NO_BACKSLASH_ESCAPES', @@session.sql_mode) as plain`
const REMEDY = `write '' for a quote in a text, and no backslash before one`

/**
 * Makes sure that the session reads the quotes of these statements as they
 * were read here. MySQL and MariaDB end `'a\'b'` elsewhere under the sql_mode
 * NO_BACKSLASH_ESCAPES: what follows would be other statements. The session is
 * asked only where it matters.
 *
 * @param ask runs a SELECT in the very session, and returns the value of its row
 * @throws SyntaxError with the remedy
 */
export async function checkQuoting(
  statements: readonly Statement[],
  dialect: SqlDialect,
  ask: (sql: string) => Promise<unknown>
): Promise<void> {
  if (dialect !== 'mysql' || !statements.some(({ tokens }) => tokens.some(readsBackslash))) {
    return
  }
  if (statements.some(({ words, sql }) => words[0] === 'SET' && /sql_mode/i.test(sql))) {
    throw new SyntaxError(
      `a quoted text has a backslash before a quote, and sql_mode is set: ${REMEDY}`
    )
  }
  if (Number(await ask(PLAIN_BACKSLASH)) > 0) {
    throw new SyntaxError(
      `a quoted text has a backslash before a quote, which the session's sql_mode NO_BACKSLASH_ESCAPES takes for its end: ${REMEDY}`
    )
  }
}

/** The same, for statements that a session of its own runs. @throws SyntaxError with the remedy */
export async function checkQuotingOn(
  session: SqlSession,
  statements: readonly Statement[]
): Promise<void> {
  await checkQuoting(statements, session.dialect, async (sql) => {
    const { rows } = await session.query(sql)
    return rows[0].plain
  })
}
