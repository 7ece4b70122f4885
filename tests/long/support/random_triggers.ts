import type {
  CalendarTrigger,
  ClockChanges,
  Exclusions,
  FrequencyTrigger,
  Trigger,
  Weekday,
} from '../../../src/types/triggers.ts'
import type { Random } from './random.ts'
import { lengthOf, weekdayOf, partsOf, NAMES } from './plain_dates.ts'
import type { Meaning } from './slot_walk.ts'
import type { ZoneTable } from './zone_table.ts'

/** A trigger and what it means; `steps` in place of `meaning` for a length of real time. */
export interface Case {
  trigger: Trigger
  meaning: Meaning
  /** ms; the walk then goes by the clock alone, from `anchor`. */
  steps?: { every: number; anchor: number }
}

const MINUTE = 60_000
const DAY = 86_400_000
const two = (value: number) => String(value).padStart(2, '0')

/** Where the trigger is to be looked at, and which hours the clock change touches. */
export interface Place {
  zone: ZoneTable
  /** An instant. */
  around: number
  hours: number[]
}

type Draft = Omit<Meaning, 'excludedDay' | 'excludedTime' | 'policy' | 'first' | 'last'>

/** A random trigger of any kind, with its bounds, exclusions and policies. */
export function randomCase(random: Random, place: Place): Case {
  const make = random.of([
    cronCase,
    cronCase,
    calendarCase,
    calendarCase,
    frequencyCase,
    intervalCase,
  ])
  const { trigger, draft, steps, bounds } = make(random, place)
  const { exclude, ...excluded } = randomExclusions(random, place, Boolean(steps))
  const start = random.below(4) === 0 ? place.around - random.below(4 * DAY) : null
  const end = random.below(4) === 0 ? place.around + random.below(4 * DAY) : null
  return {
    trigger: {
      ...trigger,
      ...(exclude ? { exclude } : {}),
      ...(start === null ? {} : { startsAt: start }),
      ...(end === null ? {} : { endsAt: end }),
    } as Trigger,
    meaning: {
      ...draft,
      ...excluded,
      first: Math.max(start ?? -Infinity, bounds?.first ?? -Infinity),
      last: Math.min(end ?? Infinity, bounds?.last ?? Infinity),
    },
    ...(steps ? { steps } : {}),
  }
}

interface Made {
  trigger: Trigger
  draft: Draft
  steps?: Case['steps']
  bounds?: { first: number; last: number }
}

const NOTHING = { onDay: () => false, minutes: new Uint8Array(1440), seconds: [0] }

function intervalCase(random: Random, { around }: Place): Made {
  const every = random.of([1, 5, 7, 15, 60, 90, 1440, 10_000]) * MINUTE
  const anchor = around - random.below(9 * DAY)
  return {
    trigger: { kind: 'interval', every, anchor },
    draft: { ...NOTHING, gap: 'skip', overlap: 'both' },
    steps: { every, anchor },
  }
}

function policies(random: Random, own: { gap: Draft['gap']; overlap: Draft['overlap'] }) {
  const gap = random.of([undefined, undefined, 'skip', 'shift', 'after'] as const)
  const overlap = random.of([undefined, undefined, 'first', 'second', 'both'] as const)
  const given: ClockChanges = { ...(gap ? { gap } : {}), ...(overlap ? { overlap } : {}) }
  return { given, gap: gap ?? own.gap, overlap: overlap ?? own.overlap }
}

/** Some numbers of a range, ascending. */
function some(random: Random, count: number, min: number, max: number): number[] {
  const numbers = Array.from({ length: count }, () => min + random.below(max - min + 1))
  return [...new Set(numbers)].sort((a, b) => a - b)
}

// ------------------------------------------------------------------- cron

