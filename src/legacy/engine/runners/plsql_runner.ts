import { E_LEGACY_FLOW } from '../../../errors.ts'
import { bind, bindValues, type BoundStatement } from '../../sql/binds.ts'
import { tokenize } from '../../sql/tokenizer.ts'
import type { Runner, RunnerInput } from './runner.ts'

/** What SQL*Plus reads as "run it", alone in the last line. */
const SLASH = /\n\s*\/\s*$/

/**
 * Runs DWLOGIC that is an anonymous PL/SQL block, as one statement with the
 * binds of the run. A block may commit by itself: it has a transaction of its
 * own, before that of the run's logs.
 */
export class PlsqlRunner implements Runner {
  readonly name = 'plsql'
  readonly holdsConnection = true
  readonly atomic = false

  /** @throws E_LEGACY_FLOW with the database's error as its cause */
  async run(input: RunnerInput): Promise<null> {
    const { session, mapref, signal } = input
    if (session?.dialect !== 'oracle') {
      const found = session ? `this one is on ${session.dialect}` : 'none was given'
      throw new E_LEGACY_FLOW([mapref, `a PL/SQL block runs on Oracle alone; ${found}`])
    }
    const { sql, bindings } = blockOf(input)
    return session.transaction(async (own) => {
      try {
        await own.query(sql, bindings, { signal })
        signal.throwIfAborted()
        return null
      } catch (error) {
        signal.throwIfAborted()
        throw new E_LEGACY_FLOW([mapref, `PL/SQL: ${(error as Error).message}`], { cause: error })
      }
    })
  }
}

function blockOf(input: RunnerInput): BoundStatement {
  const text = (input.flow.dwlogic ?? '').replace(SLASH, '').trim()
  try {
    const tokens = tokenize(text, 'oracle')
    return bind({ sql: text, tokens, words: [], hasBody: false }, bindValues(input))
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new E_LEGACY_FLOW([input.mapref, `PL/SQL: ${error.message}`], { cause: error })
    }
    throw error
  }
}
