import type { ExclusionRules, Problem, Weekday } from '../types/triggers.ts'
import { WEEKDAYS, civilDate, daysInMonth, parseDate, parseTime } from './civil_date.ts'
import { isObject, shown } from './field_reader.ts'

/** What one date text stands for: a day number, or a date of every year as month * 100 + day. */
type DateRule = { day: number } | { yearly: number }

/** Exclusion rules in the form that computes. */
export interface ParsedRules {
  days: Set<number>
  yearly: Set<number>
  ranges: { from: number; to: number }[]
  yearlyRanges: { from: number; to: number }[]
  weekdays: Set<number>
  /** ms since midnight */
  times: { from: number; to: number; weekdays: Set<number> | null }[]
}

export const RULE_FIELDS = ['dates', 'ranges', 'weekdays', 'times'] as const

const MOST_RULES = 2000
const DATE_REMEDY = 'write an existing date as "yyyy-MM-dd", or "MM-dd" for every year'
const RANGE_REMEDY =
  'write { from, to } with two dates of one form, "yyyy-MM-dd" or "MM-dd", the earlier one first where they have years'
const WEEKDAY_REMEDY = `give one of ${WEEKDAYS.join(', ')}`
const TIMES_REMEDY =
  'write { from, to } as "HH:mm" or "HH:mm:ss", which differ, and weekdays as a list of MON..SUN where not every day is meant'

/**
 * Reads the rules of a named calendar or of one trigger and reports every
 * item that is wrong under its own index, as `<path>.dates[3]`.
 */
export function parseRules(
  source: Record<string, unknown>,
  path: string
): { rules: ParsedRules; problems: Problem[] } {
  const problems: Problem[] = []
  const read = <Item>(name: string, remedy: string, parse: (item: unknown) => Item | null) =>
    readItems(source[name], { path: `${path}.${name}`, remedy, parse, problems })
  const dates = read('dates', DATE_REMEDY, parseDateRule)
  const ranges = read('ranges', RANGE_REMEDY, parseRange)
  const rules: ParsedRules = {
    days: new Set(dates.flatMap((date) => ('day' in date ? [date.day] : []))),
    yearly: new Set(dates.flatMap((date) => ('yearly' in date ? [date.yearly] : []))),
    ranges: ranges.filter(({ yearly }) => !yearly),
    yearlyRanges: ranges.filter(({ yearly }) => yearly),
    weekdays: new Set(read('weekdays', WEEKDAY_REMEDY, parseWeekday)),
    times: read('times', TIMES_REMEDY, parseTimes),
  }
  return { rules, problems }
}

/** Rules added to each other. */
export function joinRules(all: ParsedRules[]): ParsedRules {
  return {
    days: new Set(all.flatMap(({ days }) => [...days])),
    yearly: new Set(all.flatMap(({ yearly }) => [...yearly])),
    ranges: all.flatMap(({ ranges }) => ranges),
    yearlyRanges: all.flatMap(({ yearlyRanges }) => yearlyRanges),
    weekdays: new Set(all.flatMap(({ weekdays }) => [...weekdays])),
    times: all.flatMap(({ times }) => times),
  }
}

/** The rules in one order of fields, without what is not given. */
export function tidyRules(source: ExclusionRules): ExclusionRules {
  const given = RULE_FIELDS.filter((name) => source[name] !== undefined && source[name] !== null)
  return Object.fromEntries(given.map((name) => [name, source[name]]))
}

interface ItemRule<Item> {
  path: string
  remedy: string
  parse: (item: unknown) => Item | null
  problems: Problem[]
}

function readItems<Item>(value: unknown, { path, remedy, parse, problems }: ItemRule<Item>) {
  if (value === undefined || value === null) {
    return []
  }
  if (!Array.isArray(value) || value.length === 0 || value.length > MOST_RULES) {
    const message = `give a list of 1 to ${MOST_RULES} entries, or leave it out; ${remedy}`
    problems.push({ field: path, value: shown(value), message })
    return []
  }
  const items: Item[] = []
  for (const [index, given] of value.entries()) {
    const item = parse(given)
    if (item === null) {
      problems.push({ field: `${path}[${index}]`, value: shown(given), message: remedy })
    } else {
      items.push(item)
    }
  }
  return items
}

function parseDateRule(text: unknown): DateRule | null {
  if (typeof text !== 'string') {
    return null
  }
  const day = parseDate(text)
  if (day !== null) {
    return { day }
  }
  const [, month, date] = /^(\d{2})-(\d{2})$/.exec(text) ?? []
  const known = Number(month) >= 1 && Number(month) <= 12 && Number(date) >= 1
  // Of a leap year: February 29 may be excluded every year
  return known && Number(date) <= daysInMonth(2000, Number(month))
    ? { yearly: Number(month) * 100 + Number(date) }
    : null
}

function parseRange(item: unknown): { from: number; to: number; yearly: boolean } | null {
  if (!isObject(item) || !hasOnly(item, ['from', 'to'])) {
    return null
  }
  const from = parseDateRule(item.from)
  const to = parseDateRule(item.to)
  if (from && to && 'day' in from && 'day' in to) {
    return from.day <= to.day ? { from: from.day, to: to.day, yearly: false } : null
  }
  return from && to && 'yearly' in from && 'yearly' in to
    ? { from: from.yearly, to: to.yearly, yearly: true }
    : null
}

function parseWeekday(name: unknown): number | null {
  const index = WEEKDAYS.indexOf(name as Weekday)
  return index < 0 ? null : index
}

function parseTimes(item: unknown): ParsedRules['times'][number] | null {
  if (!isObject(item) || !hasOnly(item, ['from', 'to', 'weekdays'])) {
    return null
  }
  const from = typeof item.from === 'string' ? parseTime(item.from) : null
  const to = typeof item.to === 'string' ? parseTime(item.to) : null
  if (from === null || to === null || from === to) {
    return null
  }
  if (item.weekdays === undefined || item.weekdays === null) {
    return { from, to, weekdays: null }
  }
  const weekdays = Array.isArray(item.weekdays) ? item.weekdays.map(parseWeekday) : []
  return weekdays.length === 0 || weekdays.includes(null)
    ? null
    : { from, to, weekdays: new Set(weekdays as number[]) }
}

function hasOnly(item: Record<string, unknown>, names: string[]): boolean {
  return Object.keys(item).every((name) => names.includes(name))
}

/** Month and day of a day number as one number that orders the dates of a year. */
export function dateOfYear(day: number): number {
  const date = civilDate(day)
  return date.month * 100 + date.day
}