function cronField(random: Random, max: number, near: number[]) {
  const step = 2 + random.below(20)
  const low = random.below(max)
  const high = low + random.below(max - low + 1)
  const all = Array.from({ length: max + 1 }, (_, n) => n)
  switch (random.of(['*', '*/n', 'a-b', 'a-b/n', 'list', 'near', 'near', 'near'])) {
    case '*':
      return { text: '*', values: all, wild: true }
    case '*/n':
      return { text: `*/${step}`, values: all.filter((n) => n % step === 0), wild: true }
    case 'a-b':
      return { text: `${low}-${high}`, values: all.slice(low, high + 1), wild: false }
    case 'a-b/n': {
      const values = all.slice(low, high + 1).filter((n) => (n - low) % step === 0)
      return step > high - low
        ? { text: String(low), values: [low], wild: false }
        : { text: `${low}-${high}/${step}`, values, wild: false }
    }
    default: {
      const chosen = near.filter(() => random.below(2))
      const values = chosen.length > 0 ? chosen : some(random, 1 + random.below(3), 0, max)
      return { text: values.join(), values, wild: false }
    }
  }
}

/** The day field, and whether a date matches; null where it is `*`. */
function cronDates(random: Random): { text: string; on: ((day: number) => boolean) | null } {
  const n = 1 + random.below(28)
  switch (random.of(['*', '*', '*', '*', 'list', 'L', 'LW', 'W'])) {
    case 'list': {
      const days = some(random, 1 + random.below(10), 1, 31)
      return { text: days.join(), on: (day) => days.includes(partsOf(day).day) }
    }
    case 'L':
      return { text: 'L', on: (day) => partsOf(day + 1).day === 1 }
    case 'LW':
      return { text: 'LW', on: (day) => day === nearestWeekday(day, lengthOf(day)) }
    case 'W':
      return { text: `${n}W`, on: (day) => day === nearestWeekday(day, n) }
    default:
      return { text: '*', on: null }
  }
}

/** The Monday to Friday nearest to a date of the month of a day, in that month. */
function nearestWeekday(day: number, date: number): number {
  const target = day - partsOf(day).day + date
  const weekday = weekdayOf(target)
  if (weekday === 5) {
    return date > 1 ? target - 1 : target + 2
  }
  if (weekday === 6) {
    return date < lengthOf(day) ? target + 1 : target - 2
  }
  return target
}

function cronWeekdays(random: Random): { text: string; on: ((day: number) => boolean) | null } {
  const weekday = random.below(7)
  const nth = 1 + random.below(4)
  const index = (weekday + 1) % 7
  switch (random.of(['*', '*', '*', 'list', 'names', '#', 'L'])) {
    case 'list': {
      const values = some(random, 1 + random.below(4), 0, 6)
      return { text: values.join(), on: (day) => values.includes((weekdayOf(day) + 1) % 7) }
    }
    case 'names':
      return { text: NAMES[weekday], on: (day) => weekdayOf(day) === weekday }
    case '#':
      return {
        text: `${NAMES[weekday]}#${nth}`,
        on: (day) => weekdayOf(day) === weekday && Math.ceil(partsOf(day).day / 7) === nth,
      }
    case 'L':
      return {
        text: `${index}L`,
        on: (day) => weekdayOf(day) === weekday && partsOf(day).day + 7 > lengthOf(day),
      }
    default:
      return { text: '*', on: null }
  }
}

