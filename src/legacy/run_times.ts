import type { LegacySession } from './connection.ts'
import type { LegacySourceConfig } from './config.ts'
import { frequencyTrigger, type FrequencyOptions } from './frequency_codes.ts'
import type { JobSchedules, RunMark, ScheduleFamily, ScheduleRow } from './tables/job_schedules.ts'
import { nextSlot } from '../triggers/main.ts'
import type { WallClock } from './wall_clock.ts'
import type { Logger } from '../types/logger.ts'

/** The current schedule of each MAPREF, null for none; what another transaction has locked is missing. */
export type HeldSchedules = Map<string, ScheduleRow | null>

interface Deps {
  schedules: JobSchedules
  source: FrequencyOptions & Pick<LegacySourceConfig, 'dependents'>
  wallClock: WallClock
  logger: Logger
}

/**
 * Keeps LST_RUN_DT and NXT_RUN_DT of the current schedule of a MAPREF, in
 * installations that have these columns.
 */
export class RunTimes {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /**
   * @param startedAt when the run began, epoch ms; null leaves LST_RUN_DT
   * @param now the database's clock, epoch ms
   */
  async mark(
    session: LegacySession,
    mapref: string,
    { startedAt, now }: { startedAt: number | null; now: number }
  ): Promise<void> {
    const { schedules } = this.#deps
    if (!schedules.keepsRunTimes) {
      return
    }
    const schedule = await schedules.findCurrent(session, mapref)
    if (schedule) {
      await schedules.markRun(session, schedule.jobschid, this.#markOf(schedule, startedAt, now))
    }
  }

  /**
   * Takes hold of the schedules of several MAPREFs.
   *
   * @returns null in installations without the columns
   */
  async hold(
    session: LegacySession,
    maprefs: string[],
    { current }: ScheduleFamily
  ): Promise<HeldSchedules | null> {
    const { schedules } = this.#deps
    if (!schedules.keepsRunTimes) {
      return null
    }
    const ids = [...current.values()].map(({ jobschid }) => jobschid)
    const locked = ids.length > 0 ? await schedules.lock(session, ids) : new Set<number>()
    const held: HeldSchedules = new Map()
    for (const mapref of maprefs) {
      const schedule = current.get(mapref) ?? null
      if (schedule === null || locked.has(schedule.jobschid)) {
        held.set(mapref, schedule)
      }
    }
    return held
  }

  /** As `mark`, for runs whose schedules are held. */
  async markHeld(
    session: LegacySession,
    held: HeldSchedules,
    runs: { mapref: string; startedAt: number | null }[],
    now: number
  ): Promise<void> {
    const marks = new Map<number, RunMark>()
    for (const { mapref, startedAt } of runs) {
      const schedule = held.get(mapref)
      if (schedule) {
        marks.set(schedule.jobschid, this.#markOf(schedule, startedAt, now))
      }
    }
    await this.#deps.schedules.markRuns(session, marks)
  }

  #markOf(schedule: ScheduleRow, startedAt: number | null, now: number): RunMark {
    return { lastRun: startedAt ?? undefined, nextRun: this.next(schedule, now) }
  }

  /**
   * Brings NXT_RUN_DT of the current rows in step, writing only what differs.
   *
   * @returns how many rows were written
   */
  async keep(session: LegacySession, rows: ScheduleRow[], now: number): Promise<number> {
    const { schedules, wallClock } = this.#deps
    if (!schedules.keepsNextRun) {
      return 0
    }
    let written = 0
    for (const row of rows) {
      const nextRun = this.next(row, now)
      const shown = nextRun === null ? null : nextRun && wallClock.readText(nextRun)
      if (shown !== undefined && shown !== row.nextRun) {
        written += Number(await schedules.markRun(session, row.jobschid, { nextRun }))
      }
    }
    return written
  }

  /**
   * The next slot of a current schedule after `now`, epoch ms; null when it
   * has none, undefined when the row cannot be read: its column is left, and
   * the sync reports it.
   */
  next(schedule: ScheduleRow, now: number): number | null | undefined {
    const { source } = this.#deps
    const firesItself = source.dependents.ownSlots || schedule.dpndJobschid === null
    if (!schedule.enabled || !firesItself) {
      return null
    }
    try {
      return nextSlot(frequencyTrigger(schedule, source), now)
    } catch (error) {
      this.#deps.logger.debug(
        { err: error, jobschid: schedule.jobschid },
        'The next run of a schedule cannot be computed'
      )
      return undefined
    }
  }
}
