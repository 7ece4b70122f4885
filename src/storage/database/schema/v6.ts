import type { SchemaStep } from './builder.ts'

/**
 * Totals of subjects and nodes, with how durations and latenesses are spread;
 * and where an execution's large result lies.
 */
export const v6: SchemaStep = {
  version: 6,
  build({ schema, dialect }) {
    schema.alterTable('almanac_stats', (table) => {
      table.specificType('subject', dialect.stringType(255))
      table.specificType('node', dialect.stringType(255))
      table.text('durations', 'longtext')
      table.text('latenesses', 'longtext')
    })
    schema.alterTable('almanac_executions', (table) => {
      table.text('result_ref', 'longtext')
    })
  },
}
