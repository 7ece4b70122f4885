import type { LegacyConnection } from '../connection.ts'
import type { ColumnKey } from '../preset.ts'
import type { GroupStatements, GroupTables, WrittenTable } from './group_statements.ts'
import type { JobErrors, RunError } from './job_errors.ts'
import type { JobLogs, RunCountsRow } from './job_logs.ts'
import type { TableLayout } from './layout.ts'
import type { EndedRun, ProcessLogs, StartedRun } from './process_logs.ts'
import type { ClaimedRequestId, RequestEnd } from './request_sets.ts'
import type { Requests } from './requests.ts'
import type { Row, Statement } from './row_sets.ts'

/** A run of a request, as it begins. */
export interface GroupedStart {
  claim: ClaimedRequestId
  run: StartedRun
}

/** All that the end of a run of a request changes. */
export interface GroupedEnd {
  request: RequestEnd
  run: EndedRun
  counts: RunCountsRow | null
  error: RunError | null
}

interface Deps {
  connection: LegacyConnection
  statements: GroupStatements
  layouts: {
    requests: TableLayout<ColumnKey<'requests'>>
    processLogs: TableLayout<ColumnKey<'processLogs'>>
    jobLogs: TableLayout<ColumnKey<'jobLogs'>>
    jobErrors: TableLayout<ColumnKey<'jobErrors'>>
  }
  tables: { requests: Requests; processLogs: ProcessLogs; jobLogs: JobLogs; jobErrors: JobErrors }
}

/**
 * Beginnings and ends of several runs in one statement, for databases that
 * can: each run whole or not at all, each by its own guards. Rows that another
 * transaction has locked are passed over.
 */
export class RunGroups {
  readonly #deps: Deps
  readonly #tables: GroupTables

  constructor(deps: Deps) {
    this.#deps = deps
    this.#tables = guardedTables(deps.layouts)
  }

  /**
   * Holds the requests and inserts the rows in progress.
   *
   * @returns PRCIDs of the runs that have begun; of the others nothing was written
   * @throws what the database refuses one of them for; then nothing of all was written
   */
  begin(starts: GroupedStart[]): Promise<Set<number>> {
    const { statements, tables } = this.#deps
    return this.#run(
      statements.begin({
        claims: starts.map(({ claim }) => this.#claim(claim)),
        runs: starts.map(({ run }) => tables.processLogs.startedRow(run)),
        tables: this.#tables,
      })
    )
  }

  /**
   * Closes the runs, writes their counts and errors, and ends their requests.
   *
   * @param ends all with rows that they counted, or all without
   * @returns PRCIDs of the runs that are closed; of the others nothing was written
   * @throws as `begin`
   */
  close(ends: GroupedEnd[]): Promise<Set<number>> {
    const { statements, layouts } = this.#deps
    const { requests, processLogs, jobLogs, jobErrors } = this.#deps.tables
    const counts = ends.map(({ counts: row }) => row && jobLogs.row(row))
    const errors = ends.map(({ error }) => error && jobErrors.row(error))
    const statement = statements.close({
      runs: ends.map(({ run }) => processLogs.endedRow(run)),
      requests: ends.map(({ request }) => ({
        ...this.#claim(request),
        ...requests.sets.endedRow(request),
      })),
      inserted: [
        { table: written(layouts.jobLogs, 'prcid'), once: true, rows: counts },
        { table: written(layouts.jobErrors, 'prcid'), once: false, rows: errors },
      ].filter(({ rows }) => rows.some((row) => row !== null)),
      tables: this.#tables,
    })
    return this.#run(statement)
  }

  #claim({ requestId, claimedBy }: ClaimedRequestId): Row {
    return this.#deps.layouts.requests.row({ requestId, claimedBy })
  }

  async #run({ sql, bindings }: Statement): Promise<Set<number>> {
    const { rows } = await this.#deps.connection.statement(sql, bindings)
    return new Set(rows.map(({ prcid }) => Number(prcid)))
  }
}

function written<Key extends string>(table: TableLayout<Key>, id: Key): WrittenTable {
  return { name: table.name, id: table.column(id), declared: table.declared }
}

function guardedTables({ requests, processLogs }: Deps['layouts']): GroupTables {
  return {
    requests: {
      ...written(requests, 'requestId'),
      status: requests.column('status'),
      claimedBy: requests.column('claimedBy'),
    },
    runs: { ...written(processLogs, 'prcid'), status: processLogs.column('status') },
  }
}
