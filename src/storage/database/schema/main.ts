import type { QueryClientContract, TransactionClientContract } from '@adonisjs/lucid/types/database'
import { E_INVALID_CONFIG, E_INVALID_INPUT, E_SCHEMA_BUSY } from '../../../errors.ts'
import { SCHEMA_VERSION } from '../../contract.ts'
import { dialectOf, type Dialect } from '../dialect.ts'
import { immediateTransaction } from '../immediate_transaction.ts'
import { useWriteAheadLog, withHandle } from '../sqlite_handle.ts'
import type { SchemaStep } from './builder.ts'
import { DROP_FUNCTION, notifyStatements } from './notify.ts'
import { runStep, statementsOf } from './run_step.ts'
import { TABLES } from './tables.ts'
import { v1 } from './v1.ts'
import { v2 } from './v2.ts'
import { v3 } from './v3.ts'
import { v4 } from './v4.ts'
import { v5 } from './v5.ts'
import { v6 } from './v6.ts'

/** Every step, the oldest first; the last one's version is SCHEMA_VERSION. */
export const STEPS: readonly SchemaStep[] = [v1, v2, v3, v4, v5, v6]
/** Lucid's names of the dialects whose drivers the store talks to. */
const DRIVERS: string[] = ['better-sqlite3', 'postgres', 'mysql']

export interface MigrationOptions {
  /** The version to go to. Default: the newest. A store that is further is left as it is. */
  to?: number
  /**
   * Lets PostgreSQL tell the working processes of new work, by triggers on two
   * tables. Default true; false leaves it to polling. Elsewhere it means nothing.
   */
  notify?: boolean
}

export interface MigrationResult {
  /** The version that was found, 0 where there were no tables. */
  from: number
  to: number
}

/**
 * Brings the package's own tables to a version of their schema, forwards
 * only; a store that is there already is left as it is. Takes a Lucid client,
 * or a transaction and then works inside it. One that died halfway goes on
 * where it was, also where DDL commits by itself.
 *
 * @throws E_INVALID_INPUT when `to` is no version of the schema
 * @throws E_INVALID_CONFIG when the package's tables cannot live in this database
 * @throws E_SCHEMA_CONFLICT when a table of another kind has one of our names
 */
export async function migrateSchema(
  client: QueryClientContract,
  options: MigrationOptions = {}
): Promise<MigrationResult> {
  const dialect = storeDialectOf(client)
  if (!client.isTransaction && dialect.name === 'sqlite') {
    await withHandle(client, async (handle) => useWriteAheadLog(handle))
  }
  return inTransaction(client, (trx) => locked(trx, dialect, () => migrate(trx, dialect, options)))
}

/** Drops every table of the package. */
export async function dropSchema(client: QueryClientContract): Promise<void> {
  const dialect = storeDialectOf(client)
  await inTransaction(client, async (trx) => {
    for (const table of TABLES) {
      await trx.schema.dropTableIfExists(table)
    }
    if (dialect.notifies) {
      await trx.rawQuery(DROP_FUNCTION)
    }
  })
}

/**
 * Lets PostgreSQL notify the working processes from now on, or stops it: a
 * change of mind about the `notify` of migrateSchema(). Does nothing elsewhere.
 * Processes that work already notice when they start next.
 *
 * @throws E_INVALID_CONFIG when the package's tables cannot live in this database
 */
export async function setNotify(client: QueryClientContract, on: boolean): Promise<void> {
  const dialect = storeDialectOf(client)
  if (!dialect.notifies) {
    return
  }
  await inTransaction(client, (trx) =>
    locked(trx, dialect, async () => {
      for (const statement of notifyStatements(on)) {
        await trx.rawQuery(statement)
      }
    })
  )
}

/** The version of the schema that is there, 0 for none. */
export async function schemaVersionOf(client: QueryClientContract): Promise<number> {
  if (!(await client.schema.hasTable('almanac_meta'))) {
    return 0
  }
  const [row] = await client.from('almanac_meta').where('name', 'schema_version').select('amount')
  // A migration may have died between the table and its first row
  return Number(row?.amount ?? 0)
}

/** The statements of each step, as plain SQL of the client's database. */
export function schemaStatements(
  client: QueryClientContract
): { version: number; statements: string[] }[] {
  const options = { dialect: dialectOf(client), notify: true }
  return STEPS.map((step) => ({
    version: step.version,
    statements: statementsOf(step, client, options),
  }))
}

/** @throws E_INVALID_CONFIG */
export function storeDialectOf(client: QueryClientContract): Dialect {
  const dialect = dialectOf(client)
  if (!dialect.store || !DRIVERS.includes(client.dialect.name)) {
    throw new E_INVALID_CONFIG([
      `connection "${client.connectionName}"`,
      `of client "${client.dialect.name}", where Almanac's own tables cannot live in this version`,
      'give the store a connection of client "better-sqlite3", "pg" or "mysql2"',
    ])
  }
  return dialect
}

async function migrate(
  client: QueryClientContract,
  dialect: Dialect,
  { to = SCHEMA_VERSION, notify = true }: MigrationOptions
): Promise<MigrationResult> {
  const from = await schemaVersionOf(client)
  if (!STEPS.some(({ version }) => version === to)) {
    const message = `give a version from ${Math.max(1, from)} to ${SCHEMA_VERSION}; the schema goes forwards only`
    throw new E_INVALID_INPUT('The schema migration', [{ field: 'to', value: String(to), message }])
  }
  for (const step of STEPS) {
    if (step.version > from && step.version <= to) {
      await runStep(step, client, { dialect, notify })
    }
  }
  return { from, to: Math.max(from, to) }
}

/** Where DDL commits by itself, the transaction still keeps one connection, which holds the lock. */
function inTransaction<T>(
  client: QueryClientContract,
  work: (client: QueryClientContract) => Promise<T>
): Promise<T> {
  return client.isTransaction
    ? work(client)
    : immediateTransaction(client, (trx: TransactionClientContract) => work(trx))
}

/** One process at a time changes the schema. */
/** @throws E_SCHEMA_BUSY when another process keeps the lock */
async function locked<T>(
  client: QueryClientContract,
  dialect: Dialect,
  work: () => Promise<T>
): Promise<T> {
  const { take, release } = dialect.schemaLock
  if (take) {
    const { rows } = dialect.normalize(await client.rawQuery(take), take)
    // Where waiting has an end, 0 says that it was in vain
    if (Object.values(rows[0] ?? {}).includes(0)) {
      throw new E_SCHEMA_BUSY([])
    }
  }
  try {
    return await work()
  } finally {
    if (release) {
      await client.rawQuery(release)
    }
  }
}
