import { DAY, modulo, weekdayOf } from './civil_date.ts'
import { dateOfYear } from './exclusion_rules.ts'
import type { ParsedRules } from './exclusion_rules.ts'

/** How far a slot may be moved, in days. */
export const MOST_DAYS_MOVED = 366
/** Dates and weekdays repeat after 400 years. */
const CYCLE = 146_097
/** Days looked at in one go for one that is allowed; the search goes on from there. */
const LOOK_AHEAD = 1000

/**
 * The wall-clock days and times that are excluded. Days are day numbers.
 */
export class ExclusionSet {
  readonly #rules: ParsedRules
  /** The last day that a rule with a year excludes. */
  readonly #lastDay: number

  constructor(rules: ParsedRules) {
    this.#rules = rules
    this.#lastDay = Math.max(0, ...rules.days, ...rules.ranges.map(({ to }) => to))
  }

  /** From a day on: where a search that found no allowed day or time may end. */
  horizon(day: number): number {
    return Math.max(day, this.#lastDay) + CYCLE
  }

  /**
   * How many slots in a row may fall to excluded times before a search ends.
   * Any date falls on any weekday within twelve years (February 29: forty), and
   * slots on seven days in a row meet each weekday: no series that has a slot
   * left loses 4,000 to one excluded time.
   */
  get mostSteps(): number {
    return 4_000 * (1 + this.#rules.times.length)
  }

  hasDay(day: number): boolean {
    const { days, yearly, ranges, yearlyRanges, weekdays } = this.#rules
    if (weekdays.has(weekdayOf(day)) || days.has(day)) {
      return true
    }
    if (ranges.some(({ from, to }) => day >= from && day <= to)) {
      return true
    }
    if (yearly.size === 0 && yearlyRanges.length === 0) {
      return false
    }
    const date = dateOfYear(day)
    return yearly.has(date) || yearlyRanges.some((range) => isWithin(range, date))
  }

  /** The end of the excluded time that holds a wall clock (a later wall clock), or null. */
  endOfTime(wall: number): number | null {
    const day = Math.floor(wall / DAY)
    const ends = this.#rules.times.flatMap(({ from, to, weekdays }) => {
      const length = modulo(to - from, DAY)
      // What began yesterday may last until today
      return [day - 1, day]
        .filter((begins) => weekdays === null || weekdays.has(weekdayOf(begins)))
        .map((begins) => begins * DAY + from)
        .filter((start) => wall >= start && wall < start + length)
        .map((start) => start + length)
    })
    return ends.length > 0 ? Math.max(...ends) : null
  }

  has(wall: number): boolean {
    return this.hasDay(Math.floor(wall / DAY)) || this.endOfTime(wall) !== null
  }

  /** How many excluded days follow a day without a gap (`step` -1: lie before it), at most `most`. */
  run(day: number, step: 1 | -1, most = MOST_DAYS_MOVED): number {
    let length = 0
    while (length < most && this.hasDay(day + (length + 1) * step)) {
      length++
    }
    return length
  }

  /** The first day from one on that is allowed, or a later one that no allowed day lies before. */
  firstAllowed(day: number): number {
    return this.hasDay(day) ? day + 1 + this.run(day, 1, LOOK_AHEAD) : day
  }

  /** True when no day of the week is left. */
  get everyDay(): boolean {
    return this.#rules.weekdays.size === 7
  }
}

function isWithin({ from, to }: { from: number; to: number }, date: number): boolean {
  return from <= to ? date >= from && date <= to : date >= from || date <= to
}
