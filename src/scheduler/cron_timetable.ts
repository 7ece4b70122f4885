import { schedule } from 'node-cron'
import { everyPattern } from '../config/every_pattern.ts'
import type { Logger } from '../types/logger.ts'
import type { ChoreTimer, Timetable } from './chores.ts'

/**
 * A process's own chores as node-cron tasks. In UTC, which has no repeated
 * hour; a round that still runs makes the next one wait for its turn.
 */
export class CronTimetable implements Timetable {
  readonly #logger: Logger

  constructor(deps: { logger: Logger }) {
    this.#logger = deps.logger
  }

  every(interval: number, name: string, run: () => Promise<void>): ChoreTimer {
    const pattern = everyPattern(interval)
    if (pattern === null) {
      throw new RangeError(`Chore "${name}": ${interval} ms is no even part of a day`)
    }
    const task = schedule(pattern, run, {
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
