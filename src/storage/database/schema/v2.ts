import { Indexes, type SchemaContext, type SchemaStep } from './builder.ts'
import { notifyStatements } from './notify.ts'

/**
 * Finds the first waiting row of a key without walking its backlog, and lets
 * PostgreSQL tell the working processes of new work.
 */
export const v2: SchemaStep = {
  version: 2,
  build(context) {
    waitingByKey(context)
    if (context.notify && context.dialect.notifies) {
      notifyStatements(true).forEach((statement) => context.schema.raw(statement))
    }
  },
}

function waitingByKey(context: SchemaContext): void {
  context.schema.alterTable('almanac_executions', (table) => {
    const columns = ['concurrency_hash', 'priority', 'available_at', 'id']
    new Indexes(table, context).add('almanac_exec_waiting_i', columns, 'queued')
  })
}
