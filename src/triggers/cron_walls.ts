import { Cron } from 'croner'
import { DAY, SECOND } from './civil_date.ts'
import { MAX_INSTANT } from './instant.ts'
import { LruCache } from '../lru_cache.ts'
import type { WallSeries } from './zoned_series.ts'

/**
 * Parsed expressions of this process, shared by all triggers that write the
 * same. Bounded tightly: croner keeps a table of 10,000 years in each (80 KB).
 */
const parsed = new LruCache<Cron>(256)

/** Dates and weekdays repeat after 400 years. */
const CYCLE = 146_097 * DAY
const FIRST = Date.UTC(2000, 0, 1)

/**
 * Croner only matches dates here, on wall clocks that stand in for UTC: what
 * becomes of them at clock changes is not its business.
 */
function parse(expression: string): Cron {
  const options = { utcOffset: 0, mode: '5-or-6-parts', paused: true } as const
  return parsed.get(expression, () => new Cron(expression, options))
}

/**
 * The wall clocks of an expression, of any year: croner itself ends with the year 2999.
 *
 * @throws Error with the reason when the expression cannot be parsed
 */
export function cronWalls(expression: string): WallSeries {
  parse(expression)
  return {
    next(from) {
      const shift = Math.floor((from - FIRST) / CYCLE) * CYCLE
      // Croner looks from the second after its reference on
      const reference = Math.ceil((from - shift) / SECOND) * SECOND - SECOND
      // Asked for anew: the parsed form may have left the cache
      const found = parse(expression).nextRun(new Date(reference))
      const wall = found ? found.getTime() + shift : null
      return wall !== null && wall < MAX_INSTANT + DAY ? wall : null
    },
  }
}

const FIXED_NICKNAMES = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight']

/**
 * True when the expression stands for times of the day: its minutes and hours
 * are numbers, lists or ranges. With `*` or steps of it it runs within the day.
 */
export function hasFixedTimes(expression: string): boolean {
  if (expression.startsWith('@')) {
    return FIXED_NICKNAMES.includes(expression.toLowerCase())
  }
  const [minute, hour] = expression.split(' ').slice(-5)
  return ![minute, hour].some((field) => /[*?]/.test(field))
}
