import { schedule } from 'node-cron'
import { evenPart, everyPattern } from '../config/every_pattern.ts'
import type { Logger } from '../types/logger.ts'
import type { ChoreTimer, Timetable } from './chores.ts'

/**
 * A process's own chores as node-cron tasks. In UTC, which has no repeated
 * hour; while a round still runs the next is left out. An interval that is no even
 * part of a day is shortened to the next one that is.
 */
export class CronTimetable implements Timetable {
  readonly #logger: Logger

  constructor(deps: { logger: Logger }) {
    this.#logger = deps.logger
  }

  every(interval: number, name: string, run: () => Promise<void>): ChoreTimer {
    const task = schedule(everyPattern(evenPart(interval))!, run, {
      name: `almanac:${name}`,
      timezone: 'Etc/UTC',
      noOverlap: true,
      suppressMissedWarning: true,
      unref: true,
      logger: this.#quietLogger(name),
    })
    return { stop: async () => task.destroy() }
  }

  /** node-cron's own remarks (a round left out, a late timer) are details here. */
  #quietLogger(chore: string) {
    const note = (message: string | Error) => this.#logger.debug({ chore }, String(message))
    return { info: note, warn: note, debug: note, error: note }
  }
}