function cronCase(random: Random, { zone, hours, around }: Place): Made {
  const minute = cronField(random, 59, [0, 15, 30, 45])
  const hour = cronField(random, 23, hours)
  const dates = cronDates(random)
  const weekdays = cronWeekdays(random)
  const month = partsOf(Math.floor(around / DAY)).month
  const months = random.below(6) === 0 ? [...new Set([month, 1 + random.below(12)])] : null
  const seconds = random.below(8) === 0 ? some(random, 3, 0, 59) : null
  const fields = [minute.text, hour.text, dates.text, months?.join() ?? '*', weekdays.text]
  const expression = [...(seconds ? [seconds.join()] : []), ...fields].join(' ')
  const wild = minute.wild || hour.wild
  const { given, ...policy } = policies(
    random,
    wild ? { gap: 'skip', overlap: 'both' } : { gap: 'after', overlap: 'first' }
  )
  const onDate = (day: number) => {
    if (dates.on && weekdays.on) {
      return dates.on(day) || weekdays.on(day)
    }
    return (dates.on ?? weekdays.on ?? (() => true))(day)
  }
  return {
    trigger: { kind: 'cron', expression, timezone: zone.name, ...given },
    draft: {
      onDay: (day) => (!months || months.includes(partsOf(day).month)) && onDate(day),
      minutes: minutesOf(hour.values.flatMap((h) => minute.values.map((m) => h * 60 + m))),
      seconds: seconds ?? [0],
      ...policy,
    },
  }
}

function minutesOf(list: number[]): Uint8Array {
  const minutes = new Uint8Array(1440)
  list.forEach((minute) => (minutes[minute] = 1))
  return minutes
}

// --------------------------------------------------------------- calendar

function calendarCase(random: Random, { zone, hours, around }: Place): Made {
  const times = some(random, 1 + random.below(4), 0, 59).map((m) => random.of(hours) * 60 + m)
  const anchor = Math.floor(around / DAY) - random.below(60)
  const every = 1 + random.below(3)
  const unit = random.of(['day', 'week', 'month', 'year'] as const)
  const clamp = random.below(2) === 0
  const { fields, onDay } = calendarDays(random, { unit, every, anchor, clamp })
  const { given, ...policy } = policies(random, { gap: 'after', overlap: 'first' })
  const trigger: CalendarTrigger = {
    kind: 'calendar',
    unit,
    every,
    anchor: textOf(anchor),
    times: times.map((time) => `${two(Math.floor(time / 60))}:${two(time % 60)}`),
    timezone: zone.name,
    ...(clamp ? { shortMonths: 'clamp' } : {}),
    ...fields,
    ...given,
  }
  return {
    trigger,
    draft: {
      onDay: (day) => day >= anchor && onDay(day),
      minutes: minutesOf(times),
      seconds: [0],
      ...policy,
    },
  }
}

const textOf = (day: number) => new Date(day * DAY).toISOString().slice(0, 10)

function calendarDays(
  random: Random,
  rule: { unit: CalendarTrigger['unit']; every: number; anchor: number; clamp: boolean }
): { fields: Partial<CalendarTrigger>; onDay: (day: number) => boolean } {
  const { unit, every, anchor, clamp } = rule
  const first = partsOf(anchor)
  if (unit === 'day') {
    return { fields: {}, onDay: (day) => (day - anchor) % every === 0 }
  }
  if (unit === 'week') {
    const weekdays = some(random, 1 + random.below(3), 0, 6)
    const monday = anchor - weekdayOf(anchor)
    return {
      fields: { weekdays: weekdays.map((index) => NAMES[index]) },
      onDay: (day) =>
        Math.floor((day - monday) / 7) % every === 0 && weekdays.includes(weekdayOf(day)),
    }
  }
  const monthDays = random.below(3)
    ? some(random, 1 + random.below(6), -31, 31).filter(Boolean)
    : []
  const nthWeekdays = Array.from({ length: monthDays.length > 0 ? random.below(2) : 1 }, () => ({
    nth: random.of([1, 2, 3, 4, 5, -1, -2, -3, -4, -5]),
    weekday: random.below(7),
  }))
  const months = [...new Set([first.month, 1 + random.below(12), 1 + random.below(12)])]
  const inPeriod = (day: number) => {
    const { year, month } = partsOf(day)
    return unit === 'year'
      ? (year - first.year) % every === 0 && months.includes(month)
      : ((year - first.year) * 12 + month - first.month) % every === 0
  }
  return {
    fields: {
      ...(monthDays.length > 0 ? { monthDays } : {}),
      ...(nthWeekdays.length > 0
        ? { nthWeekdays: nthWeekdays.map(({ nth, weekday }) => ({ nth, weekday: NAMES[weekday] })) }
        : {}),
      ...(unit === 'year' ? { months } : {}),
    },
    onDay: (day) => inPeriod(day) && isDate(day, { monthDays, nthWeekdays, clamp }),
  }
}

