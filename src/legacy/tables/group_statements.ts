import { jsonOf, type Quote, type Row, type Statement } from './row_sets.ts'

/** The names that the guards of a run need, as the database spells them. */
export interface GuardedTables {
  requests: { name: string; id: string; status: string; claimedBy: string }
  runs: { name: string; id: string; status: string }
}

/** The claims of several requests, and the rows of their runs, in the same order. */
export interface BegunRuns {
  claims: Row[]
  runs: Row[]
  tables: GuardedTables
}

/** Rows that a part of the runs leaves in a further table. */
export interface InsertedRows {
  table: string
  /** The column that names the run. */
  run: string
  /** Not where the table has a row of the run. */
  once: boolean
  rows: Row[]
}

/** What the ends of several runs change, in the same order; a request's row has its claim. */
export interface EndedRuns {
  runs: Row[]
  requests: Row[]
  inserted: InsertedRows[]
  tables: GuardedTables
}

/** Writes over several tables in one statement, which gives the runs that it was done for as `prcid`. */
export interface GroupStatements {
  begin(runs: BegunRuns): Statement
  close(runs: EndedRuns): Statement
}

/**
 * In the words of PostgreSQL: locks first, passing over what another
 * transaction has locked, then all writes for what is held. Rows come as JSON,
 * read by the types of their table; a request and its run have the same place.
 *
 * A guard on a status stands in a CASE, so that it leads along no index over
 * the status: there it would meet the entry of every run that ended since the
 * last vacuum, while the primary key finds the one row.
 */
export function jsonGroups(quote: Quote): GroupStatements {
  return {
    begin: (runs) => new PostgresGroup(quote, runs.tables).begin(runs),
    close: (runs) => new PostgresGroup(quote, runs.tables).close(runs),
  }
}

class PostgresGroup {
  readonly #quote: Quote
  readonly #tables: GuardedTables

  constructor(quote: Quote, tables: GuardedTables) {
    this.#quote = quote
    this.#tables = tables
  }

  begin({ claims, runs }: BegunRuns): Statement {
    const { requests, runs: table } = this.#tables
    const names = this.#list(runs[0])
    const sql = `with asked as materialized (${this.#given(requests.name)}),
      held as materialized (${this.#heldRequests()})
      insert into ${this.#quote(table.name)} (${names}) select ${names}
        from (${this.#given(table.name)}) given
        where given.ordinality in (select nth from held)
        returning ${this.#quote(table.id)} as prcid`
    return { sql, bindings: [jsonOf(claims), jsonOf(runs)] }
  }

  close({ runs, requests, inserted }: EndedRuns): Statement {
    const { requests: asked, runs: ended } = this.#tables
    const id = this.#quote(ended.id)
    const changed = Object.keys(requests[0]).filter((name) => name !== asked.claimedBy)
    const inserts = inserted.map((rows, index) => `, written_${index} as (${this.#insert(rows)})`)
    const sql = `with ended as materialized (${this.#given(ended.name)}),
      asked as materialized (${this.#given(asked.name)}),
      open as materialized (${this.#openRuns()}),
      held as materialized (${this.#heldRequests('join open on open.nth = asked.ordinality')}),
      ours as materialized (select ended.* from ended join held on held.nth = ended.ordinality),
      closed as (${this.#update(ended, 'ended', Object.keys(runs[0]), 'IP')}),
      finished as (${this.#update(asked, 'asked', changed, 'CLAIMED')})${inserts.join('')}
      select ours.${id} as prcid, ${WHOLE} as whole from ours`
    const rows = inserted.map((each) => jsonOf(each.rows))
    return { sql, bindings: [jsonOf(runs), jsonOf(requests), ...rows] }
  }

  #list(row: Row): string {
    return Object.keys(row).map(this.#quote).join(', ')
  }

  #given(table: string): string {
    return `select * from json_populate_recordset(cast(null as ${this.#quote(table)}), cast(? as json)) with ordinality`
  }

  #openRuns(): string {
    const { name, id, status } = this.#tables.runs
    return `select ended.ordinality as nth from ended
      join ${this.#quote(name)} kept on kept.${this.#quote(id)} = ended.${this.#quote(id)}
        and kept.${this.#quote(status)} = ${guard('ended', 'IP')}
      for update of kept skip locked`
  }

  #heldRequests(join = ''): string {
    const { name, id, status, claimedBy } = this.#tables.requests
    return `select asked.ordinality as nth from asked ${join}
      join ${this.#quote(name)} kept on kept.${this.#quote(id)} = asked.${this.#quote(id)}
        and kept.${this.#quote(claimedBy)} = asked.${this.#quote(claimedBy)}
        and kept.${this.#quote(status)} = ${guard('asked', 'CLAIMED')}
      for update of kept skip locked`
  }

  #update(
    { name, id, status }: GuardedTables['runs'],
    given: string,
    columns: string[],
    from: string
  ): string {
    const sets = columns
      .filter((column) => column !== id)
      .map((column) => `${this.#quote(column)} = ${given}.${this.#quote(column)}`)
    return `update ${this.#quote(name)} kept set ${sets.join(', ')}
      from ${given} join held on held.nth = ${given}.ordinality
      where kept.${this.#quote(id)} = ${given}.${this.#quote(id)}
        and kept.${this.#quote(status)} = ${guard(given, from)}
      returning 1`
  }

  #insert({ table, run, once, rows }: InsertedRows): string {
    const names = this.#list(rows[0])
    const key = this.#quote(run)
    const missing = `and not exists (select 1 from ${this.#quote(table)} kept where kept.${key} = given.${key})`
    return `insert into ${this.#quote(table)} (${names}) select ${names}
      from (${this.#given(table)}) given
      where given.${key} in (select ${this.#quote(this.#tables.runs.id)} from ours) ${once ? missing : ''}`
  }
}

/** The status, told only once there is a row: no index over it is of use. */
function guard(given: string, status: string): string {
  return `case when ${given}.ordinality > 0 then '${status}' end`
}

/**
 * What is held cannot change, unless a trigger or a rule of the database is at
 * work: then the statement fails as a whole, by a division by zero.
 */
const WHOLE = `1 / (case when (select count(*) from closed) = (select count(*) from held)
  and (select count(*) from finished) = (select count(*) from held) then 1 else 0 end)`
