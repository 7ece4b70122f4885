import { E_DIALECT_NOT_AVAILABLE, E_UNKNOWN_FREQUENCY_CODE } from '../errors.ts'
import type { FrequencyCode, FrequencyTrigger, Weekday } from '../types/triggers.ts'
import { bounded } from './bounds.ts'
import { calendarSeries, everFires, lostRuns } from './calendar_rule.ts'
import type { CalendarRule } from './calendar_rule.ts'
import { DAY, HOUR, MINUTE, WEEKDAYS, civilDate, parseWall } from './civil_date.ts'
import { NEVER } from './compiled.ts'
import type { CompiledTrigger } from './compiled.ts'
import { isIntegerIn, shown } from './field_reader.ts'
import type { FieldReader } from './field_reader.ts'
import { intervalSeries } from './interval.ts'
import { asGiven, asGivenOrNull } from './kind.ts'
import type { TriggerKindDefinition } from './kind.ts'
import { instantOf, nextAtMinute } from './wall_clock.ts'
import type { Zone } from './wall_clock.ts'

/**
 * What each code counts under the dialect `standard`: HY every six months from
 * the month of STRTDT, FN every second Monday week from that of STRTDT, YR once
 * a year in the month of STRTDT. ID is not of the calendar.
 */
const PERIODS = {
  YR: { unit: 'year', every: 1, day: 'month day', words: 'every year' },
  HY: { unit: 'month', every: 6, day: 'month day', words: 'every 6 months' },
  MN: { unit: 'month', every: 1, day: 'month day', words: 'every month' },
  FN: { unit: 'week', every: 2, day: 'weekday', words: 'every 2 weeks' },
  WK: { unit: 'week', every: 1, day: 'weekday', words: 'every week' },
  DL: { unit: 'day', every: 1, day: 'none', words: 'every day' },
} as const satisfies Record<Exclude<FrequencyCode, 'ID'>, object>

type CalendarCode = keyof typeof PERIODS

const CODES = [...Object.keys(PERIODS), 'ID']

export function isFrequencyCode(code: unknown): code is FrequencyCode {
  return typeof code === 'string' && CODES.includes(code)
}

/** The column FRQDD of such a row holds MON..SUN. */
export function usesWeekday(code: FrequencyCode): boolean {
  return code !== 'ID' && PERIODS[code].day === 'weekday'
}

/** The column FRQDD of such a row holds a day 1..31. */
export function usesMonthDay(code: FrequencyCode): boolean {
  return code !== 'ID' && PERIODS[code].day === 'month day'
}

const START_REMEDY = 'write the wall clock of STRTDT as "yyyy-MM-ddTHH:mm"'
const END_REMEDY = 'write the wall clock of ENDDT as "yyyy-MM-ddTHH:mm:ss", or null for no end'

export const frequency: TriggerKindDefinition<FrequencyTrigger> = {
  fields: {
    code: asGiven,
    day: asGivenOrNull,
    hour: asGivenOrNull,
    minute: asGivenOrNull,
    timezone: asGiven,
    dialect: asGiven,
    shortMonths: asGiven,
    start: asGiven,
    end: asGivenOrNull,
  },

  read(reader) {
    readDialect(reader)
    const code = readCode(reader)
    const zone = reader.zone('timezone')
    const clamp = reader.oneOf('shortMonths', ['skip', 'clamp'], true) === 'clamp'
    const start = readWall(reader, 'start', START_REMEDY)
    const end = reader.has('end') ? readWall(reader, 'end', END_REMEDY) : null
    if (code === null || zone === null || start === null) {
      return null
    }
    const wholeMinutes = Math.floor(start / MINUTE) * MINUTE
    const series =
      code === 'ID'
        ? intraDay(reader, zone, wholeMinutes)
        : onCalendar(reader, zone, calendarRule(reader, code, { start: wholeMinutes, clamp }))
    return bounded(series, {
      startsAt: instantOf(wholeMinutes, zone),
      endsAt: end === null ? null : instantOf(end, zone),
    })
  },

  describe(trigger) {
    const end = trigger.end === null ? '' : ` until ${trigger.end}`
    return `${trigger.code}: ${seriesText(trigger)} (${trigger.timezone}), from ${trigger.start}${end}`
  },
}

