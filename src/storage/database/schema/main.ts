import type { QueryClientContract, TransactionClientContract } from '@adonisjs/lucid/types/database'
import { E_INVALID_CONFIG, E_INVALID_INPUT } from '../../../errors.ts'
import { SCHEMA_VERSION } from '../../contract.ts'
import { dialectOf, type Dialect } from '../dialect.ts'
import { immediateTransaction } from '../immediate_transaction.ts'
import { useWriteAheadLog, withHandle } from '../sqlite_handle.ts'
import type { SchemaStep } from './builder.ts'
import { TABLES } from './tables.ts'
import { v1 } from './v1.ts'
import { v3 } from './v3.ts'

const STEPS: SchemaStep[] = [v1, v3]
/** Lucid's names of the dialects whose drivers the store talks to. */
const DRIVERS: string[] = ['better-sqlite3', 'postgres', 'mysql']

export interface MigrationResult {
  /** The version that was found, 0 where there were no tables. */
  from: number
  to: number
}

/**
 * Brings the package's own tables to a version of their schema, forwards
 * only; a store that is there already is left as it is. Takes a Lucid client,
 * or a transaction and then works inside it.
 *
 * @throws E_INVALID_INPUT when `to` is not a version between the one found and the newest
 * @throws E_INVALID_CONFIG when the package's tables cannot live in this database
 */
export async function migrateSchema(
  client: QueryClientContract,
  options: { to?: number } = {}
): Promise<MigrationResult> {
  const dialect = storeDialectOf(client)
  if (!client.isTransaction && dialect.name === 'sqlite') {
    await withHandle(client, async (handle) => useWriteAheadLog(handle))
  }
  const to = options.to ?? SCHEMA_VERSION
  return inTransaction(client, (trx) => locked(trx, dialect, () => migrate(trx, dialect, to)))
}

/** Drops every table of the package. */
export async function dropSchema(client: QueryClientContract): Promise<void> {
  storeDialectOf(client)
  await inTransaction(client, async (trx) => {
    for (const table of TABLES) {
      await trx.schema.dropTableIfExists(table)
    }
  })
}

/** The version of the schema that is there, 0 for none. */
export async function schemaVersionOf(client: QueryClientContract): Promise<number> {
  if (!(await client.schema.hasTable('almanac_meta'))) {
    return 0
  }
  const [row] = await client.from('almanac_meta').where('name', 'schema_version').select('amount')
  return Number(row.amount)
}

/** The statements of all steps, as plain SQL of the client's database. */
export function schemaStatements(client: QueryClientContract): string[] {
  const dialect = dialectOf(client)
  return STEPS.flatMap((step) => [
    ...statementsOf(step, client, dialect),
    versionStatement(step.version),
  ])
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
  to: number
): Promise<MigrationResult> {
  const from = await schemaVersionOf(client)
  const known = STEPS.some(({ version }) => version === to)
  if (!known || to < from) {
    const message = `give a version from ${Math.max(1, from)} to ${SCHEMA_VERSION}; the schema goes forwards only`
    throw new E_INVALID_INPUT('The schema migration', [{ field: 'to', value: String(to), message }])
  }
  for (const step of STEPS) {
    if (step.version > from && step.version <= to) {
      for (const statement of statementsOf(step, client, dialect)) {
        await client.rawQuery(statement)
      }
      await client.rawQuery(versionStatement(step.version))
    }
  }
  return { from, to }
}

function statementsOf(step: SchemaStep, client: QueryClientContract, dialect: Dialect): string[] {
  const schema = client.schema
  step.build({ schema, knex: client.getWriteClient(), dialect })
  return schema.toSQL().map(({ sql }) => sql)
}

function versionStatement(version: number): string {
  return `update almanac_meta set amount = ${version} where name = 'schema_version'`
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
async function locked<T>(
  client: QueryClientContract,
  { schemaLock: { take, release } }: Dialect,
  work: () => Promise<T>
): Promise<T> {
  if (take) {
    await client.rawQuery(take)
  }
  try {
    return await work()
  } finally {
    if (release) {
      await client.rawQuery(release)
    }
  }
}
