import { test } from '@japa/runner'
import { frequencyTrigger } from '../../src/legacy/main.ts'
import { compileTrigger, validateTrigger } from '../../src/triggers/main.ts'

const ONCE = { kind: 'once', at: '2026-05-01T00:00:00Z' }
const INTERVAL = { kind: 'interval', every: '15m' }
const CRON = { kind: 'cron', expression: '0 6 * * *', timezone: 'UTC' }
const DAILY = { kind: 'calendar', unit: 'day', times: ['06:00'], timezone: 'UTC' }
const MONTHLY = { ...DAILY, unit: 'month', monthDays: [1] }
const ROW = frequencyTrigger(
  { frqcd: 'WK', frqdd: 'MON', frqhh: 6, frqmi: 0, strtdt: '2026-01-05' },
  { timezone: 'UTC' }
)

/** What is given, the field that is named, the value as shown and a part of the remedy. */
type Wrong = [given: object, field: string, value: string, remedy: string]

const TABLE: Wrong[] = [
  // what it is
  [{}, 'kind', 'undefined', 'once, interval, cron, calendar, frequency'],
  [{ kind: 'hourly' }, 'kind', 'hourly', 'once, interval'],
  [{ ...ONCE, timezone: 'UTC' }, 'timezone', 'UTC', 'the fields here are'],
  [{ ...CRON, tz: 'UTC' }, 'tz', 'UTC', 'timezone'],
  // once
  [{ kind: 'once' }, 'at', 'undefined', 'give the instant'],
  [{ ...ONCE, at: 'tomorrow' }, 'at', 'tomorrow', 'ISO text with its offset'],
  [{ ...ONCE, at: '2026-05-01T00:00:00' }, 'at', '2026-05-01T00:00:00', 'offset'],
  [{ ...ONCE, at: '2026-02-30T00:00:00Z' }, 'at', '2026-02-30T00:00:00Z', 'ISO'],
  [{ ...ONCE, at: Number.NaN }, 'at', 'NaN', 'epoch milliseconds'],
  // interval
  [{ kind: 'interval' }, 'every', 'undefined', '"15s"'],
  [{ ...INTERVAL, every: 0 }, 'every', '0', 'at least 1 s'],
  [{ ...INTERVAL, every: -5 }, 'every', '-5', '"5m"'],
  [{ ...INTERVAL, every: 'soon' }, 'every', 'soon', '"1h30m"'],
  [{ ...INTERVAL, anchor: 'Monday' }, 'anchor', 'Monday', 'ISO'],
  // cron
  [{ ...CRON, expression: '' }, 'expression', '', 'five fields'],
  [{ ...CRON, expression: '0 6 * *' }, 'expression', '0 6 * *', 'five fields'],
  [{ ...CRON, expression: '60 6 * * *' }, 'expression', '60 6 * * *', 'five fields'],
  [{ ...CRON, expression: '0 24 * * *' }, 'expression', '0 24 * * *', 'five fields'],
  [{ ...CRON, expression: '0 6 32 * *' }, 'expression', '0 6 32 * *', 'five fields'],
  [{ ...CRON, expression: '0 6 * 13 *' }, 'expression', '0 6 * 13 *', 'five fields'],
  [{ ...CRON, expression: '0 6 * * FRY' }, 'expression', '0 6 * * FRY', 'five fields'],
  [{ ...CRON, expression: '0 6 * * MON#6' }, 'expression', '0 6 * * MON#6', 'five fields'],
  [{ ...CRON, expression: '0 6 L-3 * *' }, 'expression', '0 6 L-3 * *', 'five fields'],
  [{ ...CRON, expression: '@reboot' }, 'expression', '@reboot', 'five fields'],
  [{ ...CRON, expression: '@sometimes' }, 'expression', '@sometimes', 'five fields'],
  [{ ...CRON, expression: '0 0 0 1 1 * 2030' }, 'expression', '0 0 0 1 1 * 2030', 'five fields'],
  [{ ...CRON, expression: '0 0 30 2 *' }, 'expression', '0 0 30 2 *', 'no date matches'],
  [{ ...CRON, expression: '0 0 31 4,6,9,11 *' }, 'expression', '0 0 31 4,6,9,11 *', 'no date'],
  [{ ...CRON, expression: 5 }, 'expression', '5', 'five fields'],
  // zones and clock changes
  [{ ...CRON, timezone: 'Europe/Atlantis' }, 'timezone', 'Europe/Atlantis', 'IANA'],
  [{ ...CRON, timezone: '' }, 'timezone', '', 'IANA'],
  [{ ...CRON, timezone: 7 }, 'timezone', '7', 'IANA'],
  [{ ...DAILY, timezone: undefined }, 'timezone', 'undefined', 'Europe/Berlin'],
  [{ ...CRON, gap: 'later' }, 'gap', 'later', '"after" or "shift" or "skip"'],
  [{ ...DAILY, overlap: 'twice' }, 'overlap', 'twice', '"first" or "second" or "both"'],
  [{ ...ROW, overlap: 2 }, 'overlap', '2', '"both"'],
  // calendar
  [{ ...DAILY, unit: 'hour' }, 'unit', 'hour', '"day" or "week"'],
  [{ ...DAILY, times: [] }, 'times', '[]', 'HH:mm'],
  [{ ...DAILY, times: ['6:00'] }, 'times', "[ '6:00' ]", 'HH:mm'],
  [{ ...DAILY, times: ['24:00'] }, 'times', "[ '24:00' ]", 'HH:mm'],
  [{ ...DAILY, every: 0 }, 'every', '0', 'from 1 to 1000'],
  [{ ...DAILY, every: 2 }, 'anchor', 'undefined', 'first counted date'],
  [{ ...DAILY, anchor: '2026-02-29' }, 'anchor', '2026-02-29', 'existing date'],
  [{ ...DAILY, weekdays: ['MON'] }, 'weekdays', "[ 'MON' ]", 'leave the field out'],
  [{ ...DAILY, unit: 'week', weekdays: ['Monday'] }, 'weekdays', "[ 'Monday' ]", 'MON, TUE'],
  [{ ...MONTHLY, monthDays: [0] }, 'monthDays', '[ 0 ]', '-1 (the last day)'],
  [{ ...MONTHLY, monthDays: [32] }, 'monthDays', '[ 32 ]', '1 to 31'],
  [{ ...MONTHLY, monthDays: [-32] }, 'monthDays', '[ -32 ]', 'to -31'],
  [{ ...MONTHLY, nthWeekdays: [{ nth: 6, weekday: 'MON' }] }, 'nthWeekdays', 'nth: 6', '1 to 5'],
  [{ ...MONTHLY, nthWeekdays: [{ nth: 1 }] }, 'nthWeekdays', 'nth: 1', 'weekday MON..SUN'],
  [{ ...MONTHLY, nthWeekdays: 'first MON' }, 'nthWeekdays', 'first MON', '{ nth, weekday }'],
  [{ ...MONTHLY, unit: 'year', months: [13] }, 'months', '[ 13 ]', '1 to 12'],
  [{ ...MONTHLY, unit: 'year', months: [2], monthDays: [30] }, 'monthDays', '[ 30 ]', 'no'],
  [{ ...MONTHLY, shortMonths: 'last' }, 'shortMonths', 'last', '"skip" or "clamp"'],
  // frequency
  [{ ...ROW, code: 'QT' }, 'code', 'QT', 'YR, HY, MN, FN, WK, DL, ID'],
  [{ ...ROW, dialect: 'oracle' }, 'dialect', 'oracle', '"dbms_scheduler" or "apscheduler"'],
  [{ ...ROW, day: 'MO' }, 'day', 'MO', 'MON, TUE'],
  [{ ...ROW, hour: 24 }, 'hour', '24', 'from 0 to 23'],
  [{ ...ROW, minute: 60 }, 'minute', '60', 'from 0 to 59'],
  [{ ...ROW, start: '2026-01-05' }, 'start', '2026-01-05', 'STRTDT'],
  [{ ...ROW, end: 'never' }, 'end', 'never', 'or null for no end'],
  // windows and jitter
  [{ ...CRON, startsAt: 'now' }, 'startsAt', 'now', 'ISO'],
  [{ ...CRON, startsAt: 9e12, endsAt: 8e12 }, 'endsAt', '8000000000000', 'before startsAt'],
  [{ ...CRON, jitter: '2d' }, 'jitter', '2d', 'at most a day'],
  [{ ...CRON, jitter: 'a bit' }, 'jitter', 'a bit', 'milliseconds'],
  // exclusions
  [{ ...CRON, exclude: ['2026-12-25'] }, 'exclude', '2026-12-25', 'give an object with calendars'],
  [{ ...CRON, exclude: { days: ['x'] } }, 'exclude.days', 'x', 'the fields here are'],
  [{ ...CRON, exclude: { dates: '12-25' } }, 'exclude.dates', '12-25', 'give a list'],
  [{ ...CRON, exclude: { dates: [] } }, 'exclude.dates', '[]', 'leave it out'],
  [{ ...CRON, exclude: { dates: ['12-25', '02-30'] } }, 'exclude.dates[1]', '02-30', 'MM-dd'],
  [{ ...CRON, exclude: { dates: ['25.12.2026'] } }, 'exclude.dates[0]', '25.12.2026', 'yyyy-MM-dd'],
  [
    { ...CRON, exclude: { ranges: [{ from: '2027-01-02', to: '2026-12-24' }] } },
    'exclude.ranges[0]',
    '2027-01-02',
    'the earlier one first',
  ],
  [
    { ...CRON, exclude: { ranges: [{ from: '2026-12-24', to: '01-02' }] } },
    'exclude.ranges[0]',
    '01-02',
    'of one form',
  ],
  [{ ...CRON, exclude: { weekdays: ['SATURDAY'] } }, 'exclude.weekdays[0]', 'SATURDAY', 'SAT'],
  [
    { ...CRON, exclude: { weekdays: ['MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT', 'SUN'] } },
    'exclude.weekdays',
    'MON',
    'leave one out',
  ],
  [
    { ...CRON, exclude: { times: [{ from: '22:00', to: '22:00' }] } },
    'exclude.times[0]',
    '22:00',
    'which differ',
  ],
  [
    { ...CRON, exclude: { times: [{ from: '22', to: '6' }] } },
    'exclude.times[0]',
    "from: '22'",
    'HH:mm',
  ],
  [
    { ...CRON, exclude: { times: [{ from: '22:00', to: '06:00', weekdays: ['FR'] }] } },
    'exclude.times[0]',
    '22:00',
    'MON..SUN',
  ],
  [
    { ...CRON, exclude: { calendars: 'holidays' } },
    'exclude.calendars',
    'holidays',
    'list of names',
  ],
  [
    { ...CRON, exclude: { calendars: ['holidays'] } },
    'exclude.calendars[0]',
    'holidays',
    'config/almanac.ts',
  ],
  [
    { ...CRON, exclude: { dates: ['12-25'], policy: 'before' } },
    'exclude.policy',
    'before',
    '"next"',
  ],
  [
    { ...CRON, exclude: { dates: ['12-25'], timezone: 'Asia/Tokyo' } },
    'exclude.timezone',
    'Asia/Tokyo',
    'leave the field out',
  ],
  [
    { ...INTERVAL, exclude: { dates: ['12-25'] } },
    'exclude.timezone',
    'undefined',
    'give an IANA zone here',
  ],
  [
    { ...INTERVAL, exclude: { dates: ['12-25'], timezone: 'UTC', policy: 'next' } },
    'exclude.policy',
    'next',
    'use a calendar',
  ],
  [
    { ...DAILY, exclude: { times: [{ from: '05:00', to: '07:00' }] } },
    'exclude',
    'times',
    'it leaves no slot',
  ],
]