function readDialect(reader: FieldReader): void {
  const dialect = reader.get('dialect')
  if (dialect !== 'standard') {
    const error = new E_DIALECT_NOT_AVAILABLE([shown(dialect)])
    reader.problem('dialect', 'this version has "standard" only', error)
  }
}

function readCode(reader: FieldReader): FrequencyCode | null {
  const code = reader.get('code')
  if (isFrequencyCode(code)) {
    return code
  }
  const remedy = `the code is unknown; use one of ${CODES.join(', ')}`
  reader.problem('code', remedy, new E_UNKNOWN_FREQUENCY_CODE([shown(code)]))
  return null
}

function readWall(reader: FieldReader, name: string, remedy: string): number | null {
  const text = reader.text(name, remedy)
  const wall = text === null ? null : parseWall(text)
  if (text !== null && wall === null) {
    reader.problem(name, remedy)
  }
  return wall
}

/** A value out of its range gives no slots: the row is kept, and refused when it is saved. */
function readNumber(reader: FieldReader, name: string, min: number, max: number): number {
  const value = reader.get(name)
  if (isIntegerIn(value, { min, max })) {
    return value
  }
  reader.never(name, `give a whole number from ${min} to ${max}`)
  return min
}

function intraDay(reader: FieldReader, zone: Zone, start: number): CompiledTrigger {
  if (!reader.has('hour')) {
    const every = readNumber(reader, 'minute', 1, 999) * MINUTE
    return intervalSeries(every, instantOf(start, zone))
  }
  readNumber(reader, 'hour', 0, 23)
  const minute = readNumber(reader, 'minute', 0, 59)
  return { next: (after) => nextAtMinute(after + 1, minute, zone) }
}

function calendarRule(
  reader: FieldReader,
  code: CalendarCode,
  { start, clamp }: { start: number; clamp: boolean }
): CalendarRule {
  const { unit, every } = PERIODS[code]
  const time =
    readNumber(reader, 'hour', 0, 23) * HOUR + readNumber(reader, 'minute', 0, 59) * MINUTE
  const anchor = Math.floor(start / DAY)
  return {
    unit,
    every,
    anchor,
    firstDay: anchor,
    times: [time],
    weekdays: usesWeekday(code) ? [readWeekday(reader)] : [],
    monthDays: usesMonthDay(code) ? [readNumber(reader, 'day', 1, 31)] : [],
    months: [civilDate(anchor).month],
    clamp,
  }
}

function readWeekday(reader: FieldReader): number {
  const index = WEEKDAYS.indexOf(reader.get('day') as Weekday)
  if (index < 0) {
    reader.never('day', `write one of ${WEEKDAYS.join(', ')}`)
  }
  return Math.max(0, index)
}

function onCalendar(reader: FieldReader, zone: Zone, rule: CalendarRule): CompiledTrigger {
  if (reader.neverFires) {
    return NEVER
  }
  if (everFires(rule)) {
    reader.warnings.push(...lostRuns(rule))
  } else {
    reader.never(
      'day',
      'none of its months has such a day, ever; correct it, or clamp short months'
    )
  }
  return calendarSeries(rule, zone)
}

function seriesText({ code, day, hour, minute }: FrequencyTrigger): string {
  if (code === 'ID') {
    return hour === null ? `every ${minute} minutes` : `every hour at minute ${minute}`
  }
  const period = PERIODS[code]
  const on = { 'month day': ` on day ${day}`, 'weekday': ` on ${day}`, 'none': '' }[period.day]
  const time = `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`
  return `${period.words}${on} at ${time}`
}
