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

/** Every interval that has a pattern, shortest first, ms. */
const EVEN_PARTS = [
  ...[1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30].map((seconds) => seconds * 1_000),
  ...[1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 4, 6, 8, 12, 24].map((hours) => hours * HOUR),
]

/** The longest interval with a pattern that is no longer than the given one; at least a second. */
export function evenPart(interval: number): number {
  return EVEN_PARTS.findLast((part) => part <= interval) ?? EVEN_PARTS[0]
}
