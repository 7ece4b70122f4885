import type { FacadeDeps } from './deps.ts'
import { describeTrigger, validateTrigger } from '../../triggers/main.ts'
import { frequencyTrigger } from '../frequency_codes.ts'
import { RunTimes } from '../run_times.ts'
import type { ScheduleRow } from '../tables/job_schedules.ts'
import type { LegacyTables } from '../tables/main.ts'

/** A current schedule as people look at it. */
export interface ScheduleView {
  jobschid: number
  mapref: string | null
  enabled: boolean
  /** When it runs, in words; null when the row cannot be read. */
  when: string | null
  /** Next slot, epoch ms; null when there is none. */
  nextRunAt: number | null
  /** MAPREF of the parent. */
  parent: string | null
  /** What of the row cannot be read. */
  problems: string[]
}

/** The schedule table for those who look after it. */
export class ScheduleBook {
  readonly #deps: FacadeDeps

  constructor(deps: FacadeDeps) {
    this.#deps = deps
  }

  /** Every current row, by MAPREF. */
  async list(mapref?: string): Promise<ScheduleView[]> {
    const { connection, tables } = this.#deps
    const { session } = connection
    const opened = await tables()
    const rows = await opened.schedules.listCurrent(session, { mapref })
    const maprefs = await opened.schedules.parentMaprefs(session)
    const now = await connection.now()
    return rows.map((row) => ({
      jobschid: row.jobschid,
      mapref: row.mapref,
      enabled: row.enabled,
      parent: row.dpndJobschid === null ? null : (maprefs.get(row.dpndJobschid) ?? null),
      nextRunAt: this.#runTimes(opened).next(row, now) ?? null,
      ...this.#read(row),
    }))
  }

  #read(row: ScheduleRow): { when: string | null; problems: string[] } {
    if (row.problems.length > 0) {
      return { when: null, problems: row.problems }
    }
    try {
      const trigger = frequencyTrigger(row, this.#deps.source)
      const problems = validateTrigger(trigger).map(({ field, message }) => `${field}: ${message}`)
      return { when: describeTrigger(trigger), problems }
    } catch (error) {
      return { when: null, problems: [(error as Error).message] }
    }
  }

  #runTimes({ schedules }: LegacyTables): RunTimes {
    const { source, logger, connection } = this.#deps
    return new RunTimes({ schedules, source, logger, wallClock: connection.wallClock })
  }
}
