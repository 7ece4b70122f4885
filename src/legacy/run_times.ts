import type { LegacySession } from './connection.ts'
import { frequencyTrigger, type FrequencyOptions } from './frequency_codes.ts'
import type { JobSchedules, ScheduleRow } from './tables/job_schedules.ts'
import { nextSlot } from '../triggers/main.ts'
import type { Logger } from '../types/logger.ts'

interface Deps {
  schedules: JobSchedules
  frequency: FrequencyOptions
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
        nextRun: this.#next(schedule, now),
      })
    }
  }

  /** A row that cannot be read keeps its column: the sync reports it. */
  #next(schedule: ScheduleRow, now: number): number | null | undefined {
    if (!schedule.enabled) {
      return null
    }
    try {
      return nextSlot(frequencyTrigger(schedule, this.#deps.frequency), now)
    } catch (error) {
      this.#deps.logger.debug(
        { err: error, jobschid: schedule.jobschid },
        'The next run of a schedule cannot be computed'
      )
      return undefined
    }
  }
}
