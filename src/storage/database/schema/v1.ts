import { createTable, Indexes, type SchemaContext, type SchemaStep, type Table } from './builder.ts'

/**
 * Portable over SQLite, PostgreSQL, MySQL/MariaDB and Oracle: instants are
 * epoch milliseconds in bigint, JSON is text, booleans are 0/1, no name has
 * more than 30 characters, and each unique key is ONE column (nullable where
 * it binds only some rows: Oracle refuses a second row of a composite key that
 * is partly null). Key columns hold a SHA-256, the readable text is beside it.
 */
export const v1: SchemaStep = {
  version: 1,
  build(context) {
    events(context)
    executions(context)
    executionLogs(context)
    coordination(context)
    totals(context)
    journal(context)
  },
}

function events(context: SchemaContext): void {
  createTable(context, 'almanac_events', (table) => {
    id(table, context, 'almanac_events_pk')
    text(table, context, 'name', 255).notNullable()
    text(table, context, 'source', 100).notNullable()
    text(table, context, 'source_key', 255).notNullable()
    hash(table, context, 'name_hash').notNullable()
    hash(table, context, 'source_key_hash').notNullable()
    text(table, context, 'source_hash', 128)
    text(table, context, 'handler', 255).notNullable()
    table.text('payload', 'longtext')
    table.text('trigger_def', 'longtext').notNullable()
    text(table, context, 'status', 16).notNullable()
    text(table, context, 'status_by', 16).notNullable()
    text(table, context, 'queue', 255)
    table.integer('priority')
    table.text('misfire', 'longtext').notNullable()
    text(table, context, 'overlap', 16).notNullable()
    text(table, context, 'on_resume', 16).notNullable()
    table.text('concurrency_key', 'longtext')
    table.bigInteger('timeout_ms')
    table.integer('retries')
    table.bigInteger('max_runs')
    eventState(table, context)
    new Indexes(table, context)
      .unique('almanac_events_name_u', 'name_hash')
      .unique('almanac_events_key_u', 'source_key_hash')
      .add('almanac_events_due_i', ['status', 'next_run_at'])
      .add('almanac_events_source_i', ['source'])
  })
}

function eventState(table: Table, context: SchemaContext): void {
  table.bigInteger('next_run_at')
  table.bigInteger('last_slot')
  ascii(table, context, 'open_missed_id', 64)
  table.text('open_missed_reason', 'longtext')
  table.bigInteger('last_run_at')
  text(table, context, 'last_outcome', 16)
  table.bigInteger('run_count').notNullable()
  table.bigInteger('failure_count').notNullable()
  table.bigInteger('failures_in_row').notNullable()
  table.bigInteger('created_at').notNullable()
  table.bigInteger('updated_at').notNullable()
  table.bigInteger('paused_at')
  table.bigInteger('completed_at')
  table.bigInteger('cancelled_at')
  table.integer('version').notNullable()
}

function executions(context: SchemaContext): void {
  createTable(context, 'almanac_executions', (table) => {
    id(table, context, 'almanac_executions_pk')
    ascii(table, context, 'event_id', 64)
    text(table, context, 'handler', 255).notNullable()
    text(table, context, 'queue', 255).notNullable()
    text(table, context, 'origin', 16).notNullable()
    table.text('payload', 'longtext')
    text(table, context, 'state', 16).notNullable()
    table.integer('priority').notNullable()
    table.bigInteger('slot')
    table.bigInteger('slot_last')
    table.bigInteger('slot_count').notNullable()
    ascii(table, context, 'slot_key', 100)
    ascii(table, context, 'rerun_of', 64)
    table.text('reason', 'longtext')
    keys(table, context)
    attempts(table, context)
    results(table)
    executionIndexes(table, context)
  })
}

/** The text of each key, its hash, and the unique column that holds it while it binds. */
function keys(table: Table, context: SchemaContext): void {
  table.text('dedupe_text', 'longtext')
  hash(table, context, 'dedupe_hash')
  hash(table, context, 'dedupe_key')
  table.text('concurrency_text', 'longtext')
  hash(table, context, 'concurrency_hash')
  hash(table, context, 'running_key')
}

function attempts(table: Table, context: SchemaContext): void {
  table.bigInteger('available_at').notNullable()
  table.bigInteger('created_at').notNullable()
  table.bigInteger('claimed_at')
  table.bigInteger('started_at')
  table.bigInteger('finished_at')
  table.integer('attempt').notNullable()
  table.integer('failures').notNullable()
  table.integer('rescues').notNullable()
  text(table, context, 'node', 255)
  table.bigInteger('lease_expires_at')
  table.bigInteger('renewals').notNullable()
  table.bigInteger('cancel_requested_at')
  table.bigInteger('timeout_ms')
  table.integer('retries')
}