function isDate(
  day: number,
  rule: { monthDays: number[]; nthWeekdays: { nth: number; weekday: number }[]; clamp: boolean }
): boolean {
  const date = partsOf(day).day
  const length = lengthOf(day)
  const wanted = rule.monthDays.map((each) => (each > 0 ? each : length + 1 + each))
  const clamped = rule.clamp ? wanted.map((each) => Math.max(1, Math.min(each, length))) : wanted
  return clamped.includes(date) || rule.nthWeekdays.some((each) => isNth(day, each, rule.clamp))
}

function isNth(day: number, { nth, weekday }: { nth: number; weekday: number }, clamp: boolean) {
  if (weekdayOf(day) !== weekday) {
    return false
  }
  const date = partsOf(day).day
  const all = []
  for (let other = ((date - 1) % 7) + 1; other <= lengthOf(day); other += 7) {
    all.push(other)
  }
  const index = nth > 0 ? nth - 1 : all.length + nth
  const within = clamp ? Math.max(0, Math.min(index, all.length - 1)) : index
  return all[within] === date
}

// -------------------------------------------------------------- frequency

function frequencyCase(random: Random, { zone, hours, around }: Place): Made {
  const dialect = random.of(['standard', 'dbms_scheduler', 'apscheduler'] as const)
  const code = random.of(['YR', 'HY', 'MN', 'FN', 'WK', 'DL', 'IDh', 'IDm'] as const)
  const start =
    Math.floor(around / DAY) * DAY - random.below(200) * DAY + random.below(1440) * MINUTE
  const kept = random.below(3) === 0 && dialect !== 'standard' ? random.below(60) : 0
  const hour = random.of(hours)
  const minute = random.below(60)
  const weekday = random.below(7)
  const monthDay = 1 + random.below(28)
  const aps = dialect === 'apscheduler'
  const own = aps
    ? ({ gap: 'shift', overlap: 'second' } as const)
    : ({ gap: 'after', overlap: 'first' } as const)
  const { given, ...policy } = policies(
    random,
    code === 'IDh' ? { gap: 'skip', overlap: 'both' } : own
  )
  const trigger: FrequencyTrigger = {
    kind: 'frequency',
    code: code.slice(0, 2),
    day: code === 'FN' || code === 'WK' ? NAMES[weekday] : monthDay,
    hour: code === 'IDm' ? null : hour,
    minute: code === 'IDm' ? 1 + minute : minute,
    timezone: zone.name,
    dialect,
    shortMonths: 'skip',
    start: new Date(start + kept * 1000).toISOString().slice(0, kept ? 19 : 16),
    end: null,
    ...(code === 'IDm' ? {} : given),
  }
  const first = firstInstant(start + kept * 1000, zone)
  const startDay = Math.floor(start / DAY)
  const onDay = frequencyDays(code, { dialect, weekday, monthDay, startDay })
  return {
    trigger,
    draft: {
      onDay: (day) => day >= startDay && onDay(day),
      minutes: minutesOf(
        code === 'IDh'
          ? Array.from({ length: 24 }, (_, h) => h * 60 + minute)
          : [hour * 60 + minute]
      ),
      seconds: [aps ? 0 : kept],
      ...policy,
    },
    bounds: { first, last: Infinity },
    ...(code === 'IDm' ? { steps: { every: (1 + minute) * MINUTE, anchor: first } } : {}),
  }
}

