import type { ExecutionStore, NewExecution, Now } from '../contract.ts'
import { newExecution } from '../rules/new_records.ts'
import type { StoreConnection } from './connection.ts'
import { clockOr, type Dialect } from './dialect.ts'
import { executionRow, findExecution } from './execution_rows.ts'
import type { Statement } from './row_sets.ts'
import type { PostgresWork } from './server_work.ts'

type EnqueueParams = Parameters<ExecutionStore['enqueue']>[0]

/**
 * The execution that one statement can put into the queue: alone, and with
 * nothing that goes in beside it.
 *
 * @returns null when it takes a transaction, or where the database has no such statement
 */
export function soleBirth(dialect: Dialect, params: EnqueueParams): NewExecution | null {
  const { executions, client = null, journal } = params
  const [sole] = executions
  const isBare = client === null && !journal && executions.length === 1
  const isLinked = [sole?.parents, sole?.children].some((links) => links && links.length > 0)
  return dialect.claim === 'one statement' && isBare && !isLinked ? sole : null
}

/**
 * Inserts it in one round trip, by the database's clock. After a lost
 * connection it is looked whether it went in before: its id is its own.
 *
 * @returns false when a key of it is taken
 * @throws E_EMPTY_KEY, E_PAYLOAD_NOT_JSON
 */
export async function insertSole(
  connection: StoreConnection,
  now: Now,
  sole: NewExecution
): Promise<boolean> {
  const { sql, bindings } = statement(sole, now)
  let attempts = 0
  return connection.read('executions.enqueue', async (work) => {
    attempts++
    const born = await (work as PostgresWork).tuples(sql, bindings, { kept: true })
    return born.length > 0 || (attempts > 1 && (await findExecution(work, sole.id)) !== null)
  })
}

/** Its instants count from the clock of the statement; one that is given stands as it is. */
function statement(sole: NewExecution, now: Now): Statement {
  const row = executionRow(newExecution(sole, 0))
  const counted = [
    'created_at',
    ...(sole.availableAt === null ? ['available_at', 'expires_at'] : []),
  ]
  const values = Object.keys(row).map((name) =>
    counted.includes(name) ? '(select at + ?::bigint from clock)' : '?'
  )
  return {
    sql: `with clock as materialized (select ${clockOr('?::bigint')} as at)
      insert into almanac_executions (${Object.keys(row).join(', ')})
      values (${values.join(', ')}) on conflict do nothing returning id`,
    bindings: [now, ...Object.values(row)],
  }
}