function results(table: Table): void {
  table.text('checkpoint', 'longtext')
  table.text('progress', 'longtext')
  table.text('result', 'longtext')
  table.text('error', 'longtext')
  table.integer('rolled_up').notNullable()
}

function executionIndexes(table: Table, context: SchemaContext): void {
  new Indexes(table, context)
    .unique('almanac_exec_slot_u', 'slot_key', 'not null')
    .unique('almanac_exec_dedupe_u', 'dedupe_key', 'not null')
    .unique('almanac_exec_running_u', 'running_key', 'not null')
    .add('almanac_exec_queue_i', ['priority', 'available_at', 'id'], 'queued')
    .add('almanac_exec_lease_i', ['lease_expires_at'], 'running')
    .add('almanac_exec_open_i', ['event_id', 'state'], 'open')
    .add('almanac_exec_event_i', ['event_id', 'id'], 'not null')
    .add('almanac_exec_handler_i', ['handler', 'id'])
    .add('almanac_exec_key_i', ['concurrency_hash', 'id'], 'not null')
    .add('almanac_exec_dedupe_i', ['dedupe_hash', 'id'], 'not null')
    .add('almanac_exec_rollup_i', ['finished_at'], 'unrolled')
    .add('almanac_exec_ended_i', ['state', 'finished_at'], 'ended')
}

function executionLogs(context: SchemaContext): void {
  createTable(context, 'almanac_execution_logs', (table) => {
    ascii(table, context, 'execution_id', 64).notNullable()
    table.integer('attempt').notNullable()
    table.integer('seq').notNullable()
    table.bigInteger('logged_at').notNullable()
    text(table, context, 'log_level', 8).notNullable()
    table.text('message', 'longtext').notNullable()
    table.text('data', 'longtext')
    table.primary(['execution_id', 'attempt', 'seq'], 'almanac_exec_logs_pk')
  })
}

function coordination(context: SchemaContext): void {
  createTable(context, 'almanac_leases', (table) => {
    text(table, context, 'name', 100).notNullable().primary('almanac_leases_pk')
    text(table, context, 'owner', 255)
    table.bigInteger('term').notNullable()
    table.bigInteger('expires_at')
  })
  createTable(context, 'almanac_nodes', (table) => {
    text(table, context, 'id', 255).notNullable().primary('almanac_nodes_pk')
    text(table, context, 'name', 255).notNullable()
    text(table, context, 'host', 255).notNullable()
    table.integer('pid').notNullable()
    table.bigInteger('started_at').notNullable()
    table.bigInteger('seen_at').notNullable()
    table.text('info', 'longtext').notNullable()
  })
}

function totals(context: SchemaContext): void {
  createTable(context, 'almanac_stats', (table) => {
    hash(table, context, 'stat_key').notNullable().primary('almanac_stats_pk')
    text(table, context, 'stat_day', 10).notNullable()
    text(table, context, 'handler', 255).notNullable()
    ascii(table, context, 'event_id', 64)
    text(table, context, 'outcome', 16).notNullable()
    table.bigInteger('run_count').notNullable()
    table.bigInteger('duration_total').notNullable()
    table.bigInteger('duration_max').notNullable()
    table.bigInteger('lateness_total').notNullable()
    table.bigInteger('lateness_max').notNullable()
    new Indexes(table, context).add('almanac_stats_day_i', ['stat_day'])
  })
}

/** The counters of almanac_meta: the schema version, and the last id of the journal. */
function journal(context: SchemaContext): void {
  const { schema, knex } = context
  createTable(context, 'almanac_journal', (table) => {
    table.bigInteger('id').notNullable().primary('almanac_journal_pk')
    table.bigInteger('recorded_at').notNullable()
    text(table, context, 'kind', 40).notNullable()
    text(table, context, 'actor', 255).notNullable()
    text(table, context, 'subject', 255).notNullable()
    table.text('before_json', 'longtext').notNullable()
    table.text('after_json', 'longtext').notNullable()
  })
  createTable(context, 'almanac_meta', (table) => {
    text(table, context, 'name', 30).notNullable().primary('almanac_meta_pk')
    table.bigInteger('amount').notNullable()
  })
  for (const name of ['schema_version', 'journal_id']) {
    schema.raw(knex('almanac_meta').insert({ name, amount: 0 }).toQuery())
  }
}

function id(table: Table, context: SchemaContext, primaryKey: string): void {
  ascii(table, context, 'id', 64).notNullable().primary(primaryKey)
}

function text(table: Table, { dialect }: SchemaContext, name: string, length: number) {
  return table.specificType(name, dialect.stringType(length))
}

/** Ids, and keys made of them. */
function ascii(table: Table, { dialect }: SchemaContext, name: string, length: number) {
  return table.specificType(name, dialect.idType(length))
}

function hash(table: Table, { dialect }: SchemaContext, name: string) {
  return table.specificType(name, dialect.hashType)
}
