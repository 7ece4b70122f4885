import { schedule } from 'node-cron'
import type { Logger } from '../types/logger.ts'
import type { ChoreTimer, Timetable } from './chores.ts'

const MINUTE = 60_000
const HOUR = 3_600_000
const DAY = 86_400_000

/**
 * The cron pattern (with seconds) of "every so many ms"; null when the
 * interval is no even part of a minute, an hour or a day.
 */
export function everyPattern(interval: number): string | null {
  if (interval % 1_000 === 0 && MINUTE % interval === 0 && interval < MINUTE) {
    return `*/${interval / 1_000} * * * * *`
  }
  if (interval % MINUTE === 0 && HOUR % interval === 0 && interval < HOUR) {
    return `0 */${interval / MINUTE} * * * *`
  }
  if (interval % HOUR === 0 && DAY % interval === 0) {
    return interval === DAY ? '0 0 0 * * *' : `0 0 */${interval / HOUR} * * *`
  }
  return null
}

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
