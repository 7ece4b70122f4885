import type { Duration } from '../duration.ts'
import type { Instant } from './json.ts'

/**
 * Bounds that every trigger may carry, both inclusive.
 */
export interface TriggerBounds {
  startsAt?: Instant | null
  endsAt?: Instant | null
}

/** One single instant. */
export interface OnceTrigger extends TriggerBounds {
  kind: 'once'
  at: Instant
}

/** A fixed length of real time, counted from the anchor: it never drifts. */
export interface IntervalTrigger extends TriggerBounds {
  kind: 'interval'
  every: Duration
  /** Sets the phase, no bound. Default: startsAt when given, else the epoch. */
  anchor?: Instant
}

/** A cron expression of five fields, or six with seconds first. */
export interface CronTrigger extends TriggerBounds {
  kind: 'cron'
  expression: string
  /** IANA zone. */
  timezone: string
}

export type Weekday = 'MON' | 'TUE' | 'WED' | 'THU' | 'FRI' | 'SAT' | 'SUN'

/**
 * Every n days, weeks, months or years at wall-clock times of a zone, counted
 * from an anchor date. Weeks are Monday weeks.
 */
export interface CalendarTrigger extends TriggerBounds {
  kind: 'calendar'
  unit: 'day' | 'week' | 'month' | 'year'
  /** Every n-th unit. Default 1. */
  every?: number
  /** Wall-clock times, `HH:mm` or `HH:mm:ss`. */
  times: string[]
  timezone: string
  /** First counted date, `yyyy-MM-dd`. Default: the date of startsAt in the zone. */
  anchor?: string
  /** For weeks. Default: the weekday of the anchor. */
  weekdays?: Weekday[]
  /** For months and years: days of the month, 1..31. Default: the day of the anchor. */
  monthDays?: number[]
  /** For years: months 1..12. Default: the month of the anchor. */
  months?: number[]
  /** What a month without the day does. Default `skip`; `clamp` takes its last day. */
  shortMonths?: ShortMonths
}

export type ShortMonths = 'skip' | 'clamp'
export type FrequencyCode = 'YR' | 'HY' | 'MN' | 'FN' | 'WK' | 'DL' | 'ID'
export type FrequencyDialect = 'standard' | 'dbms_scheduler' | 'apscheduler'

/**
 * A row of the legacy schedule table. Wall-clock texts are read in `timezone`.
 */
export interface FrequencyTrigger extends TriggerBounds {
  kind: 'frequency'
  code: FrequencyCode
  /** Day of month, or weekday MON..SUN; null where the code ignores it. */
  day: string | number | null
  /** 0..23; null for an ID that runs every `minute` minutes. */
  hour: number | null
  /** 0..59; 1..999 for an ID without hour. null where the row has none: it never fires. */
  minute: number | null
  timezone: string
  dialect: FrequencyDialect
  shortMonths: ShortMonths
  /** Wall clock of STRTDT, whole minutes (`yyyy-MM-ddTHH:mm`), the anchor of every phase. */
  start: string
  /** Wall clock of ENDDT with its seconds, inclusive; null for no end. */
  end: string | null
}

export type Trigger =
  OnceTrigger | IntervalTrigger | CronTrigger | CalendarTrigger | FrequencyTrigger

export type TriggerKind = Trigger['kind']

/** One thing that is wrong with an input. */
export interface Problem {
  /** Path of the field, such as `trigger.expression`. */
  field: string
  /** The value as given, shortened. */
  value: string
  /** What is wrong and what to write instead. */
  message: string
}
