import { E_INVALID_CONFIG } from '../../errors.ts'
import { failsAs, type DatabaseFailure } from '../../errors/database_codes.ts'
import type { SqlDialect, SqlResult } from '../sql_session.ts'
import { mysqlIdle, postgresIdle, type IdleLimit } from './idle_limit.ts'
import { mysqlSets, postgresSets, type RowSets } from './row_sets.ts'
import { eitherCase, likePattern } from './text_patterns.ts'

/**
 * What a database can do and how it says it. Everything in which databases
 * differ is in this file; the statements of the stores ask here.
 */
export interface Dialect {
  readonly name: SqlDialect
  /** Whether the package's own tables may live there. */
  readonly store: boolean
  /** Indexes over a part of the rows (`where …`). */
  readonly partialIndexes: boolean
  /** DDL takes part in a transaction. */
  readonly transactionalDdl: boolean
  /** Tells other connections of what was committed, by NOTIFY. */
  readonly notifies: boolean
  /** Column type of a SHA-256 in hex. */
  readonly hashType: string
  /** Selects the database's clock as `now_ms`, epoch milliseconds. */
  readonly clockSql: string
  /** Column type of an id, which is ASCII, and of a text of bounded length; both compare by bytes. */
  idType(length: number): string
  stringType(length: number): string
  /** What a table is to be made of, where that is a choice. */
  readonly tableOptions: { engine: string; charset: string; collate: string } | null
  /** Let one process at a time change the schema. */
  readonly schemaLock: { take: string | null; release: string | null }
  /**
   * Begin a unit of work that writes, and one whose reads see one state. What
   * the last statement selects, if anything, is the clock as `now_ms`. A unit
   * that writes is ended by the server after `idle` seconds of silence.
   */
  readonly begin: {
    write: (idle: number) => readonly string[]
    snapshot: () => readonly string[]
  }
  /** Null: nobody else could end a transaction. */
  readonly idleLimit: IdleLimit | null
  /** Ends a select whose rows are to stay as they are until the transaction ends. */
  readonly lockRows: string
  /** The same, passing over rows that another transaction has locked. */
  readonly lockFreeRows: string
  /** Keeps an update by id to these rows: on the way along another index it would wait for others. */
  readonly byPrimaryKey: string
  /** Writes of many rows by one statement; null: a prepared statement per row is as fast. */
  readonly rowSets: RowSets | null
  /** How a statement that runs is ended: over another connection, by its own, or not at all. */
  readonly cancels: 'from beside' | 'by itself' | null
  /** How a claim keeps away from other claimants: they wait, or their rows are passed over. */
  readonly claim: 'one writer' | 'locked rows' | 'one statement'
  /** Selects each key of the queue once; the null of those without one may be among them. */
  readonly waitingKeys: string
  /** Lets an insert pass over rows whose unique keys are taken; `key` is a column of the primary key. */
  insertOrSkip(insert: string, key?: string): string
  /** Whether a column holds a text, the letters A to Z in either case. */
  contains(column: string, text: string): { sql: string; binding: string }
  /** First instant of the UTC day of an instant column. */
  startOfDay(column: string): string
  /** Brings a driver's answer to a raw statement into one form. */
  normalize(answer: unknown, sql: string): SqlResult
  /** Another writer holds the lock: to be tried again. */
  isBusy(error: unknown): boolean
  isUniqueViolation(error: unknown): boolean
  /** What a statement of the schema was to make is there already. */
  isThere(error: unknown): boolean
  /** The connection broke off. Before a commit was sent, nothing was done. */
  isLost(error: unknown): boolean
  /** The database is away or full, rather than the statement wrong. */
  isUnavailable(error: unknown): boolean
}

type Rows = Record<string, unknown>[]

const DAY = 86_400_000
const DATA_COMMANDS = ['INSERT', 'UPDATE', 'DELETE', 'MERGE']

