import { createTable, Indexes, type SchemaContext, type SchemaStep } from './builder.ts'

/**
 * Pauses and limits that hold for the whole cluster, and executions that give
 * up waiting. The version of the controls stands in almanac_meta, so that a
 * claim sees with one look by key whether what its process knows still holds.
 */
export const v4: SchemaStep = {
  version: 4,
  build(context) {
    controls(context)
    expiry(context)
  },
}

function controls(context: SchemaContext): void {
  const { schema, knex, dialect } = context
  createTable(context, 'almanac_controls', (table) => {
    table.specificType('control_key', dialect.hashType).notNullable()
    table.primary(['control_key'], 'almanac_controls_pk')
    table.specificType('scope', dialect.stringType(16)).notNullable()
    table.specificType('name', dialect.stringType(255)).notNullable()
    table.bigInteger('paused_at')
    table.specificType('paused_by', dialect.stringType(255))
    table.text('reason', 'longtext')
    table.text('limits', 'longtext')
    table.text('declared', 'longtext')
    table.text('rate_parts', 'longtext')
    table.bigInteger('updated_at').notNullable()
  })
  schema.raw(knex('almanac_meta').insert({ name: 'controls', amount: 0 }).toQuery())
}

function expiry(context: SchemaContext): void {
  context.schema.alterTable('almanac_executions', (table) => {
    table.bigInteger('expires_at')
    new Indexes(table, context).add('almanac_exec_expiry_i', ['expires_at'], 'not null')
  })
}
