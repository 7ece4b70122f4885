import type { QueryClientContract } from '@adonisjs/lucid/types/database'
import type { Dialect } from '../dialect.ts'

export type Knex = ReturnType<QueryClientContract['getWriteClient']>
export type SchemaBuilder = QueryClientContract['schema']
type CreateTable = Parameters<SchemaBuilder['createTable']>[1]
export type Table = Parameters<CreateTable>[0]

/** What a step of the schema is built with. */
export interface SchemaContext {
  schema: SchemaBuilder
  knex: Knex
  dialect: Dialect
  /** Whether the database is to tell working processes of new work, where it can. */
  notify: boolean
}

/** One numbered, forward-only step. */
export interface SchemaStep {
  version: number
  /** Adds the statements of the step to the builder. */
  build(context: SchemaContext): void
}

/** Adds the statements that make one table. */
export function createTable(
  { schema, dialect: { tableOptions } }: SchemaContext,
  name: string,
  build: CreateTable
): void {
  schema.createTable(name, (table) => {
    if (tableOptions) {
      table.engine(tableOptions.engine)
      table.charset(tableOptions.charset)
      table.collate(tableOptions.collate)
    }
    build(table)
  })
}

/**
 * The parts of the executions that an index covers, where the database can
 * restrict it. Elsewhere the index covers all rows and begins with the column
 * that tells its part from the rest, if it does not hold it anyway.
 */
const PARTS = {
  queued: { rows: `state = 'queued'`, column: 'state' },
  running: { rows: `state = 'running'`, column: 'state' },
  open: { rows: 'finished_at is null', column: null },
  ended: { rows: 'finished_at is not null', column: null },
  unrolled: { rows: 'rolled_up = 0 and finished_at is not null', column: 'rolled_up' },
}

/** `not null` speaks of the index's first column. */
export type Part = keyof typeof PARTS | 'not null'

/**
 * Adds indexes with portable names. Where partial indexes exist they cover
 * only the rows that are looked for, so that finished rows cost them nothing.
 */
export class Indexes {
  readonly #table: Table
  readonly #context: SchemaContext

  constructor(table: Table, context: SchemaContext) {
    this.#table = table
    this.#context = context
  }

  add(name: string, columns: string[], part?: Part): this {
    const lead = part === undefined || part === 'not null' ? null : PARTS[part].column
    const all = lead === null || this.#context.dialect.partialIndexes ? columns : [lead, ...columns]
    this.#table.index(all, name, { predicate: this.#predicate(columns, part) })
    return this
  }

  unique(name: string, column: string, part?: Part): this {
    this.#table.unique([column], {
      indexName: name,
      useConstraint: false,
      predicate: this.#predicate([column], part),
    })
    return this
  }

  #predicate([column]: string[], part: Part | undefined) {
    const { knex, dialect } = this.#context
    return part === undefined || !dialect.partialIndexes
      ? undefined
      : knex
          .queryBuilder()
          .whereRaw(part === 'not null' ? `${column} is not null` : PARTS[part].rows)
  }
}