const common = {
  store: false,
  notifies: false,
  hashType: 'char(64)',
  idType: (length: number) => `varchar(${length})`,
  stringType: (length: number) => `varchar(${length})`,
  tableOptions: null,
  schemaLock: { take: null, release: null },
  begin: { write: () => ['begin'], snapshot: () => ['begin'] },
  idleLimit: null,
  lockRows: '',
  lockFreeRows: '',
  byPrimaryKey: '',
  rowSets: null,
  cancels: null,
  claim: 'one writer' as const,
  // From key to key; the group by of the other databases would walk the whole backlog
  waitingKeys: `with recursive waiting_keys (concurrency_hash) as (
      select min(concurrency_hash) from almanac_executions where state = 'queued'
      union all
      select (select min(further.concurrency_hash) from almanac_executions further
        where further.state = 'queued' and further.concurrency_hash > waiting_keys.concurrency_hash)
      from waiting_keys where waiting_keys.concurrency_hash is not null)
    select concurrency_hash from waiting_keys`,
  insertOrSkip: (insert: string) => `${insert} on conflict do nothing`,
  contains: (column: string, text: string) => ({
    sql: String.raw`lower(${column}) like ? escape '\'`,
    binding: likePattern(text),
  }),
  isThere: () => false,
  startOfDay: (column: string) => `(${column} - (${column} % ${DAY}))`,
}

type Failures = Pick<Dialect, 'isBusy' | 'isUniqueViolation' | 'isLost' | 'isUnavailable'>

/** What its errors mean, by the one list of their codes. */
function failuresOf(name: SqlDialect): Failures {
  const means =
    (...kinds: DatabaseFailure[]) =>
    (error: unknown) =>
      failsAs(error, kinds, [name])
  return {
    isBusy: means('busy'),
    isUniqueViolation: means('duplicate'),
    isLost: means('lost'),
    isUnavailable: means('lost', 'away', 'unusable'),
  }
}

const sqlite: Dialect = {
  ...common,
  name: 'sqlite',
  ...failuresOf('sqlite'),
  store: true,
  partialIndexes: true,
  transactionalDdl: true,
  clockSql: `select cast(round(unixepoch('now', 'subsec') * 1000) as integer) as now_ms`,
  normalize(answer, sql) {
    if (Array.isArray(answer)) {
      // Only a returning clause gives rows to a data statement
      return { rows: answer as Rows, affected: /\breturning\b/i.test(sql) ? answer.length : 0 }
    }
    return { rows: [], affected: (answer as { changes?: number } | undefined)?.changes ?? 0 }
  },
}

const POSTGRES_NOW = 'floor(extract(epoch from clock_timestamp()) * 1000)::bigint'
const POSTGRES_CLOCK = `select ${POSTGRES_NOW} as now_ms`

/** An instant that is given, else the database's: for statements of PostgreSQL that ask for both at once. */
export const clockOr = (given: string) => `coalesce(${given}, ${POSTGRES_NOW})`

const postgres: Dialect = {
  ...common,
  name: 'postgres',
  ...failuresOf('postgres'),
  store: true,
  notifies: true,
  hashType: 'char(64) collate "C"',
  idType: (length) => `varchar(${length}) collate "C"`,
  stringType: (length) => `varchar(${length}) collate "C"`,
  schemaLock: { take: `select pg_advisory_xact_lock(hashtext('almanac_schema'))`, release: null },
  begin: {
    write: (idle) => [
      `begin isolation level read committed; ${postgresIdle.set(idle)}; ${POSTGRES_CLOCK}`,
    ],
    snapshot: () => [`begin isolation level repeatable read read only; ${POSTGRES_CLOCK}`],
  },
  idleLimit: postgresIdle,
  lockRows: 'for update',
  lockFreeRows: 'for update skip locked',
  rowSets: postgresSets,
  cancels: 'from beside',
  claim: 'one statement',
  contains: (column, text) => ({
    sql: String.raw`lower(${column} collate "C") like ? escape '\'`,
    binding: likePattern(text),
  }),
  partialIndexes: true,
  transactionalDdl: true,
  clockSql: POSTGRES_CLOCK,
  normalize(answer) {
    // Several statements in one text give several results; the last one speaks
    const results = (Array.isArray(answer) ? answer : [answer]) as PostgresResult[]
    const { command, rowCount, rows } = results[results.length - 1]
    return { rows, affected: DATA_COMMANDS.includes(command) ? (rowCount ?? 0) : 0 }
  },
}

