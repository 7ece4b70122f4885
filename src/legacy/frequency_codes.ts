import { E_INVALID_TRIGGER, E_UNKNOWN_FREQUENCY_CODE } from '../errors.ts'
import { DAY, MINUTE, SECOND, formatWall, modulo, parseWall } from '../triggers/civil_date.ts'
import { shown } from '../triggers/field_reader.ts'
import {
  DIALECTS,
  DIALECT_NAMES,
  isFrequencyCode,
  usesMonthDay,
  usesWeekday,
} from '../triggers/frequency_dialects.ts'
import type { Dialect } from '../triggers/frequency_dialects.ts'
import { toInstant } from '../triggers/instant.ts'
import { wallOf, zoneOf } from '../triggers/wall_clock.ts'
import type { Zone } from '../triggers/wall_clock.ts'
import type {
  ClockChanges,
  FrequencyDialect,
  FrequencyTrigger,
  ShortMonths,
} from '../types/triggers.ts'

/** A number as legacy rows hold it: a number, a text with or without blanks, or nothing. */
export type LegacyNumber = number | string | null | undefined

/**
 * A wall clock as legacy rows hold it, in no zone: a text, or the Date that the
 * driver made of it, which carries it in its local fields. Epoch ms, and a text
 * that ends with an offset, are instants: the zone's wall clock of that moment.
 */
export type LegacyDate = string | Date | number | null | undefined

/** The columns of the legacy schedule table that say when a flow runs. */
export interface FrequencyRow {
  frqcd: string | null | undefined
  frqdd?: LegacyNumber
  frqhh?: LegacyNumber
  frqmi?: LegacyNumber
  strtdt: LegacyDate
  enddt?: LegacyDate
}

export interface FrequencyOptions extends ClockChanges {
  /** IANA zone of the row's wall clocks. */
  timezone: string
  /** Default `standard`. */
  dialect?: FrequencyDialect
  /** What a month without the day does. Default `skip`. */
  shortMonths?: ShortMonths
}

/**
 * The trigger that a row of the legacy schedule table means.
 *
 * A row that can be read but has no slot (a day that never occurs, an hour of
 * 25, an ID of every 0 minutes) gives a trigger that previews nothing and that
 * `validateTrigger` refuses, with the reason. Dates are never refused for
 * lying in the past. The dialect `standard` drops the seconds of STRTDT; those of ENDDT count,
 * and an ENDDT without any time, which only a person writes, means the end of
 * that day.
 *
 * @throws E_UNKNOWN_FREQUENCY_CODE when FRQCD is none of the seven and the dialect refuses others
 * @throws E_INVALID_TRIGGER for an unknown dialect or zone, a number or date that cannot be read, no STRTDT
 */
export function frequencyTrigger(row: FrequencyRow, options: FrequencyOptions): FrequencyTrigger {
  const { timezone, dialect = 'standard', shortMonths = 'skip', gap, overlap } = options
  if (!DIALECT_NAMES.includes(dialect)) {
    throw new E_INVALID_TRIGGER([
      'dialect',
      shown(dialect),
      `write one of ${DIALECT_NAMES.join(', ')}`,
    ])
  }
  const rules = DIALECTS[dialect]
  const zone = zoneOf(timezone)
  const code = readCode(row.frqcd, rules)
  const start = readWall('STRTDT', row.strtdt, zone)
  if (start === null) {
    throw unreadable('STRTDT', row.strtdt, 'give the first date, every phase is counted from it')
  }
  const end = readWall('ENDDT', row.enddt, zone, DAY - SECOND)
  return {
    kind: 'frequency',
    code,
    day: readDay(code, row.frqdd),
    hour: readHour(code, row.frqhh, rules),
    minute: readNumber('FRQMI', row.frqmi),
    timezone,
    dialect,
    shortMonths,
    start: startText(start, rules),
    end: end === null ? null : formatWall(end),
    ...(gap ? { gap } : {}),
    ...(overlap ? { overlap } : {}),
  }
}

