import { test } from '@japa/runner'
import { daysOfPeriod, matchingDays, PERIODS_IN_CYCLE } from '../../src/triggers/calendar_rule.ts'
import type { CalendarRule } from '../../src/triggers/calendar_rule.ts'
import {
  DAY,
  HOUR,
  MINUTE,
  WEEKDAYS,
  civilDate,
  dayNumber,
  daysInMonth,
  isLeapYear,
  parseDate,
  parseTime,
  weekdayOf,
} from '../../src/triggers/civil_date.ts'
import { compileTrigger, nextSlot, preview, validateTrigger } from '../../src/triggers/main.ts'
import type { CalendarTrigger } from '../../src/types/triggers.ts'
import {
  ZONES,
  bruteForce,
  collect,
  grid,
  hoursAround,
  iso,
  seeded,
  transitions,
} from './support.ts'

const calendar = (part: Partial<CalendarTrigger>): CalendarTrigger => ({
  kind: 'calendar',
  unit: 'day',
  times: ['06:00'],
  timezone: 'UTC',
  ...part,
})
const dates = (part: Partial<CalendarTrigger>, from: string, count: number) =>
  iso(preview(calendar(part), { from, count })).map((text) => text.slice(0, 10))

test.group('Calendar | periods', () => {
  test('every second Monday week from that of the anchor, and no day before the anchor', ({
    assert,
  }) => {
    // 2026-06-03 is a Wednesday
    const part = { unit: 'week', every: 2, anchor: '2026-06-03' } as const
    assert.deepEqual(dates({ ...part, weekdays: ['MON', 'SUN'] }, '2026-01-01T00:00:00Z', 4), [
      '2026-06-07',
      '2026-06-15',
      '2026-06-21',
      '2026-06-29',
    ])
  })

  test('days, weekday, month day and month come from the anchor where none is given', ({
    assert,
  }) => {
    const from = '2026-01-01T00:00:00Z'
    const anchor = '2026-02-10'
    assert.deepEqual(dates({ every: 3, anchor }, from, 2), ['2026-02-10', '2026-02-13'])
    assert.deepEqual(dates({ unit: 'week', anchor }, from, 2), ['2026-02-10', '2026-02-17'])
    assert.deepEqual(dates({ unit: 'month', anchor }, from, 2), ['2026-02-10', '2026-03-10'])
    assert.deepEqual(dates({ unit: 'year', anchor }, from, 2), ['2026-02-10', '2027-02-10'])
  })

  test('startsAt is the anchor where none is given, by its date in the zone', ({ assert }) => {
    const part = { every: 2, startsAt: '2026-02-09T22:00:00Z', timezone: 'Asia/Kolkata' }
    assert.deepEqual(dates(part, '2026-01-01T00:00:00Z', 2), ['2026-02-10', '2026-02-12'])
  })

  test('several months, days and times come in order', ({ assert }) => {
    const part = { months: [7, 1], monthDays: [31, 1], times: ['18:00', '06:00', '06:00:30'] }
    const slots = preview(calendar({ unit: 'year', ...part }), {
      after: '2026-01-31T06:00:30Z',
      count: 3,
    })
    assert.deepEqual(iso(slots), [
      '2026-01-31T18:00:00.000Z',
      '2026-07-01T06:00:00.000Z',
      '2026-07-01T06:00:30.000Z',
    ])
  })

  test('a daily rule without an anchor has no beginning', ({ assert }) => {
    assert.deepEqual(dates({}, '1969-12-30T00:00:00Z', 3), [
      '1969-12-30',
      '1969-12-31',
      '1970-01-01',
    ])
    assert.deepEqual(dates({ unit: 'week', weekdays: ['TUE'] }, '1899-12-30T00:00:00Z', 1), [
      '1900-01-02',
    ])
  })

  test('short months are skipped, or clamped to one run on their last day', ({ assert }) => {
    const given = { unit: 'month' as const, monthDays: [30, 31] }
    assert.deepEqual(dates(given, '2028-01-31T00:00:00Z', 3), [
      '2028-01-31',
      '2028-03-30',
      '2028-03-31',
    ])
    assert.deepEqual(dates({ ...given, shortMonths: 'clamp' }, '2028-01-31T00:00:00Z', 3), [
      '2028-01-31',
      '2028-02-29',
      '2028-03-30',
    ])
  })
})

