import { E_UNKNOWN_FREQUENCY_CODE } from '../errors.ts'
import type { FrequencyTrigger, Weekday } from '../types/triggers.ts'
import { calendarWalls, everFires } from './calendar_rule.ts'
import type { CalendarRule } from './calendar_rule.ts'
import { DAY, HOUR, MINUTE, WEEKDAYS, civilDate, modulo, parseWall } from './civil_date.ts'
import { readClockPolicy } from './clock_policy.ts'
import { NEVER } from './compiled.ts'
import type { Series } from './compiled.ts'
import { isIntegerIn, shown } from './field_reader.ts'
import type { FieldReader } from './field_reader.ts'
import {
  CODES,
  DIALECTS,
  DIALECT_NAMES,
  isFrequencyCode,
  usesMonthDay,
  usesWeekday,
} from './frequency_dialects.ts'
import type { CalendarCode, Dialect } from './frequency_dialects.ts'
import { intervalSeries } from './interval.ts'
import { asGiven, asGivenOrNull } from './kind.ts'
import type { TriggerKindDefinition } from './kind.ts'
import { lostRuns } from './lost_runs.ts'
import { instantOf } from './wall_clock.ts'
import type { Zone } from './wall_clock.ts'

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
    gap: asGiven,
    overlap: asGiven,
  },

  read(reader) {
    const dialect = DIALECTS[reader.oneOf('dialect', DIALECT_NAMES, true)]
    const code = readCode(reader, dialect)
    const zone = reader.zone('timezone')
    const clamp = reader.oneOf('shortMonths', ['skip', 'clamp'], true) === 'clamp'
    const given = readWall(reader, 'start', START_REMEDY)
    const end = reader.has('end') ? readWall(reader, 'end', END_REMEDY) : null
    if (code === null || zone === null || given === null) {
      return null
    }
    const start = dialect.seconds === 'dropped' ? given - modulo(given, MINUTE) : given
    const row = { reader, dialect, zone, start, clamp }
    return {
      ...seriesOf(code, row),
      bounds: {
        startsAt: instantOf(start, zone),
        endsAt: end === null ? null : instantOf(end, zone),
      },
    }
  },

  describe(trigger) {
    const dialect = trigger.dialect === 'standard' ? '' : ` (${trigger.dialect})`
    const end = trigger.end === null ? '' : ` until ${trigger.end}`
    return `${trigger.code}${dialect}: ${seriesText(trigger)}, ${trigger.timezone}, from ${trigger.start}${end}`
  },
}

/** A row as it is being read. */
interface Row {
  reader: FieldReader
  dialect: Dialect
  zone: Zone
  /** Wall clock of STRTDT. */
  start: number
  clamp: boolean
}

function readCode(reader: FieldReader, dialect: Dialect): string | null {
  const code = reader.get('code')
  if (isFrequencyCode(code) || (dialect.unknownCode !== null && typeof code === 'string')) {
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

function seriesOf(code: string, row: Row): Series {
  if (!isFrequencyCode(code)) {
    return everyMinutes(Number(row.dialect.unknownCode), row)
  }
  return code === 'ID' ? intraDay(row) : onCalendar(row, calendarRule(code, row))
}

/** A value out of its range gives no slots: the row is kept, and refused when it is saved. */
function readNumber(
  reader: FieldReader,
  name: string,
  range: { min: number; max: number; empty?: number | null }
): number {
  const value = reader.get(name) ?? range.empty
  if (isIntegerIn(value, range)) {
    return value
  }
  reader.never(name, `give a whole number from ${range.min} to ${range.max}`)
  return range.min
}

function everyMinutes(minutes: number, { start, zone }: Row): Series {
  return intervalSeries(minutes * MINUTE, instantOf(start, zone))
}

function intraDay(row: Row): Series {
  const { reader, dialect, zone } = row
  const { time, interval } = dialect.empty
  if (!reader.has('hour')) {
    // Without a range of its own an empty or zero minute is left to the dialect
    const minutes = reader.get('minute') ? null : interval
    return everyMinutes(minutes ?? readNumber(reader, 'minute', { min: 1, max: 999 }), row)
  }
  readNumber(reader, 'hour', { min: dialect.hourlyAtMinusOne ? -1 : 0, max: 23 })
  const minute = readNumber(reader, 'minute', { min: 0, max: 59, empty: time })
  const phase = minute * MINUTE + secondsOf(row)
  return {
    walls: { next: (from) => from + modulo(phase - from, HOUR) },
    zone,
    policy: readClockPolicy(reader, dialect.hourly),
  }
}

function secondsOf({ dialect, start }: Row): number {
  return dialect.seconds === 'kept' ? modulo(start, MINUTE) : 0
}

function calendarRule(code: CalendarCode, row: Row): CalendarRule {
  const { reader, dialect, start, clamp } = row
  const { unit, every, months } = dialect.periods[code]
  const { time: empty } = dialect.empty
  const hour = readNumber(reader, 'hour', { min: 0, max: 23, empty })
  const minute = readNumber(reader, 'minute', { min: 0, max: 59, empty })
  const anchor = Math.floor(start / DAY)
  return {
    unit,
    every,
    anchor,
    firstDay: anchor,
    times: [hour * HOUR + minute * MINUTE + secondsOf(row)],
    weekdays: usesWeekday(code) ? [readWeekday(reader, dialect)] : [],
    monthDays: usesMonthDay(code) ? [readNumber(reader, 'day', { min: 1, max: 31 })] : [],
    nthWeekdays: [],
    months: months ?? [civilDate(anchor).month],
    clamp,
  }
}

function readWeekday(reader: FieldReader, dialect: Dialect): number {
  const index = WEEKDAYS.indexOf((reader.get('day') ?? dialect.empty.day) as Weekday)
  if (index < 0) {
    reader.never('day', `write one of ${WEEKDAYS.join(', ')}`)
  }
  return Math.max(0, index)
}

function onCalendar({ reader, dialect, zone }: Row, rule: CalendarRule): Series {
  const policy = readClockPolicy(reader, dialect.fixedTimes)
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
  return { walls: calendarWalls(rule), zone, policy }
}

function seriesText({ code, day, hour, minute, dialect: name }: FrequencyTrigger): string {
  const { periods, empty, unknownCode } = DIALECTS[name]
  if (!isFrequencyCode(code)) {
    return `every ${unknownCode} minutes`
  }
  if (code === 'ID') {
    return hour === null
      ? `every ${minute || empty.interval} minutes`
      : `every hour at minute ${minute ?? empty.time}`
  }
  const on = usesMonthDay(code) ? ` on day ${day}` : ''
  const onWeekday = usesWeekday(code) ? ` on ${day ?? empty.day}` : ''
  const [hh, mm] = [hour, minute].map((part) => String(part ?? empty.time).padStart(2, '0'))
  return `${periods[code].words}${on}${onWeekday} at ${hh}:${mm}`
}
