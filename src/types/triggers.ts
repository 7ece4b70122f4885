import type { Duration } from '../duration.ts'
import type { Instant } from './json.ts'

/**
 * What every trigger may carry.
 */
export interface TriggerBounds {
  /** No slot before it; inclusive. */
  startsAt?: Instant | null
  /** No slot after it; inclusive. */
  endsAt?: Instant | null
  /** Days and times without slots. */
  exclude?: Exclusions | null
  /**
   * The longest delay of a run behind its slot, at most a day. Each slot of
   * each event has its own, the same on every node; the slot itself stays.
   */
  jitter?: Duration | null
}

/** Wall-clock days and times; what a named calendar holds. */
export interface ExclusionRules {
  /** `yyyy-MM-dd`, or `MM-dd` for every year. */
  dates?: string[]
  /** Both dates inclusive, in the same two forms; `12-24` to `01-02` goes over New Year. */
  ranges?: { from: string; to: string }[]
  weekdays?: Weekday[]
  /** `HH:mm` or `HH:mm:ss`, `to` exclusive; `22:00` to `06:00` ends on the next day. `weekdays`: those on which it begins. */
  times?: { from: string; to: string; weekdays?: Weekday[] }[]
}

export interface Exclusions extends ExclusionRules {
  /** Names of calendars of config/almanac.ts, added to the rules here. */
  calendars?: string[]
  /**
   * What a slot on an excluded day does. `skip` (default): it is no slot.
   * `next`, `previous`: it moves to the same time of the nearest allowed day
   * after or before, at most 366 days away. A slot at an excluded time never is one.
   */
  policy?: ExclusionPolicy
  /** IANA zone of days and times. Default: the trigger's; a trigger without one needs it here. */
  timezone?: string
}

export type ExclusionPolicy = 'skip' | 'next' | 'previous'

/** A wall clock that a clock change leaves out: no slot, later by the gap's length, or the first instant after the gap. */
export type ClockGap = 'skip' | 'shift' | 'after'

/** Which instants of a wall clock that is shown twice are slots. */
export type ClockOverlap = 'first' | 'second' | 'both'

/** How wall clocks meet clock changes. */
export interface ClockChanges {
  /** Default `after` for fixed times; a series within the day follows real time (`skip`). */
  gap?: ClockGap
  /** Default `first` for fixed times; a series within the day follows real time (`both`). */
  overlap?: ClockOverlap
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

/**
 * A cron expression of five fields, or six with seconds first. It follows real
 * time where minute or hour are `*` or steps of it, else its times are fixed.
 */
export interface CronTrigger extends TriggerBounds, ClockChanges {
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
export interface CalendarTrigger extends TriggerBounds, ClockChanges {
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
  /**
   * For months and years: days of the month, 1..31, or -1 for the last, -2 for
   * the one before it. Default, unless nthWeekdays are given: the day of the anchor.
   */
  monthDays?: number[]
  /** For months and years: such as the first Monday, or (-1) the last Friday. */
  nthWeekdays?: NthWeekday[]
  /** For years: months 1..12. Default: the month of the anchor. */
  months?: number[]
  /** What a month without the day does. Default `skip`; `clamp` takes its last day. */
  shortMonths?: ShortMonths
}

export interface NthWeekday {
  /** 1..5, or -1 (the last) to -5. */
  nth: number
  weekday: Weekday
}

export type ShortMonths = 'skip' | 'clamp'
export type FrequencyCode = 'YR' | 'HY' | 'MN' | 'FN' | 'WK' | 'DL' | 'ID'
export type FrequencyDialect = 'standard' | 'dbms_scheduler' | 'apscheduler'

/**
 * A row of the legacy schedule table. Wall-clock texts are read in `timezone`.
 */
export interface FrequencyTrigger extends TriggerBounds, ClockChanges {
  kind: 'frequency'
  /** One of the seven; the dialect `apscheduler` takes any other for every 60 minutes. */
  code: FrequencyCode | (string & {})
  /** Day of month, or weekday MON..SUN; null where the code ignores it. */
  day: string | number | null
  /** 0..23; null for an ID that runs every `minute` minutes. `apscheduler`: -1 for an hourly ID too. */
  hour: number | null
  /** 0..59; 1..999 for an ID without hour. null where the row has none: it never fires, but with `apscheduler`. */
  minute: number | null
  timezone: string
  dialect: FrequencyDialect
  shortMonths: ShortMonths
  /**
   * Wall clock of STRTDT, the anchor of every phase: `yyyy-MM-ddTHH:mm`, with
   * `:ss` in the dialects that keep the seconds.
   */
  start: string
  /** Wall clock of ENDDT with its seconds, inclusive; null for no end. */
  end: string | null
}

/** No slots of its own: it runs by hand (`trigger`), or after the events that it depends on. */
export interface ManualTrigger extends TriggerBounds {
  kind: 'manual'
}

export type Trigger =
  ManualTrigger | OnceTrigger | IntervalTrigger | CronTrigger | CalendarTrigger | FrequencyTrigger

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
