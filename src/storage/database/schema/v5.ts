import { createTable, Indexes, type SchemaContext, type SchemaStep } from './builder.ts'

/**
 * What runs after what: dependencies between events, and the links from an
 * execution that waits to those that it waits for.
 */
export const v5: SchemaStep = {
  version: 5,
  build(context) {
    dependencies(context)
    parents(context)
    executions(context)
  },
}

function dependencies(context: SchemaContext): void {
  const { dialect } = context
  createTable(context, 'almanac_dependencies', (table) => {
    table.specificType('id', dialect.idType(130)).notNullable()
    table.primary(['id'], 'almanac_dependencies_pk')
    table.specificType('child_id', dialect.idType(64)).notNullable()
    table.specificType('parent_id', dialect.idType(64)).notNullable()
    table.specificType('on_outcome', dialect.stringType(16)).notNullable()
    table.integer('declared').notNullable()
    table.bigInteger('created_at').notNullable()
    new Indexes(table, context)
      .add('almanac_depend_child_i', ['child_id'])
      .add('almanac_depend_parent_i', ['parent_id'])
  })
}

function parents(context: SchemaContext): void {
  const { dialect } = context
  createTable(context, 'almanac_execution_parents', (table) => {
    table.specificType('id', dialect.idType(80)).notNullable()
    table.primary(['id'], 'almanac_exec_parents_pk')
    table.specificType('child_id', dialect.idType(64)).notNullable()
    table.specificType('parent_id', dialect.idType(64))
    table.specificType('parent_event_id', dialect.idType(64))
    table.specificType('name', dialect.stringType(255)).notNullable()
    table.specificType('on_outcome', dialect.stringType(16)).notNullable()
    table.specificType('ended_as', dialect.stringType(16))
    new Indexes(table, context)
      .add('almanac_exec_parent_child_i', ['child_id'])
      .add('almanac_exec_parent_i', ['parent_id'], 'not null')
      .add('almanac_exec_parent_event_i', ['parent_event_id'], 'not null')
  })
}

/** `has_children` is set where others wait: the quick end of an execution leaves those alone. */
function executions(context: SchemaContext): void {
  const { schema, dialect } = context
  schema.alterTable('almanac_executions', (table) => {
    table.specificType('workflow_id', dialect.idType(64))
    table.integer('waiting_for')
    table.integer('has_children')
    new Indexes(table, context).add('almanac_exec_workflow_i', ['workflow_id'], 'not null')
  })
}
