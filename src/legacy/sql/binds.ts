import type { SqlValue } from '../../storage/sql_session.ts'
import { PARAM_NAMES, type RunParams } from '../params.ts'
import type { Statement } from './statements.ts'

/** The names that logic may use, lower case, without the colon. */
export type BindValues = Record<string, SqlValue>

export interface BoundStatement {
  /** With `?` in place of the names. */
  sql: string
  bindings: SqlValue[]
}

/** :param1 .. :param10, :prcid, :sessionid, :mapref */
export function bindValues(run: {
  params: RunParams
  prcid: number
  sessionId: number
  mapref: string
}): BindValues {
  const { params, prcid, sessionId, mapref } = run
  return { ...params, prcid, sessionid: sessionId, mapref }
}

/**
 * Puts `?` in place of the named binds of a statement. A trigger's own
 * `:new` and `:old` stay.
 *
 * @throws SyntaxError on an unknown name, or a bare `?`
 */
export function bind(statement: Statement, values: BindValues): BoundStatement {
  const bindings: SqlValue[] = []
  let sql = ''
  for (const { kind, text } of statement.tokens) {
    const name = text.slice(1).toLowerCase()
    if (kind === 'bind' && Object.hasOwn(values, name)) {
      bindings.push(values[name])
      sql += '?'
    } else if (kind === 'bind' && !statement.hasBody) {
      throw new SyntaxError(`${text} is no bind; there are ${known(values)}`)
    } else if (kind === 'placeholder') {
      throw new SyntaxError(`a bare "?" is no bind; there are ${known(values)}`)
    } else {
      sql += text
    }
  }
  return { sql: sql.trim(), bindings }
}

function known(values: BindValues): string {
  const others = Object.keys(values).filter(
    (name) => !(PARAM_NAMES as readonly string[]).includes(name)
  )
  return [':param1 .. :param10', ...others.map((name) => `:${name}`)].join(', ')
}