test.group('Triggers | wrong input', () => {
  test('{$i}: field, value and remedy')
    .with(TABLE)
    .run(({ assert }, [given, field, value, remedy]) => {
      const problems = validateTrigger(given)

      assert.lengthOf(problems, 1, JSON.stringify(problems))
      assert.equal(problems[0].field, `trigger.${field}`)
      assert.include(problems[0].value, value)
      assert.include(problems[0].message, remedy)
    })

  test('the table is long enough to mean something', ({ assert }) => {
    assert.isAtLeast(TABLE.length, 60)
  })

  test('each is refused when it is compiled, or has no slot', ({ assert }) => {
    for (const [given, field] of TABLE) {
      try {
        assert.isNull(compileTrigger(given as never).next(0), field)
      } catch (error) {
        assert.match((error as { code: string }).code, /^E_/, JSON.stringify(given))
      }
    }
  })

  test('all problems at once', ({ assert }) => {
    const fields = validateTrigger({
      kind: 'calendar',
      unit: 'month',
      every: 0,
      times: ['25:00'],
      monthDays: [40],
      timezone: 'Nowhere',
      gap: 'x',
      overlap: 'y',
      jitter: 'z',
      startsAt: 'then',
      exclude: { dates: ['x', '12-25', 'y'], weekdays: ['MO'], policy: 'z', calendars: ['none'] },
      color: 'red',
    }).map(({ field }) => field.replace('trigger.', ''))

    assert.sameMembers(fields, [
      'color',
      'startsAt',
      'exclude.dates[0]',
      'exclude.dates[2]',
      'exclude.weekdays[0]',
      'exclude.calendars[0]',
      'exclude.policy',
      'jitter',
      'timezone',
      'every',
      'times',
      'monthDays',
      'gap',
      'overlap',
    ])
  })
})
