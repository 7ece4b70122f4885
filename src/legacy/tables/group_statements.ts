import { arrayText } from '../../storage/sql_session.ts'
import type { ColumnValue } from './layout.ts'
import type { Quote, Row, Statement } from './row_sets.ts'

/** A table as a statement over several runs writes it. */
export interface WrittenTable {
  name: string
  /** Of a row, by which runs, or requests, are told apart. */
  id: string
  /** Declared types, by the names of the columns. */
  declared: ReadonlyMap<string, string>
}

/** A table whose rows are guarded by their status. */
export interface GuardedTable extends WrittenTable {
  status: string
}

export interface GroupTables {
  requests: GuardedTable & { claimedBy: string }
  runs: GuardedTable
}

/** The claims of several requests, and the rows of their runs, in the same order. */
export interface BegunRuns {
  claims: Row[]
  runs: Row[]
  tables: GroupTables
}

/** Rows that runs leave in a further table, in the order of the runs. */
export interface InsertedRows {
  table: WrittenTable
  /** Not where the table has a row of the run. */
  once: boolean
  /** null where a run leaves none. */
  rows: (Row | null)[]
}

/** What the ends of several runs change, in the same order; a request's row has its claim. */
export interface EndedRuns {
  runs: Row[]
  requests: Row[]
  inserted: InsertedRows[]
  tables: GroupTables
}

/** Writes over several tables in one statement, which gives the runs that it was done for as `prcid`. */
export interface GroupStatements {
  /** Whether values can be given by this declared type; a type of somebody's own may not be. */
  takes(declared: string): boolean
  begin(runs: BegunRuns): Statement
  close(runs: EndedRuns): Statement
}

/** `NUMERIC(12,0)`, `TIMESTAMP(0) WITHOUT TIME ZONE`, and no name that would have to be quoted. */
const PLAIN_TYPE = /^[A-Z][A-Z0-9_ ]*(\(\d+(,\d+)?\)[A-Z ]*)?$/

/**
 * In the words of PostgreSQL: locks first, passing over what another
 * transaction has locked, then all writes for what is held.
 *
 * Values come as an array per column, or once where all rows are alike. Arrays
 * out of sub-selects count as short, so that each row is found along its
 * primary key, whatever is known of the table; and a status is never compared
 * bare: an index over it would lead to the entry of every run that ended since
 * the last vacuum.
 */
export function arrayGroups(quote: Quote): GroupStatements {
  return {
    takes: (declared) => PLAIN_TYPE.test(declared),
    begin: (runs) => begin(quote, runs),
    close: (runs) => close(quote, runs),
  }
}

function begin(quote: Quote, { claims, runs, tables }: BegunRuns): Statement {
  const given = new GivenRows(claims.length)
  const asked = given.add(tables.requests, claims)
  const begun = given.add(tables.runs, runs)
  const names = [...begun.keys()]
  const sql = `with given as (${given.sql}),
    held as (select given.* from given, ${quote(tables.requests.name)} asked
      where ${requestIsHeld(quote, tables.requests, asked)} for update of asked skip locked)
    insert into ${quote(tables.runs.name)} (${names.map(quote).join(', ')})
      select ${[...begun.values()].join(', ')} from held
      returning ${quote(tables.runs.id)} as prcid`
  return { sql, bindings: given.bindings }
}

function close(quote: Quote, { runs, requests, inserted, tables }: EndedRuns): Statement {
  const given = new GivenRows(runs.length)
  const ended = given.add(tables.runs, runs)
  const asked = given.add(tables.requests, requests)
  const inserts = inserted.map((each, index) => {
    const columns = given.add(each.table, each.rows)
    return `, written_${index} as (${insertOf(quote, each, columns)})`
  })
  const id = ended.get(tables.runs.id)!
  const sql = `with given as (${given.sql}),
    held as (select given.* from given,
        ${quote(tables.runs.name)} ended, ${quote(tables.requests.name)} asked
      where ended.${quote(tables.runs.id)} = ${id} and ${has(quote, 'ended', tables.runs, 'IP')}
        and ${requestIsHeld(quote, tables.requests, asked)}
      for update of ended, asked skip locked),
    closed as (${updateOf(quote, tables.runs, ended, 'IP')}),
    finished as (${updateOf(quote, tables.requests, asked, 'CLAIMED')})${inserts.join('')},
    ${WHOLE}
    select ${id} as prcid, whole.one from held, whole`
  return { sql, bindings: given.bindings }
}