interface PostgresResult {
  command: string
  rowCount: number | null
  rows: Rows
}

const mysql: Dialect = {
  ...common,
  name: 'mysql',
  ...failuresOf('mysql'),
  store: true,
  partialIndexes: false,
  transactionalDdl: false,
  hashType: 'char(64) character set ascii collate ascii_bin',
  idType: (length) => `varchar(${length}) character set ascii collate ascii_bin`,
  tableOptions: { engine: 'InnoDB', charset: 'utf8mb4', collate: 'utf8mb4_bin' },
  schemaLock: {
    take: `select get_lock('almanac_schema', 60)`,
    release: `select release_lock('almanac_schema')`,
  },
  begin: {
    write: (idle) => [
      mysqlIdle.set(idle),
      'set transaction isolation level read committed',
      'start transaction',
    ],
    snapshot: () => [
      'set transaction isolation level repeatable read',
      'start transaction with consistent snapshot, read only',
    ],
  },
  idleLimit: mysqlIdle,
  lockRows: 'for update',
  lockFreeRows: 'for update skip locked',
  byPrimaryKey: 'force index (primary)',
  rowSets: mysqlSets,
  cancels: 'from beside',
  claim: 'locked rows',
  // Grouped by both columns it steps along the index; a recursion ends after a thousand rounds
  waitingKeys: `select concurrency_hash from almanac_executions
    where state = 'queued' and concurrency_hash is not null group by state, concurrency_hash`,
  // Its lower() folds all letters: the pattern names both cases of A to Z instead
  contains: (column, text) => ({ sql: `${column} regexp ?`, binding: eitherCase(text) }),
  clockSql: `select cast(timestampdiff(microsecond, '1970-01-01', utc_timestamp(3)) / 1000 as signed) as now_ms`,
  insertOrSkip: (insert, key = 'id') => `${insert} on duplicate key update ${key} = ${key}`,
  normalize(answer) {
    const [result] = answer as [Rows | { affectedRows: number }]
    return Array.isArray(result)
      ? { rows: result, affected: 0 }
      : { rows: [], affected: result.affectedRows }
  },
  isThere: (error) =>
    /^ER_(TABLE_EXISTS_ERROR|DUP_KEYNAME|DUP_FIELDNAME)$/.test(
      String((error as { code?: unknown } | null)?.code)
    ),
}

const oracle: Dialect = {
  ...common,
  name: 'oracle',
  ...failuresOf('oracle'),
  partialIndexes: false,
  transactionalDdl: false,
  cancels: 'by itself',
  clockSql: `select (cast(sys_extract_utc(systimestamp) as date) - date '1970-01-01') * 86400000 + mod(extract(second from sys_extract_utc(systimestamp)), 1) * 1000 as "now_ms" from dual`,
  startOfDay: (column) => `(${column} - mod(${column}, ${DAY}))`,
  normalize(answer) {
    return Array.isArray(answer)
      ? { rows: answer as Rows, affected: 0 }
      : { rows: [], affected: (answer as { rowsAffected?: number } | null)?.rowsAffected ?? 0 }
  },
}

/** Lucid's names of databases. */
const BY_LUCID_NAME: Record<string, Dialect | undefined> = {
  'better-sqlite3': sqlite,
  'sqlite3': sqlite,
  'libsql': sqlite,
  'postgres': postgres,
  'mysql': mysql,
  'oracledb': oracle,
}

/** @throws E_INVALID_CONFIG when Almanac does not know the database */
export function dialectOf(client: { dialect: { name: string }; connectionName: string }): Dialect {
  const dialect = BY_LUCID_NAME[client.dialect.name]
  if (!dialect) {
    throw new E_INVALID_CONFIG([
      `connection "${client.connectionName}"`,
      `of client "${client.dialect.name}"`,
      'use SQLite, PostgreSQL, MySQL, MariaDB or Oracle',
    ])
  }
  return dialect
}