/** Whole minutes, but where the dialect keeps the seconds of a start that has some. */
function startText(start: number, { seconds }: Dialect): string {
  const text = formatWall(start)
  return seconds === 'dropped' || modulo(start, MINUTE) < SECOND ? text.slice(0, 16) : text
}

function readCode(value: unknown, { unknownCode }: Dialect): string {
  const code = String(value ?? '')
    .trim()
    .toUpperCase()
  if (!isFrequencyCode(code) && unknownCode === null) {
    throw new E_UNKNOWN_FREQUENCY_CODE([shown(value)])
  }
  return code
}

/** Numbers as numbers and weekdays in capitals; whether the code takes it is for validation. */
function readDay(code: string, value: LegacyNumber): string | number | null {
  const text = textOf(value)
  if (usesWeekday(code)) {
    return text === null ? null : text.toUpperCase()
  }
  if (!usesMonthDay(code)) {
    return null
  }
  return text !== null && isInteger(text) ? Number(text) : text
}

/** An ID without hour runs by the minute; most dialects take -1 for none. */
function readHour(code: string, value: LegacyNumber, dialect: Dialect): number | null {
  const hour = readNumber('FRQHH', value)
  return code === 'ID' && hour === -1 && !dialect.hourlyAtMinusOne ? null : hour
}

function readNumber(column: string, value: LegacyNumber): number | null {
  const text = textOf(value)
  if (text !== null && !isInteger(text)) {
    throw unreadable(column, value, 'give a whole number')
  }
  return text === null ? null : Number(text)
}

function textOf(value: LegacyNumber): string | null {
  const text = String(value ?? '').trim()
  return text === '' ? null : text
}

function isInteger(text: string): boolean {
  return /^[+-]?\d{1,9}$/.test(text)
}

const WALL_TEXT =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2})?(?:\.\d+)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?)?$/i

/** A wall clock in ms; `dateOnly` is what a text without a time adds to its midnight. */
function readWall(column: string, value: LegacyDate, zone: Zone, dateOnly = 0): number | null {
  if (value === null || value === undefined) {
    return null
  }
  if (value instanceof Date) {
    return localFields(column, value)
  }
  if (typeof value === 'number') {
    return wallOf(toInstant(value, column), zone)
  }
  if (value.trim() === '') {
    return null
  }
  const [, date, minutes, seconds = ':00', offset] = WALL_TEXT.exec(value.trim()) ?? []
  const wall = parseWall(`${date}T${minutes ?? '00:00'}${seconds}`)
  if (wall === null) {
    throw unreadable(column, value, 'write "yyyy-MM-dd HH:mm:ss"')
  }
  if (offset) {
    return wallOf(toInstant(`${formatWall(wall)}${fullOffset(offset)}`, column), zone)
  }
  return minutes === undefined ? wall + dateOnly : wall
}

/** Drivers build the Date of a column without zone so that its local fields show the stored text. */
function localFields(column: string, date: Date): number {
  if (Number.isNaN(date.getTime())) {
    throw unreadable(column, date, 'write "yyyy-MM-dd HH:mm:ss"')
  }
  return Date.UTC(
    date.getFullYear(),
    date.getMonth(),
    date.getDate(),
    date.getHours(),
    date.getMinutes(),
    date.getSeconds()
  )
}

/** `+05` and `+0530` as `+05:00` and `+05:30`. */
function fullOffset(offset: string): string {
  const [, sign, hours, minutes = '00'] = /^([+-])(\d{2}):?(\d{2})?$/.exec(offset) ?? []
  return sign ? `${sign}${hours}:${minutes}` : 'Z'
}

function unreadable(column: string, value: unknown, remedy: string): Error {
  return new E_INVALID_TRIGGER([column, shown(value), remedy])
}
