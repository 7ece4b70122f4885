import { integer, refuseOthers, text, type Report } from '../../input/fields.ts'
import { Problems } from '../../input/problems.ts'
import type { ProcessLogRow } from '../tables/process_logs.ts'
import type { FacadeDeps } from './deps.ts'
import { asObject, isGiven } from './fields.ts'

export interface JobLogInput {
  /** The run, which must be in DWPRCLOG. */
  prcid: number
  sourceRows?: number
  targetRows?: number
  errorRows?: number
}

export interface JobErrorInput {
  prcid: number
  /** What happened; cut to its column. */
  message: string
  /** At most 10 characters. Default `JOB`. */
  type?: string
  /** What the database said. */
  databaseMessage?: string
  /** The row at fault. */
  keyValue?: string
}

const COUNT = { min: 0, max: 9_999_999_999 }
const ID = { min: 1, max: 999_999_999_999 }
const TYPE_LENGTH = 10
const MESSAGE_LENGTH = 100_000

/** What the logic of a run notes of itself in DWJOBLOG and DWJOBERR. */
export class RunRecords {
  readonly #deps: FacadeDeps

  constructor(deps: FacadeDeps) {
    this.#deps = deps
  }

  /** @returns JOBLOGID */
  async log(input: JobLogInput): Promise<number> {
    const problems = new Problems()
    const { report } = problems
    const given = asObject(input, '{ prcid, sourceRows, targetRows, errorRows }', report)
    refuseOthers('', given, ['prcid', 'sourceRows', 'targetRows', 'errorRows'], report)
    const count = (field: string) =>
      isGiven(given[field]) ? integer(field, given[field], COUNT, report)! : 0
    const counts = {
      sourceRows: count('sourceRows'),
      targetRows: count('targetRows'),
      errorRows: count('errorRows'),
    }
    const run = await this.#run(given.prcid, problems, 'The job log')
    const { tables, connection } = this.#deps
    const { jobLogs, ids } = await tables()
    const jobLogId = await ids.next('jobLog')
    const now = await connection.now()
    await jobLogs.insert(connection.session, { jobLogId, ...identityOf(run), ...counts, now })
    return jobLogId
  }

  /** @returns the key of the row */
  async error(input: JobErrorInput): Promise<{ jobLogId: number; errorId: number }> {
    const problems = new Problems()
    const { report } = problems
    const given = asObject(input, '{ prcid, message }', report)
    const fields = ['prcid', 'message', 'type', 'databaseMessage', 'keyValue']
    refuseOthers('', given, fields, report)
    const message = text('message', given.message, MESSAGE_LENGTH, report)!
    const type = optionalText('type', given.type, TYPE_LENGTH, report) ?? 'JOB'
    const dbMessage = optionalText('databaseMessage', given.databaseMessage, MESSAGE_LENGTH, report)
    const keyValue = optionalText('keyValue', given.keyValue, MESSAGE_LENGTH, report)
    const run = await this.#run(given.prcid, problems, 'The job error')
    const { tables, connection } = this.#deps
    const { jobErrors, ids } = await tables()
    const [jobLogId, errorId] = [await ids.next('jobLog'), await ids.next('jobError')]
    const now = await connection.now()
    const texts = { type, message, dbMessage, keyValue }
    const row = { jobLogId, errorId, ...identityOf(run), ...texts, now }
    await jobErrors.insert(connection.session, row)
    return { jobLogId, errorId }
  }

  /** Whether a run of the last 24 hours is in progress. */
  async isRunning(mapref: string): Promise<boolean> {
    const { tables, connection } = this.#deps
    const { processLogs } = await tables()
    const now = await connection.now()
    const running = await processLogs.listBlocking(connection.session, { now, ours: [] })
    return running.some((run) => run.mapref === mapref)
  }

  async #run(value: unknown, problems: Problems, subject: string): Promise<ProcessLogRow> {
    const prcid = integer('prcid', value, ID, problems.report)
    const { tables, connection } = this.#deps
    const { processLogs } = await tables()
    const run = prcid === undefined ? null : await processLogs.find(connection.session, prcid)
    if (prcid !== undefined && !run) {
      problems.report(
        'prcid',
        prcid,
        'there is no such run; give the PRCID of a row in the process log'
      )
    }
    problems.throwAny(subject)
    return run!
  }
}

function identityOf({ prcid, jobid, mapref, sessionid }: ProcessLogRow) {
  return { prcid, jobid, mapref: mapref ?? '', sessionid: sessionid ?? 0 }
}

function optionalText(field: string, value: unknown, max: number, report: Report): string | null {
  return isGiven(value) ? (text(field, value, max, report) ?? null) : null
}