test.group('Calendar | bounded work', () => {
  const rule = (part: Partial<CalendarRule>): CalendarRule => ({
    unit: 'year',
    every: 1,
    anchor: 0,
    firstDay: 0,
    weekdays: [],
    monthDays: [30],
    nthWeekdays: [],
    months: [2],
    clamp: false,
    times: [0],
    ...part,
  })
  const countPeriods = (given: CalendarRule) => {
    let periods = 0
    const days = matchingDays(given, given.anchor, (counted, index) => {
      periods++
      return daysOfPeriod(counted, index)
    })
    return { first: days.next().value as number | undefined, periods: () => periods }
  }

  test('a day that never occurs ends after one cycle of the calendar', ({ assert }) => {
    for (const unit of ['year', 'month'] as const) {
      const monthly = { every: 12, anchor: dayNumber({ year: 2027, month: 2, day: 1 }) }
      const given = unit === 'year' ? rule({}) : rule({ unit, ...monthly })
      const { first, periods } = countPeriods(given)
      assert.isUndefined(first)
      assert.isAtMost(periods(), PERIODS_IN_CYCLE)
    }
  })

  test('the rarest day is found: February 29 of every 25th year', ({ assert }) => {
    const anchor = dayNumber({ year: 2001, month: 1, day: 1 })
    const never = countPeriods(rule({ every: 4, monthDays: [29], anchor, firstDay: anchor }))
    assert.isUndefined(never.first)

    const start = dayNumber({ year: 2025, month: 1, day: 1 })
    const rare = countPeriods(rule({ every: 25, monthDays: [29], anchor: start, firstDay: start }))
    assert.deepEqual(civilDate(Number(rare.first)), { year: 2400, month: 2, day: 29 })
    assert.equal(rare.periods(), 16)
  })

  test('nothing lies beyond the year 9999', ({ assert }) => {
    const daily = calendar({ times: ['23:59:59'] })
    assert.deepEqual(iso(preview(daily, { from: '9999-12-30T00:00:00Z', count: 9 })), [
      '9999-12-30T23:59:59.000Z',
      '9999-12-31T23:59:59.000Z',
    ])
    assert.isNull(nextSlot(calendar({ timezone: 'Pacific/Chatham' }), 8.64e15))
    assert.isNull(nextSlot(calendar({}), Number.POSITIVE_INFINITY))
    const rare = calendar({ unit: 'year', every: 1000, anchor: '9500-02-03' })
    assert.lengthOf(preview(rare, { from: 0, count: 9 }), 1)
  })

  test('a date that never occurs is refused when saved and gives no slot', ({ assert }) => {
    for (const part of [
      { unit: 'year', months: [2, 4], monthDays: [31] },
      { unit: 'year', every: 4, anchor: '2027-01-01', months: [2], monthDays: [29] },
      { unit: 'month', every: 12, anchor: '2026-02-01', monthDays: [30] },
    ] as Partial<CalendarTrigger>[]) {
      const never = calendar(part)
      assert.deepEqual(
        validateTrigger(never).map(({ field }) => field),
        ['trigger.monthDays']
      )
      assert.deepEqual(preview(never, { from: 0, count: 3 }), [])
    }
  })
})

/** A random trigger around a clock change, with the wall clocks it stands for. */
function randomCalendar(
  { integer, pick, some }: ReturnType<typeof seeded>,
  { change, zone, hours }: { change: number; zone: string; hours: number[] }
) {
  const day = Math.floor(change / DAY)
  const text = (value: number) => String(value).padStart(2, '0')
  const times = some(integer(1, 4), 0, 59).map((minute) => `${text(pick(hours))}:${text(minute)}`)
  const unit = pick(['day', 'week', 'month'] as const)
  const every = integer(1, 2)
  const anchorDay = day - integer(3, 40)
  const { year, month, day: date } = civilDate(anchorDay)
  const weekdays = some(integer(1, 3), 0, 6)
  const monthDays = some(integer(1, 12), 1, 31)
  const trigger = calendar({
    unit,
    every,
    times,
    timezone: zone,
    anchor: `${year}-${text(month)}-${text(date)}`,
    ...(unit === 'week' ? { weekdays: weekdays.map((index) => WEEKDAYS[index]) } : {}),
    ...(unit === 'month' ? { monthDays } : {}),
  })
  const onDay = {
    day: (at: number) => (at - anchorDay) % every === 0,
    week: (at: number) => {
      const weeks = (at - weekdayOf(at) - (anchorDay - weekdayOf(anchorDay))) / 7
      return weeks % every === 0 && weekdays.includes(weekdayOf(at))
    },
    month: (at: number) => {
      const shown = civilDate(at)
      const months = (shown.year - year) * 12 + shown.month - month
      return months % every === 0 && monthDays.includes(shown.day)
    },
  }[unit]
  const matches = (wall: number) => {
    const at = Math.floor(wall / DAY)
    const time = `${text(Math.floor((wall % DAY) / HOUR))}:${text(Math.floor((wall % HOUR) / MINUTE))}`
    return at >= anchorDay && times.includes(time) && onDay(at)
  }
  return { trigger, matches }
}

