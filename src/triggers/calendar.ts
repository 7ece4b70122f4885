import type { CalendarTrigger, Weekday } from '../types/triggers.ts'
import type { Bounds } from './bounds.ts'
import { calendarSeries, everFires, lostRuns } from './calendar_rule.ts'
import type { CalendarRule } from './calendar_rule.ts'
import { DAY, MONTHS, WEEKDAYS, civilDate, parseDate, parseTime, weekdayOf } from './civil_date.ts'
import { isIntegerIn } from './field_reader.ts'
import type { FieldReader } from './field_reader.ts'
import { asGiven } from './kind.ts'
import type { TriggerKindDefinition } from './kind.ts'
import { wallOf } from './wall_clock.ts'
import type { Zone } from './wall_clock.ts'

const UNITS = ['day', 'week', 'month', 'year'] as const
const MOST_TIMES = 1440

/** Lists of days, and the units in which each has a meaning. */
const LISTS = { weekdays: ['week'], monthDays: ['month', 'year'], months: ['year'] } as const

export const calendar: TriggerKindDefinition<CalendarTrigger> = {
  fields: {
    unit: asGiven,
    every: asGiven,
    times: asGiven,
    timezone: asGiven,
    anchor: asGiven,
    weekdays: asGiven,
    monthDays: asGiven,
    months: asGiven,
    shortMonths: asGiven,
  },

  read(reader, bounds) {
    const zone = reader.zone('timezone')
    const rule = readRule(reader, bounds, zone)
    if (!zone || reader.error) {
      return null
    }
    if (everFires(rule)) {
      reader.warnings.push(...lostRuns(rule))
    } else {
      reader.never(
        'monthDays',
        'none of its months has such a day, ever; correct the day, or write shortMonths: "clamp"'
      )
    }
    return calendarSeries(rule, zone)
  },

  describe(trigger) {
    const { unit, every = 1, times, timezone } = trigger
    const period = every === 1 ? `every ${unit}` : `every ${every} ${unit}s`
    return `${period}${daysText(trigger)} at ${times.join(', ')} (${timezone})`
  },
}

function readRule(reader: FieldReader, bounds: Bounds, zone: Zone | null): CalendarRule {
  const unit = reader.oneOf('unit', UNITS, true)
  const every = reader.integer('every', { min: 1, max: 1000, fallback: 1 })
  const anchor = readAnchor(reader, bounds, zone)
  for (const [name, units] of Object.entries(LISTS)) {
    readUse(reader, name, units.includes(unit as never), anchor !== null)
  }
  if (every > 1 && anchor === null) {
    reader.required('anchor', 'with every above 1 give the first counted date, or startsAt')
  }
  const { month, day } = civilDate(anchor ?? 0)
  return {
    unit,
    every,
    anchor: anchor ?? 0,
    firstDay: anchor ?? Number.NEGATIVE_INFINITY,
    times: readTimes(reader),
    weekdays: orElse(readWeekdays(reader), weekdayOf(anchor ?? 0)),
    monthDays: orElse(readNumbers(reader, 'monthDays', 31), day),
    months: orElse(readNumbers(reader, 'months', 12), month),
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
function readUse(reader: FieldReader, name: string, used: boolean, anchored: boolean): void {
  if (used && !anchored) {
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

function readNumbers(reader: FieldReader, name: string, max: number): number[] {
  const remedy = `give a list of whole numbers from 1 to ${max}`
  return reader.list(name, remedy, (item) => (isIntegerIn(item, { min: 1, max }) ? item : null))
}

function orElse(list: number[], implied: number): number[] {
  return list.length > 0 ? list : [implied]
}

function daysText({ weekdays, monthDays, months }: CalendarTrigger): string {
  const inMonths = months ? ` in ${months.map((month) => MONTHS[month - 1]).join(', ')}` : ''
  const onDays = monthDays ? ` on day ${monthDays.join(', ')}` : ''
  const onWeekdays = weekdays ? ` on ${weekdays.join(', ')}` : ''
  return `${inMonths}${onDays}${onWeekdays}`
}