function frequencyDays(
  code: string,
  rule: { dialect: string; weekday: number; monthDay: number; startDay: number }
): (day: number) => boolean {
  const { dialect, weekday, monthDay, startDay } = rule
  const aps = dialect === 'apscheduler'
  const start = partsOf(startDay)
  const onDate = (day: number) => partsOf(day).day === monthDay
  switch (code) {
    case 'YR': {
      const month = aps ? 1 : start.month
      return (day) => onDate(day) && (dialect === 'dbms_scheduler' || partsOf(day).month === month)
    }
    case 'HY':
      return (day) => onDate(day) && (partsOf(day).month - (aps ? 1 : start.month)) % 6 === 0
    case 'MN':
      return onDate
    case 'FN': {
      const monday = startDay - weekdayOf(startDay)
      return (day) =>
        weekdayOf(day) === weekday && (aps || Math.floor((day - monday) / 7) % 2 === 0)
    }
    case 'WK':
      return (day) => weekdayOf(day) === weekday
    default:
      return () => true
  }
}

/** The first instant whose wall clock is not before one. */
function firstInstant(wall: number, zone: ZoneTable): number {
  const found = [zone.offset(wall - DAY), zone.offset(wall + DAY)]
    .map((offset) => wall - offset)
    .filter((instant) => instant + zone.offset(instant) === wall)
  const change = zone.changes.find(
    (at) => wall >= at + zone.offset(at - 1) && wall < at + zone.offset(at)
  )
  return found.length > 0 ? Math.min(...found) : (change ?? wall)
}

// ------------------------------------------------------------- exclusions

type Excluded = Pick<Meaning, 'excludedDay' | 'excludedTime' | 'policy'> & { exclude?: Exclusions }

function randomExclusions(random: Random, { around, zone }: Place, steps: boolean): Excluded {
  if (random.below(3) > 0) {
    return { excludedDay: () => false, excludedTime: () => false, policy: 'skip' }
  }
  const today = Math.floor(around / DAY)
  const weekdays = random.below(2) ? some(random, 1 + random.below(3), 0, 6) : []
  const dates = random.below(2) ? some(random, 3, today - 4, today + 4) : []
  const yearly = random.below(3) ? [] : [textOf(today + random.below(5) - 2).slice(5)]
  const range = random.below(3)
    ? null
    : { from: today - random.below(3), to: today + random.below(3) }
  const times = random.below(2) ? [randomTimes(random)] : []
  const policy = steps ? 'skip' : random.of(['skip', 'next', 'previous'] as const)
  const exclude: Exclusions = {
    ...(weekdays.length > 0 ? { weekdays: weekdays.map((index) => NAMES[index]) } : {}),
    dates: [...dates.map(textOf), ...yearly, '1999-01-01'],
    ...(range ? { ranges: [{ from: textOf(range.from), to: textOf(range.to) }] } : {}),
    ...(times.length > 0 ? { times: times.map(({ given }) => given) } : {}),
    policy,
    ...(steps ? { timezone: zone.name } : {}),
  }
  return {
    exclude,
    policy,
    excludedDay: (day) =>
      weekdays.includes(weekdayOf(day)) ||
      dates.includes(day) ||
      yearly.includes(textOf(day).slice(5)) ||
      (range !== null && day >= range.from && day <= range.to),
    excludedTime: (wall) => times.some(({ has }) => has(wall)),
  }
}

function randomTimes(random: Random) {
  const from = random.below(1440)
  const to = (from + 1 + random.below(600)) % 1440
  const on: Weekday[] | null = random.below(2) ? null : [NAMES[random.below(7)]]
  const text = (minute: number) => `${two(Math.floor(minute / 60))}:${two(minute % 60)}`
  const begins = (day: number) => on === null || on.includes(NAMES[weekdayOf(day)])
  const has = (wall: number) => {
    const day = Math.floor(wall / DAY)
    const minute = Math.floor((wall - day * DAY) / MINUTE)
    if (from < to) {
      return begins(day) && minute >= from && minute < to
    }
    return (begins(day) && minute >= from) || (begins(day - 1) && minute < to)
  }
  return { given: { from: text(from), to: text(to), ...(on ? { weekdays: on } : {}) }, has }
}