test.group('Calendar | clock changes', () => {
  for (const [index, zone] of ZONES.entries()) {
    test(`agrees with a look at every minute around the changes of ${zone}`, ({ assert }) => {
      const random = seeded(9000 + index)
      for (const change of [...transitions(zone, 2027), Date.UTC(2027, 1, 28)]) {
        const around = grid(zone, change - 3 * DAY, change + 3 * DAY)
        const hours = hoursAround(change, zone)
        for (let round = 0; round < 40; round++) {
          const { trigger, matches } = randomCalendar(random, { change, zone, hours })
          assert.deepEqual(
            iso(collect(compileTrigger(trigger), around.from, around.to)),
            iso(bruteForce(around, matches, 'fixed')),
            JSON.stringify(trigger)
          )
        }
      }
    })
  }

  test('the same slots come from whatever instant the search begins', ({ assert }) => {
    const random = seeded(31)
    const zone = 'America/Havana'
    for (const change of transitions(zone, 2027)) {
      const part = { change, zone, hours: hoursAround(change, zone) }
      const compiled = compileTrigger(randomCalendar(random, part).trigger)
      const slots = collect(compiled, change - 20 * DAY, change + 120 * DAY)
      for (let round = 0; round < 300; round++) {
        const after = change + random.integer(-18 * DAY, 18 * DAY)
        const expected = slots.find((slot) => slot > after)
        assert.equal(compiled.next(after), expected, `after ${after}`)
      }
    }
  })
})

test.group('Calendar | fields', () => {
  test('each fault names its field: {field}')
    .with([
      { part: { unit: 'hour' }, field: 'unit' },
      { part: { unit: undefined }, field: 'unit' },
      { part: { every: 0 }, field: 'every' },
      { part: { every: 1.5 }, field: 'every' },
      { part: { every: 2 }, field: 'anchor' },
      { part: { anchor: '2026-02-30' }, field: 'anchor' },
      { part: { anchor: 20260201 }, field: 'anchor' },
      { part: { times: undefined }, field: 'times' },
      { part: { times: [] }, field: 'times' },
      { part: { times: '06:00' }, field: 'times' },
      { part: { times: ['24:00'] }, field: 'times' },
      { part: { times: ['06:00', 7] }, field: 'times' },
      { part: { times: Array.from({ length: 1441 }, () => '06:00') }, field: 'times' },
      { part: { timezone: 'Nowhere' }, field: 'timezone' },
      { part: { timezone: undefined }, field: 'timezone' },
      { part: { unit: 'week' }, field: 'weekdays' },
      { part: { unit: 'week', weekdays: ['MO'] }, field: 'weekdays' },
      { part: { weekdays: ['MON'] }, field: 'weekdays' },
      { part: { unit: 'month' }, field: 'monthDays' },
      { part: { unit: 'month', monthDays: [0] }, field: 'monthDays' },
      { part: { unit: 'month', monthDays: ['1'] }, field: 'monthDays' },
      { part: { unit: 'month', monthDays: [1], months: [1] }, field: 'months' },
      { part: { unit: 'year', monthDays: [1], months: [13] }, field: 'months' },
      { part: { unit: 'month', monthDays: [1], shortMonths: 'last' }, field: 'shortMonths' },
      { part: { day: 3 }, field: 'day' },
    ])
    .run(({ assert }, { part, field }) => {
      const given = { ...calendar({}), ...part } as CalendarTrigger
      const problems = validateTrigger(given)
      assert.deepEqual(
        problems.map((problem) => problem.field),
        [`trigger.${field}`]
      )
      assert.throws(() => compileTrigger(given), new RegExp(`trigger\\.${field}: `))
    })
})

test.group('Civil dates', () => {
  test('day numbers and dates agree with Date over 9,999 years', ({ assert }) => {
    const random = seeded(5)
    for (let round = 0; round < 2000; round++) {
      const at = random.integer(-719162, 2932896)
      const date = civilDate(at)
      assert.equal(dayNumber(date), at)
      assert.equal(weekdayOf(at), (new Date(at * DAY).getUTCDay() + 6) % 7)
    }
    assert.equal(dayNumber({ year: 1, month: 1, day: 1 }), -719162)
  })

  test('leap years and the lengths of months', ({ assert }) => {
    assert.deepEqual([1900, 2000, 2023, 2024].map(isLeapYear), [false, true, false, true])
    assert.equal(daysInMonth(2024, 2), 29)
    assert.equal(daysInMonth(2023, 2), 28)
  })

  test('texts that name no date or time give null', ({ assert }) => {
    for (const text of ['2026-13-01', '2026-04-31', '0000-01-01', '2026-1-1', 'x']) {
      assert.isNull(parseDate(text))
    }
    for (const text of ['7:00', '24:00', '12:60', '12:00:60', '12', '']) {
      assert.isNull(parseTime(text))
    }
  })
})
