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
