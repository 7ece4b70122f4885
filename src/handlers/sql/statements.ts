import { Failed } from '../../jobs/outcome.ts'
import {
  commitsByItself,
  controlsTransaction,
  splitStatements,
  type Statement,
} from '../../legacy/sql/statements.ts'
import { checkQuotingOn } from '../../legacy/sql/quoting.ts'
import type { SqlDialect, SqlSession, SqlValue } from '../../storage/sql_session.ts'

/** Values for `?` in their order, or for `:name`. */
export type Binds = SqlValue[] | Record<string, SqlValue>

export interface Step {
  /** The name in config; null for a text of the payload. */
  name: string | null
  sql: string
  binds: Binds
}

/** One statement as a session takes it. */
export interface Prepared {
  /** As messages name it. */
  title: string
  sql: string
  bindings: SqlValue[]
  /** As it was read. */
  statement: Statement
}

/** @throws Failed when the session would read a quote otherwise */
export async function checkSession(prepared: Prepared[], session: SqlSession): Promise<void> {
  const statements = prepared.map(({ statement }) => statement)
  try {
    await checkQuotingOn(session, statements)
  } catch (error) {
    throw error instanceof SyntaxError ? new Failed(error.message, { cause: error }) : error
  }
}

/**
 * The statements of all steps, with their binds.
 *
 * @throws Failed naming the statement that cannot be run
 */
export function prepare(steps: Step[], dialect: SqlDialect): Prepared[] {
  const all = steps.flatMap((step, index) => {
    const statements = split(step, index, dialect)
    return bindAll(step, titleOf(step, index), statements).map((prepared, place) => ({
      prepared,
      statement: statements[place],
    }))
  })
  for (const { prepared, statement } of all) {
    if (controlsTransaction(statement)) {
      throw new Failed(`${prepared.title} would begin or end a transaction; they all run in one`)
    }
    if (all.length > 1 && commitsByItself(statement, dialect)) {
      throw new Failed(`${prepared.title} commits by itself on this database; run it alone`)
    }
  }
  return all.map(({ prepared }) => prepared)
}

function split(step: Step, index: number, dialect: SqlDialect): Statement[] {
  const statements = orFail(step, index, () => splitStatements(step.sql, dialect))
  if (statements.length === 0) {
    throw new Failed(`${titleOf(step, index)} holds no statement`)
  }
  return statements
}

function orFail<T>(step: Step, index: number, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw new Failed(`${titleOf(step, index)}: ${(error as Error).message}`, { cause: error })
  }
}

function bindAll(step: Step, title: string, statements: Statement[]): Prepared[] {
  const binder = Array.isArray(step.binds)
    ? new Positional(title, step.binds)
    : new Named(title, step.binds)
  const prepared = statements.map((statement, index) => {
    const own = statements.length === 1 ? title : `${title}, part ${index + 1}`
    return { title: own, statement, ...bind(statement, binder) }
  })
  binder.end()
  return prepared
}

function bind(statement: Statement, binder: Binder): Pick<Prepared, 'sql' | 'bindings'> {
  const bindings: SqlValue[] = []
  const texts = statement.tokens.map(({ kind, text }) => {
    const isBind = kind === 'placeholder' || (kind === 'bind' && !statement.hasBody)
    if (!isBind) {
      return text
    }
    bindings.push(binder.valueOf(text))
    return '?'
  })
  return { sql: texts.join('').trim(), bindings }
}

interface Binder {
  valueOf(text: string): SqlValue
  /** @throws Failed when a value was not used */
  end(): void
}

class Positional implements Binder {
  #next = 0
  readonly #title: string
  readonly #values: SqlValue[]

  constructor(title: string, values: SqlValue[]) {
    this.#title = title
    this.#values = values
  }

  valueOf(text: string): SqlValue {
    if (text !== '?') {
      throw new Failed(`${this.#title}: ${text} has no value; give binds as an object by name`)
    }
    if (this.#next >= this.#values.length) {
      throw new Failed(`${this.#title}: binds has only ${this.#values.length} values; add the rest`)
    }
    return this.#values[this.#next++]
  }

  end(): void {
    if (this.#next < this.#values.length) {
      const { length } = this.#values
      throw new Failed(
        `${this.#title}: binds has ${length} values, of which ${this.#next} are used`
      )
    }
  }
}

class Named implements Binder {
  readonly #title: string
  readonly #values: Record<string, SqlValue>
  readonly #used = new Set<string>()

  constructor(title: string, values: Record<string, SqlValue>) {
    this.#title = title
    this.#values = values
  }

  valueOf(text: string): SqlValue {
    const name = text.slice(1)
    if (text === '?') {
      throw new Failed(`${this.#title}: a bare "?" has no name; give binds as a list`)
    }
    if (!Object.hasOwn(this.#values, name)) {
      throw new Failed(`${this.#title}: ${text} has no value; add "${name}" to binds`)
    }
    this.#used.add(name)
    return this.#values[name]
  }

  end(): void {
    const unused = Object.keys(this.#values).filter((name) => !this.#used.has(name))
    if (unused.length > 0) {
      throw new Failed(`${this.#title}: binds ${unused.join(', ')} occur in no statement`)
    }
  }
}

function titleOf({ name }: Step, index: number): string {
  return name === null ? `statement ${index + 1}` : `"${name}"`
}
