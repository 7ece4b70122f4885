import { SQL_HANDLER } from '../names.ts'
import type { SqlSession, SqlValue } from '../../storage/sql_session.ts'
import type { HandlerContext } from '../../types/handlers.ts'
import { PayloadReader } from '../payload.ts'
import type { SqlConfig } from './config.ts'
import { checkSession, prepare, type Binds, type Prepared, type Step } from './statements.ts'

const MAX_STATEMENTS = 100
const MAX_TEXT = 100_000

interface SqlStep {
  /** Its name in `builtIn.sql.statements`. */
  statement?: string
  /** A text of its own, where config allows it. */
  text?: string
  /** Values for `?` in their order, or for `:name`. */
  binds?: (string | number | boolean | null)[] | Record<string, string | number | boolean | null>
}

export type SqlPayload = { connection?: string } & (SqlStep | { statements: SqlStep[] })

export interface SqlRunResult {
  /** Rows changed by all statements. */
  affected: number
  /** Of each statement in order: rows changed, and rows a select found. */
  statements: { statement: string; affected: number; selected: number }[]
}

interface Deps {
  config: SqlConfig
  /** The session of a Lucid connection, by name. */
  sessionOf(connection: string): SqlSession
}

/** The handler `almanac.sql`: statements of config in one transaction. */
export function sqlHandler({ config, sessionOf }: Deps) {
  return async function almanacSql(context: HandlerContext): Promise<SqlRunResult> {
    const { connection, steps } = readPayload(context.payload, config)
    const session = sessionOf(connection)
    const prepared = prepare(steps, session.dialect)
    return session.transaction(async (trx) => {
      await checkSession(prepared, trx)
      return runAll(prepared, trx, context)
    })
  }
}

async function runAll(
  prepared: Prepared[],
  session: SqlSession,
  { signal, logger }: HandlerContext
): Promise<SqlRunResult> {
  const result: SqlRunResult = { affected: 0, statements: [] }
  for (const one of prepared) {
    const { rows, affected } = await runOne(one, session, signal)
    logger.info(`${one.title}: ${affected} rows changed, ${rows.length} found`)
    result.affected += affected
    result.statements.push({ statement: one.title, affected, selected: rows.length })
  }
  // An attempt that lost its lease must not commit
  signal.throwIfAborted()
  return result
}

async function runOne(
  { title, sql, bindings }: Prepared,
  session: SqlSession,
  signal: AbortSignal
) {
  signal.throwIfAborted()
  try {
    return await session.query(sql, bindings, { signal })
  } catch (error) {
    signal.throwIfAborted()
    throw new Error(`${title}: ${(error as Error).message}`, { cause: error })
  }
}

function readPayload(payload: unknown, config: SqlConfig) {
  const reader = new PayloadReader(payload)
  const several = reader.take('statements') !== undefined
  const steps = several
    ? reader.list('statements', MAX_STATEMENTS).map((item) => readItem(item, config))
    : [readStep(reader, config)]
  const connection = readConnection(reader, config)
  reader.finish(SQL_HANDLER)
  return { connection, steps }
}

function readItem(reader: PayloadReader, config: SqlConfig): Step {
  const step = readStep(reader, config)
  reader.end()
  return step
}

function readStep(reader: PayloadReader, { statements, allowText }: SqlConfig): Step {
  const binds = readBinds(reader)
  const text = reader.take('text')
  if (text === undefined) {
    const name = reader.name('statement', statements.keys(), 'a statement') ?? ''
    return { name, sql: statements.get(name) ?? '', binds }
  }
  if (reader.take('statement') !== undefined) {
    reader.report('text', text, 'give statement or text, not both')
  }
  if (!allowText) {
    const remedy = 'name a statement of builtIn.sql.statements; config does not allow texts'
    reader.report('text', text, remedy)
  }
  return { name: null, sql: reader.text('text', MAX_TEXT) ?? '', binds }
}

function readBinds(reader: PayloadReader): Binds {
  const value = reader.take('binds') ?? []
  if (typeof value !== 'object' || value === null) {
    reader.report('binds', value, 'give a list of values, or an object of them by name')
    return []
  }
  for (const [name, one] of Object.entries(value)) {
    if (one !== null && !['string', 'number', 'boolean'].includes(typeof one)) {
      reader.report(`binds.${name}`, one, 'give a text, a number, true, false or null')
    }
  }
  return value as Record<string, SqlValue>
}

/** With a single connection in config nothing needs to be said. */
function readConnection(reader: PayloadReader, { connections }: SqlConfig): string {
  return connections.length === 1 && reader.take('connection') === undefined
    ? connections[0]
    : (reader.name('connection', connections, 'a connection') ?? '')
}
