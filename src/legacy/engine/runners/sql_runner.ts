import { E_LEGACY_FLOW } from '../../../errors.ts'
import type { SqlSession } from '../../../storage/sql_session.ts'
import { bind, bindValues, type BindValues } from '../../sql/binds.ts'
import { checkQuotingOn } from '../../sql/quoting.ts'
import {
  commitsByItself,
  controlsTransaction,
  splitStatements,
  type Statement,
} from '../../sql/statements.ts'
import { cutText, type TextLimit } from '../../text_cut.ts'
import type { RunCounts, Runner, RunnerInput } from './runner.ts'

const DATA_VERBS = ['INSERT', 'UPDATE', 'DELETE', 'MERGE', 'REPLACE', 'WITH']
const SHOWN: TextLimit = { length: 60, unit: 'characters' }

/**
 * Runs DWLOGIC that is plain SQL, one statement or several. The rows that
 * INSERT, UPDATE, DELETE and MERGE changed, summed, are the run's counts.
 *
 * An atomic one works inside the transaction that writes the run's logs.
 * Where a statement commits by itself (`TRUNCATE` on MySQL) that would tear
 * the logs apart: such a flow has a transaction of its own before, which
 * begins anew after each such statement.
 */
export class SqlRunner implements Runner {
  readonly name = 'sql'
  readonly holdsConnection = true
  readonly atomic: boolean

  constructor({ atomic }: { atomic: boolean } = { atomic: true }) {
    this.atomic = atomic
  }

  /** @throws E_LEGACY_FLOW naming the statement, with the database's error as its cause */
  async run(input: RunnerInput): Promise<RunCounts> {
    const { session, mapref } = input
    if (!session) {
      throw new E_LEGACY_FLOW([mapref, 'the sql runner was given no session to run in'])
    }
    const statements = this.#statements(input, session)
    const work = async (own: SqlSession) => {
      await checked(mapref, statements, own)
      return this.#runAll(statements, input, own)
    }
    return this.atomic ? work(session) : session.transaction(work)
  }

  async #runAll(
    statements: Statement[],
    input: RunnerInput,
    session: SqlSession
  ): Promise<RunCounts> {
    const { signal, logger } = input
    const values = bindValues(input)
    let rows = 0
    for (const [index, statement] of statements.entries()) {
      signal.throwIfAborted()
      const place = `statement ${index + 1} of ${statements.length}`
      const affected = await this.#execute(statement, values, input, session, place)
      logger.info(`${place}: ${affected} rows`)
      rows += affected
      if (!this.atomic && commitsByItself(statement, session.dialect)) {
        await session.query('start transaction')
      }
    }
    return { sourceRows: rows, targetRows: rows, errorRows: 0 }
  }

  #statements({ flow, mapref }: RunnerInput, session: SqlSession): Statement[] {
    const statements = attempt(mapref, 'DWLOGIC', () =>
      splitStatements(flow.dwlogic ?? '', session.dialect)
    )
    // A COMMIT at the very end says what happens anyway
    if (statements.at(-1)?.words[0] === 'COMMIT') {
      statements.pop()
    }
    if (statements.length === 0) {
      throw new E_LEGACY_FLOW([mapref, 'DWLOGIC is empty'])
    }
    // It would end the transaction that the logs are written in
    const index = statements.findIndex(controlsTransaction)
    if (index >= 0) {
      throw new E_LEGACY_FLOW([
        mapref,
        `statement ${index + 1} (${shorten(statements[index].sql)}) would begin or end a transaction; the flow runs in one, together with its logs: remove it`,
      ])
    }
    return statements
  }

  async #execute(
    statement: Statement,
    values: BindValues,
    { mapref, signal }: RunnerInput,
    session: SqlSession,
    place: string
  ): Promise<number> {
    const where = `${place} (${shorten(statement.sql)})`
    const { sql, bindings } = attempt(mapref, where, () => bind(statement, values))
    try {
      const { affected } = await session.query(sql, bindings, { signal })
      // MariaDB's sleep() ends without an error when it is cancelled
      signal.throwIfAborted()
      return DATA_VERBS.includes(statement.words[0]) ? affected : 0
    } catch (error) {
      signal.throwIfAborted()
      throw new E_LEGACY_FLOW([mapref, `${where}: ${(error as Error).message}`], { cause: error })
    }
  }
}

async function checked(mapref: string, statements: Statement[], session: SqlSession) {
  try {
    await checkQuotingOn(session, statements)
  } catch (error) {
    throw ofFlow(mapref, 'DWLOGIC', error)
  }
}

function attempt<T>(mapref: string, where: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw ofFlow(mapref, where, error)
  }
}

/** Turns what is wrong with the text into an error about the flow. */
function ofFlow(mapref: string, where: string, error: unknown): unknown {
  return error instanceof SyntaxError
    ? new E_LEGACY_FLOW([mapref, `${where}: ${error.message}`], { cause: error })
    : error
}

function shorten(sql: string): string {
  const line = sql.replace(/\s+/g, ' ')
  const start = cutText(line, SHOWN)
  return start.length < line.length ? `${start}…` : line
}
