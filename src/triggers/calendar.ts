import type { CalendarTrigger, Weekday } from '../types/triggers.ts'
import type { Bounds } from './bounds.ts'
import { calendarWalls, everFires } from './calendar_rule.ts'
import type { CalendarRule } from './calendar_rule.ts'
import { calendarWords } from './calendar_words.ts'
import { DAY, WEEKDAYS, civilDate, parseDate, parseTime, weekdayOf } from './civil_date.ts'
import { readClockPolicy } from './clock_policy.ts'
import { isIntegerIn, isObject } from './field_reader.ts'
import type { FieldReader } from './field_reader.ts'
import { asGiven } from './kind.ts'
import type { TriggerKindDefinition } from './kind.ts'
import { lostRuns } from './lost_runs.ts'
import { wallOf } from './wall_clock.ts'
import type { Zone } from './wall_clock.ts'
import { FIXED_TIMES } from './zoned_series.ts'

const UNITS = ['day', 'week', 'month', 'year'] as const
const MOST_TIMES = 1440

/** Lists of days, and the units in which each has a meaning. */
const LISTS = {
  weekdays: ['week'],
  monthDays: ['month', 'year'],
  nthWeekdays: ['month', 'year'],
  months: ['year'],
} as const

export const calendar: TriggerKindDefinition<CalendarTrigger> = {
  fields: {
    unit: asGiven,
    every: asGiven,
    times: asGiven,
    timezone: asGiven,
    anchor: asGiven,
    weekdays: asGiven,
    monthDays: asGiven,
    nthWeekdays: asGiven,
    months: asGiven,
    shortMonths: asGiven,
    gap: asGiven,
    overlap: asGiven,
  },

  read(reader, bounds) {
    const zone = reader.zone('timezone')
    const rule = readRule(reader, bounds, zone)
    const policy = readClockPolicy(reader, FIXED_TIMES)
    if (!zone || reader.error) {
      return null
    }
    if (everFires(rule)) {
      reader.warnings.push(...lostRuns(rule))
    } else {
      reader.never(
        reader.has('nthWeekdays') ? 'nthWeekdays' : 'monthDays',
        'none of its months has such a day, ever; correct the day, or write shortMonths: "clamp"'
      )
    }
    return { walls: calendarWalls(rule), zone, policy }
  },

  describe: calendarWords,
}

function readRule(reader: FieldReader, bounds: Bounds, zone: Zone | null): CalendarRule {
  const unit = reader.oneOf('unit', UNITS, true)
  const every = reader.integer('every', { min: 1, max: 1000, fallback: 1 })
  const anchor = readAnchor(reader, bounds, zone)
  for (const [name, units] of Object.entries(LISTS)) {
    const optional = name === 'nthWeekdays' || (name === 'monthDays' && reader.has('nthWeekdays'))
    readUse(reader, name, units.includes(unit as never), optional || anchor !== null)
  }
  if (every > 1 && anchor === null) {
    reader.required('anchor', 'with every above 1 give the first counted date, or startsAt')
  }
  const { month, day } = civilDate(anchor ?? 0)
  const monthDays = readMonthDays(reader)
  return {
    unit,
    every,
    anchor: anchor ?? 0,
    firstDay: anchor ?? Number.NEGATIVE_INFINITY,
    times: readTimes(reader),
    weekdays: orElse(readWeekdays(reader), weekdayOf(anchor ?? 0)),
    monthDays: reader.has('nthWeekdays') ? monthDays : orElse(monthDays, day),
    nthWeekdays: readNthWeekdays(reader),
    months: orElse(readMonths(reader), month),
    clamp: reader.oneOf('shortMonths', ['skip', 'clamp']) === 'clamp',
  }
}

/** The day number of the first counted date, or null when neither it nor startsAt is given. */
function readAnchor(reader: FieldReader, bounds: Bounds, zone: Zone | null): number | null {
  if (!reader.has('anchor')) {
    return bounds.startsAt === null || zone === null
      ? null
      : Math.floor(wallOf(bounds.startsAt, zone) / DAY)
  }
  const text = reader.get('anchor')
  const day = typeof text === 'string' ? parseDate(text) : null
  if (day === null) {
    reader.problem('anchor', 'write an existing date as "yyyy-MM-dd"')
  }
  return day
}

/** Reports a list that its unit does not use, or one that is needed and neither given nor implied. */
function readUse(reader: FieldReader, name: string, used: boolean, implied: boolean): void {
  if (used && !implied) {
    reader.required(name, 'give a list, or an anchor (or startsAt) to take it from')
  }
  if (!used && reader.has(name)) {
    reader.problem(name, `this unit has no ${name}; leave the field out`)
  }
}

function readTimes(reader: FieldReader): number[] {
  const remedy = `give 1 to ${MOST_TIMES} wall-clock times as ["HH:mm"] or ["HH:mm:ss"]`
  reader.required('times', remedy)
  const times = reader.get('times')
  if (Array.isArray(times) && times.length > MOST_TIMES) {
    reader.problem('times', remedy)
    return []
  }
  return reader.list('times', remedy, (time) => (typeof time === 'string' ? parseTime(time) : null))
}

function readWeekdays(reader: FieldReader): number[] {
  return reader.list('weekdays', `give a list of ${WEEKDAYS.join(', ')}`, (name) => {
    const index = WEEKDAYS.indexOf(name as Weekday)
    return index < 0 ? null : index
  })
}

function readMonthDays(reader: FieldReader): number[] {
  const remedy = 'give a list of days 1 to 31, or -1 (the last day) to -31'
  const range = { min: -31, max: 31 }
  return reader.list('monthDays', remedy, (day) =>
    day !== 0 && isIntegerIn(day, range) ? day : null
  )
}

function readMonths(reader: FieldReader): number[] {
  const range = { min: 1, max: 12 }
  const remedy = 'give a list of whole numbers from 1 to 12'
  return reader.list('months', remedy, (month) => (isIntegerIn(month, range) ? month : null))
}

function readNthWeekdays(reader: FieldReader): CalendarRule['nthWeekdays'] {
  const found: CalendarRule['nthWeekdays'] = []
  const remedy =
    'give a list of { nth, weekday }, with nth from 1 to 5 or -1 (the last) to -5 and a weekday MON..SUN'
  reader.list('nthWeekdays', remedy, (item) => {
    const { nth, weekday, ...others } = isObject(item) ? item : {}
    const index = WEEKDAYS.indexOf(weekday as Weekday)
    const sound = nth !== 0 && isIntegerIn(nth, { min: -5, max: 5 }) && index >= 0
    if (!sound || Object.keys(others).length > 0) {
      return null
    }
    return found.push({ nth, weekday: index })
  })
  return found
}

function orElse(list: number[], implied: number): number[] {
  return list.length > 0 ? list : [implied]
}
