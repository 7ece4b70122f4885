import type { SqlDialect } from '../../storage/sql_session.ts'
import { splitStatements, type Statement } from './statements.ts'

/** What DWLOGIC is written in. */
export type LogicKind = 'sql' | 'plsql' | 'python'

const PYTHON = /^[ \t]*(?:async[ \t]+)?def[ \t]+execute_job[ \t]*\(/m
const PYTHON_START = /^\s*(?:"""|'''|(?:import|from|def|async|class|try)\b)/

/** What a plain SQL statement may begin with. */
const SQL_VERBS = new Set(
  `ALTER ANALYZE CALL COMMENT COMMIT COPY CREATE DELETE DO DROP EXPLAIN GRANT INSERT LOAD LOCK MERGE
   OPTIMIZE PRAGMA REFRESH REINDEX RENAME REPLACE REVOKE ROLLBACK SAVEPOINT SELECT SET START TABLE
   TRUNCATE UPDATE UPSERT VACUUM VALUES WITH`.split(/\s+/)
)

/** What follows a BEGIN that opens a transaction rather than a block. */
const TRANSACTION_MODES = ['TRANSACTION', 'WORK', 'DEFERRED', 'IMMEDIATE', 'EXCLUSIVE', 'TRAN']

/**
 * Tells by its look what a flow's logic is written in.
 *
 * @throws SyntaxError when it could be more than one, or none: a guess would
 * run the wrong thing
 */
export function logicKind(logic: string, dialect: SqlDialect): LogicKind {
  if (PYTHON.test(logic)) {
    return pythonOrNothing(logic)
  }
  if (PYTHON_START.test(logic)) {
    throw new SyntaxError('it looks like Python, but defines no execute_job')
  }
  const [first] = splitStatements(logic, dialect)
  if (!first) {
    throw new SyntaxError('it is empty')
  }
  if (beginsBlock(first)) {
    return blockOrNothing(logic)
  }
  const [verb = ''] = first.words
  const opening = first.tokens.find(({ kind }) => kind !== 'space' && kind !== 'comment')!
  if (SQL_VERBS.has(verb) || verb === 'BEGIN' || opening.text === '(') {
    return 'sql'
  }
  throw new SyntaxError(`it begins with "${opening.text}": neither SQL, nor PL/SQL, nor Python`)
}

/** Python keeps its quotes and comments in its own way, so only its first word is looked at. */
function pythonOrNothing(logic: string): LogicKind {
  const verb = /^\s*([a-z]+)/i.exec(logic)?.[1].toUpperCase() ?? ''
  const isSql = SQL_VERBS.has(verb) && verb !== 'WITH'
  if (isSql || verb === 'BEGIN' || verb === 'DECLARE') {
    throw new SyntaxError(`it begins with ${verb} and defines execute_job: SQL or Python?`)
  }
  return 'python'
}

function beginsBlock({ words, tokens }: Statement): boolean {
  const [first, second] = words
  if (first === 'DECLARE') {
    return true
  }
  const isAlone = tokens.filter(({ kind }) => kind !== 'space' && kind !== 'comment').length === 1
  return first === 'BEGIN' && !isAlone && !TRANSACTION_MODES.includes(second)
}

/** A block has its BEGIN and its END. */
function blockOrNothing(logic: string): LogicKind {
  if (/\bbegin\b/i.test(logic) && /\bend\b/i.test(logic)) {
    return 'plsql'
  }
  throw new SyntaxError('it begins like a PL/SQL block, but has no BEGIN and END')
}
