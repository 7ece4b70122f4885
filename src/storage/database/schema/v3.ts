import { createTable, Indexes, type SchemaContext, type SchemaStep } from './builder.ts'

/**
 * What events and executions are about (meta, subject, tags), payload
 * profiles, slots skipped by hand, and what tells that plain SQL changed an
 * event. Tags stand twice: as a list with their event, and one a row, by which
 * events are found on every database alike.
 */
export const v3: SchemaStep = {
  version: 3,
  build(context) {
    events(context)
    eventTags(context)
    executions(context)
  },
}

function events(context: SchemaContext): void {
  const { schema, dialect } = context
  schema.alterTable('almanac_events', (table) => {
    table.specificType('profile', dialect.stringType(100))
    table.text('meta', 'longtext')
    table.specificType('subject', dialect.stringType(255))
    table.text('tags', 'longtext')
    table.bigInteger('skipped_slot')
    table.bigInteger('resumed_at')
    table.specificType('row_hash', dialect.hashType)
    table.text('problem', 'longtext')
    new Indexes(table, context).add('almanac_events_subject_i', ['subject', 'id'], 'not null')
  })
}

function eventTags(context: SchemaContext): void {
  const { dialect } = context
  createTable(context, 'almanac_event_tags', (table) => {
    table.specificType('event_id', dialect.idType(64)).notNullable()
    table.specificType('tag', dialect.stringType(100)).notNullable()
    table.primary(['event_id', 'tag'], 'almanac_event_tags_pk')
    new Indexes(table, context).add('almanac_event_tags_i', ['tag', 'event_id'])
  })
}

function executions(context: SchemaContext): void {
  const { schema, dialect } = context
  schema.alterTable('almanac_executions', (table) => {
    table.text('meta', 'longtext')
    table.specificType('subject', dialect.stringType(255))
    new Indexes(table, context).add('almanac_exec_subject_i', ['subject', 'id'], 'not null')
  })
}
