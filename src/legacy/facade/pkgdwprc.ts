import { Problems } from '../../input/problems.ts'
import type { SourceProblem } from '../../types/events.ts'
import type { SyncOutcome } from '../schedule_sync.ts'
import { DependencyEdits, type DependencyInput, type SavedDependency } from './dependency.ts'
import type { FacadeDeps } from './deps.ts'
import { readMapref } from './fields.ts'
import type { HistoryInput, ImmediateInput, ReportInput, StopInput } from './request_input.ts'
import { RequestQueue, type RequestAnswer, type WaitForRequest } from './request_queue.ts'
import { RunRecords, type JobErrorInput, type JobLogInput } from './run_records.ts'
import { ScheduleBook, type ScheduleView } from './schedule_book.ts'
import type { ScheduleInput } from './schedule_input.ts'
import {
  Schedules,
  type SavedSchedule,
  type ScheduleSwitch,
  type SwitchedSchedule,
} from './schedules.ts'

/** One schedule as the scheduler has it after a sync. */
export interface ScheduledJob extends ScheduleView {
  /** It fires at its slots: enabled, readable, and with a slot to come. */
  scheduled: boolean
}

/**
 * The old package PKGDWPRC for one legacy source: what the old screens and
 * programs call, with its rules, on the tables that they know. It needs no
 * working process: schedules are written and brought in step with the store,
 * runs are asked for by request rows.
 *
 * Every call throws E_INVALID_INPUT with all problems of its input at once,
 * E_LEGACY_CONFLICT when another program keeps changing the same row, and what
 * the database throws when it is away. `problems` are what a caller has found
 * of the input already, told with the rest.
 */
export class Pkgdwprc {
  readonly #deps: FacadeDeps
  readonly #schedules: Schedules
  readonly #dependencies: DependencyEdits
  readonly #requests: RequestQueue
  readonly #records: RunRecords
  readonly #book: ScheduleBook

  constructor(deps: FacadeDeps) {
    this.#deps = deps
    this.#schedules = new Schedules(deps)
    this.#dependencies = new DependencyEdits(deps)
    this.#requests = new RequestQueue(deps)
    this.#records = new RunRecords(deps)
    this.#book = new ScheduleBook(deps)
  }

  // -------------------------------------------------------------- schedules

  /** Creates a schedule, or a new version of it, which is disabled. The same again changes nothing. */
  async createJobSchedule(input: ScheduleInput, problems?: Problems): Promise<SavedSchedule> {
    const saved = await this.#schedules.create(input, problems)
    await this.#applied(saved.status !== 'UNCHANGED')
    return saved
  }

  /** Runs the child after each success of the parent. Loops are refused. */
  async createJobDependency(input: DependencyInput, problems?: Problems): Promise<SavedDependency> {
    const saved = await this.#dependencies.create(input, problems)
    await this.#applied(saved.changed)
    return saved
  }

  /** Takes the parent from a child. */
  async removeJobDependency(input: { childMapref: string }): Promise<SavedDependency> {
    const saved = await this.#dependencies.remove(input)
    await this.#applied(saved.changed)
    return saved
  }

  async enableDisableSchedule(
    input: ScheduleSwitch,
    problems?: Problems
  ): Promise<SwitchedSchedule> {
    const saved = await this.#schedules.enableDisable(input, problems)
    await this.#applied(saved.changed)
    return saved
  }

  /**
   * Reads the schedule table now and tells how one schedule stands. It syncs
   * in this process: no request row, no working process is needed.
   */
  async scheduleJob(input: { mapref: string }): Promise<ScheduledJob> {
    const problems = new Problems()
    const mapref = readMapref('mapref', input?.mapref, problems.report)
    problems.throwAny('The schedule')
    const outcome = await this.#deps.sync()
    const [view] = await this.#book.list(mapref)
    if (!view) {
      problems.report('mapref', mapref, 'it has no current schedule; create one first')
      problems.throwAny('The schedule')
    }
    const reported = outcome.problems.filter(({ key }) => key === mapref)
    const found = [...view.problems, ...reported.map(({ message }) => message)]
    const scheduled = view.enabled && view.problems.length === 0 && view.nextRunAt !== null
    return { ...view, problems: found, scheduled }
  }

  /** Reads the schedule table now. */
  async scheduleAllJobs(): Promise<{
    added: number
    changed: number
    removed: number
    unchanged: number
    problems: SourceProblem[]
  }> {
    const { added, changed, removed, unchanged, problems } = await this.#deps.sync()
    const counts = { added: added.length, changed: changed.length, removed: removed.length }
    return { ...counts, unchanged, problems }
  }

  // --------------------------------------------------------------- requests

  /** @returns REQUEST_ID */
  queueImmediateJob(input: ImmediateInput, problems?: Problems): Promise<string> {
    return this.#requests.immediate(input, problems)
  }

  /** One run per day, from the first to the last. @returns REQUEST_ID */
  queueHistoryJob(input: HistoryInput, problems?: Problems): Promise<string> {
    return this.#requests.history(input, problems)
  }

  /** @returns REQUEST_ID */
  queueReportRequest(input: ReportInput): Promise<string> {
    return this.#requests.report(input)
  }

  /** @returns REQUEST_ID */
  queueStopRequest(input: StopInput, problems?: Problems): Promise<string> {
    return this.#requests.stop(input, problems)
  }

  /** Asks for a stop; with `wait` returns what was stopped. */
  async stopRunningJob(input: StopInput, options: WaitForRequest = {}): Promise<RequestAnswer> {
    return this.#requests.answer(await this.#requests.stop(input), options)
  }

  /** Runs the flow of a MAPREF now, as a request; with `wait` returns its end. */
  async processJobFlow(
    input: ImmediateInput,
    options: WaitForRequest = {}
  ): Promise<RequestAnswer> {
    return this.#requests.answer(await this.#requests.immediate(input), options)
  }

  /** Asks for a history load; with `wait` returns its end. */
  async processHistoricalData(
    input: HistoryInput,
    options: WaitForRequest = {}
  ): Promise<RequestAnswer> {
    return this.#requests.answer(await this.#requests.history(input), options)
  }

  // ------------------------------------------------------------------- logs

  /** Whether a run of the MAPREF is in progress, whoever runs it. */
  isRunning(mapref: string): Promise<boolean> {
    return this.#records.isRunning(mapref)
  }

  /** Notes the row counts of a run. @returns JOBLOGID */
  createJobLog(input: JobLogInput): Promise<number> {
    return this.#records.log(input)
  }

  /** Notes an error of a run. @returns the key of its row */
  logJobError(input: JobErrorInput): Promise<{ jobLogId: number; errorId: number }> {
    return this.#records.error(input)
  }

  /** The row is stored: where the sync cannot follow now, the next one of any node does. */
  async #applied(changed: boolean): Promise<SyncOutcome | null> {
    const { sync, logger, source } = this.#deps
    try {
      return changed ? await sync() : null
    } catch (error) {
      logger.warn({ err: error, source: source.name }, 'A changed schedule awaits the next sync')
      return null
    }
  }
}
