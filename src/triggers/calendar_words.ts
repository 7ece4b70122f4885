import type { CalendarTrigger, NthWeekday, Weekday } from '../types/triggers.ts'
import { MONTHS } from './civil_date.ts'

const DAY_NAMES: Record<Weekday, string> = {
  MON: 'Monday',
  TUE: 'Tuesday',
  WED: 'Wednesday',
  THU: 'Thursday',
  FRI: 'Friday',
  SAT: 'Saturday',
  SUN: 'Sunday',
}
const ORDINALS = ['', 'first', 'second', 'third', 'fourth', 'fifth']

/** A calendar trigger in English words: "every second Monday at 06:00, Europe/Berlin". */
export function calendarWords(trigger: CalendarTrigger): string {
  const { times, timezone, every = 1, anchor } = trigger
  const counted = every > 1 && anchor ? `, counted from ${anchor}` : ''
  const short = trigger.shortMonths === 'clamp' ? ', short months on their last such day' : ''
  return `${periodWords(trigger)} at ${listed(times)}, ${timezone}${counted}${short}`
}

export function weekdayWords(weekdays: Weekday[]): string {
  return listed(weekdays.map((weekday) => DAY_NAMES[weekday]))
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(items: string[]): string {
  return items.length > 1
    ? `${items.slice(0, -1).join(', ')} and ${items[items.length - 1]}`
    : items.join()
}

function periodWords({ unit, every = 1, ...trigger }: CalendarTrigger): string {
  const { weekdays, months } = trigger
  if (unit === 'week' && weekdays) {
    const names = weekdayWords(weekdays)
    return weekdays.length === 1
      ? nthPeriod(every, names)
      : `${nthPeriod(every, 'week')} on ${names}`
  }
  const inMonths = months ? ` in ${listed(months.map((month) => MONTHS[month - 1]))}` : ''
  const days = dateWords(trigger.monthDays, trigger.nthWeekdays)
  return `${nthPeriod(every, unit)}${inMonths}${days}`
}

function nthPeriod(every: number, unit: string): string {
  if (every === 1) {
    return `every ${unit}`
  }
  return every <= 5 ? `every ${ORDINALS[every]} ${unit}` : `every ${every} ${unit}s`
}

function dateWords(monthDays: number[] = [], nthWeekdays: NthWeekday[] = []): string {
  const dates = monthDays.filter((day) => day > 0)
  const fromEnd = monthDays.filter((day) => day < 0)
  const parts = [
    ...(dates.length > 0 ? [`day ${listed(dates.map(String))}`] : []),
    ...fromEnd.map((day) => (day === -1 ? 'the last day' : `the ${ordinal(day)} day`)),
    ...nthWeekdays.map(({ nth, weekday }) => `the ${ordinal(nth)} ${DAY_NAMES[weekday]}`),
  ]
  return parts.length > 0 ? ` on ${listed(parts)}` : ''
}

/** `second`, `last`, `second to last`, `7th to last`. */
function ordinal(nth: number): string {
  if (nth > 0) {
    return ORDINALS[nth]
  }
  const place = -nth
  return place === 1 ? 'last' : `${ORDINALS[place] ?? `${place}th`} to last`
}