/** Where the columns of a table stand among the given ones. */
type Places = ReadonlyMap<string, string>

interface GivenColumn {
  name: string
  type: string
  values: ColumnValue[]
}

/** Rows of several tables side by side. */
class GivenRows {
  readonly #count: number
  readonly #columns: GivenColumn[] = []

  constructor(count: number) {
    this.#count = count
  }

  /** @param rows of the same columns; null gives nothing but null */
  add({ declared }: WrittenTable, rows: (Row | null)[]): Places {
    const names = Object.keys(rows.find((row) => row !== null)!)
    return new Map(
      names.map((column) => {
        const name = `g${this.#columns.length}`
        const values = rows.map((row) => row?.[column] ?? null)
        this.#columns.push({ name, type: declared.get(column)!, values })
        return [column, name]
      })
    )
  }

  get sql(): string {
    const arrays = this.#own.map(({ type }) => `(select cast(? as ${type}[]))`)
    const names = this.#own.map(({ name }) => name)
    const shared = this.#shared.map(({ name, type }) => `, cast(? as ${type}) as ${name}`)
    return `select each.*${shared.join('')} from unnest(${arrays.join(', ')}) as each(${names.join(', ')})`
  }

  get bindings(): ColumnValue[] {
    return [
      ...this.#shared.map(({ values: [value] }) => value),
      ...this.#own.map(({ values }) => arrayText(values)),
    ]
  }

  /** Columns in which the rows differ. */
  get #own(): GivenColumn[] {
    return this.#columns.filter((column) => !this.#isShared(column))
  }

  get #shared(): GivenColumn[] {
    return this.#columns.filter((column) => this.#isShared(column))
  }

  #isShared({ values }: GivenColumn): boolean {
    return this.#count > 1 && values.every((value) => value === values[0])
  }
}

function requestIsHeld(quote: Quote, table: GroupTables['requests'], asked: Places): string {
  const { id, claimedBy } = table
  return `asked.${quote(id)} = ${asked.get(id)} and asked.${quote(claimedBy)} = ${asked.get(claimedBy)}
    and ${has(quote, 'asked', table, 'CLAIMED')}`
}

/** In a form that no index over the status serves. */
function has(quote: Quote, row: string, { status }: GuardedTable, value: string): string {
  return `coalesce(${row}.${quote(status)}, '') = '${value}'`
}

function updateOf(quote: Quote, table: GuardedTable, places: Places, from: string): string {
  const sets = [...places]
    .filter(([column]) => column !== table.id)
    .map(([column, place]) => `${quote(column)} = held.${place}`)
  return `update ${quote(table.name)} kept set ${sets.join(', ')} from held
    where kept.${quote(table.id)} = held.${places.get(table.id)} and ${has(quote, 'kept', table, from)}
    returning 1`
}

function insertOf(quote: Quote, { table, once }: InsertedRows, places: Places): string {
  const id = `held.${places.get(table.id)}`
  const missing = `and not exists
    (select 1 from ${quote(table.name)} kept where kept.${quote(table.id)} = ${id})`
  return `insert into ${quote(table.name)} (${[...places.keys()].map(quote).join(', ')})
    select ${[...places.values()].join(', ')} from held where ${id} is not null ${once ? missing : ''}`
}

/**
 * What is held cannot change, unless a trigger or a rule of the database is at
 * work: then the statement fails as a whole, by a division by zero.
 */
const WHOLE = `whole as (select 1 / (case
  when (select count(*) from closed) = (select count(*) from held)
  and (select count(*) from finished) = (select count(*) from held) then 1 else 0 end) as one)`
