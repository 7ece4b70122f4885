import type { LegacySession } from './connection.ts'
import type { LegacySourceConfig } from './config.ts'
import { frequencyTrigger, type FrequencyOptions } from './frequency_codes.ts'
import type { JobSchedules, ScheduleRow } from './tables/job_schedules.ts'
import { nextSlot } from '../triggers/main.ts'
import type { WallClock } from './wall_clock.ts'
import type { Logger } from '../types/logger.ts'

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
      await schedules.markRun(session, schedule.jobschid, {
        lastRun: startedAt ?? undefined,
        nextRun: this.next(schedule, now),
      })
    }
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
