import type { QueryClientContract } from '@adonisjs/lucid/types/database'
import { E_SCHEMA_CONFLICT } from '../../../errors.ts'
import type { Dialect } from '../dialect.ts'
import type { SchemaStep } from './builder.ts'

export interface StepOptions {
  dialect: Dialect
  notify: boolean
}

/** The statements of a step in the words of the client's database. */
export function statementsOf(
  step: SchemaStep,
  client: QueryClientContract,
  options: StepOptions
): string[] {
  const schema = client.schema
  step.build({ schema, knex: client.getWriteClient(), ...options })
  return [...schema.toSQL().map(({ sql }) => sql), versionStatement(step.version)]
}

/**
 * Runs a step. Where DDL commits by itself, a migration that died halfway left
 * some of its work behind: what is there already is passed over.
 *
 * @throws E_SCHEMA_CONFLICT when a table is there that is not ours
 */
export async function runStep(
  step: SchemaStep,
  client: QueryClientContract,
  options: StepOptions
): Promise<void> {
  for (const statement of statementsOf(step, client, options)) {
    try {
      await client.rawQuery(statement)
    } catch (error) {
      if (options.dialect.transactionalDdl || !isDone(statement, error, options.dialect)) {
        throw error
      }
      await requireOurs(statement, client)
    }
  }
}

function versionStatement(version: number): string {
  return `update almanac_meta set amount = ${version} where name = 'schema_version'`
}

function isDone(statement: string, error: unknown, dialect: Dialect): boolean {
  return statement.startsWith('insert into')
    ? dialect.isUniqueViolation(error)
    : dialect.isThere(error)
}

/** A table that is there must have the columns that it was to be made with. */
async function requireOurs(statement: string, client: QueryClientContract): Promise<void> {
  const table = /^create table `(\w+)` \(/.exec(statement)?.[1]
  if (table === undefined) {
    return
  }
  const wanted = [...statement.matchAll(/[(,] ?`(\w+)` [a-z]/g)].map(([, column]) => column)
  const [rows] = await client.rawQuery(
    `select column_name as name from information_schema.columns
      where table_schema = database() and table_name = ?`,
    [table]
  )
  const found = new Set((rows as { name: string }[]).map(({ name }) => name))
  const missing = wanted.filter((column) => !found.has(column))
  if (missing.length > 0) {
    throw new E_SCHEMA_CONFLICT([table, missing.join(', ')])
  }
}
