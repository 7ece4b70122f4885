import { test } from '@japa/runner'
import {
  cron,
  daily,
  describeTrigger,
  every,
  monthly,
  once,
  preview,
  triggerWarnings,
  validateTrigger,
  weekly,
  yearly,
} from '../../src/triggers/main.ts'
import type { Trigger } from '../../src/types/triggers.ts'
import { iso } from './support.ts'

const BERLIN = { timezone: 'Europe/Berlin' }

test.group('Trigger builder', () => {
  test('gives plain literals: {words}')
    .with<{ built: Trigger; literal: Trigger; words: string }[]>([
      {
        built: every('15m', { anchor: '2026-01-05T00:00:00Z' }),
        literal: { kind: 'interval', every: '15m', anchor: '2026-01-05T00:00:00Z' },
        words: 'every 15m, counted from 2026-01-05T00:00:00.000Z',
      },
      {
        built: once('2026-03-01T06:00:00Z'),
        literal: { kind: 'once', at: '2026-03-01T06:00:00Z' },
        words: 'once at 2026-03-01T06:00:00.000Z',
      },
      {
        built: cron('30 6 * * MON-FRI', { ...BERLIN, gap: 'skip' }),
        literal: { kind: 'cron', expression: '30 6 * * MON-FRI', ...BERLIN, gap: 'skip' },
        words:
          'at 06:30, Monday through Friday, Europe/Berlin (cron "30 6 * * MON-FRI"), ' +
          'a time that a clock change leaves out does not run',
      },
      {
        built: cron('0 0 * * 5#L'),
        literal: { kind: 'cron', expression: '0 0 * * 5#L', timezone: 'UTC' },
        words: 'cron "0 0 * * 5#L", UTC',
      },
      {
        built: daily('02:30', { ...BERLIN, overlap: 'both', jitter: '5m' }),
        literal: {
          kind: 'calendar',
          unit: 'day',
          times: ['02:30'],
          ...BERLIN,
          overlap: 'both',
          jitter: '5m',
        },
        words:
          'every day at 02:30, Europe/Berlin, ' +
          'a time that is shown twice runs both times, up to 5m late at random',
      },
      {
        built: weekly('MON', '06:00', { ...BERLIN, every: 2, anchor: '2026-01-05' }),
        literal: {
          kind: 'calendar',
          unit: 'week',
          weekdays: ['MON'],
          times: ['06:00'],
          ...BERLIN,
          every: 2,
          anchor: '2026-01-05',
        },
        words: 'every second Monday at 06:00, Europe/Berlin, counted from 2026-01-05',
      },
      {
        built: weekly(['TUE', 'FRI'], ['06:00', '18:00']),
        literal: {
          kind: 'calendar',
          unit: 'week',
          weekdays: ['TUE', 'FRI'],
          times: ['06:00', '18:00'],
          timezone: 'UTC',
        },
        words: 'every week on Tuesday and Friday at 06:00 and 18:00, UTC',
      },
      {
        built: monthly(31, '23:00', { shortMonths: 'clamp' }),
        literal: {
          kind: 'calendar',
          unit: 'month',
          monthDays: [31],
          times: ['23:00'],
          timezone: 'UTC',
          shortMonths: 'clamp',
        },
        words: 'every month on day 31 at 23:00, UTC, short months on their last such day',
      },
      {
        built: monthly([-1, 15, { nth: 1, weekday: 'MON' }], '23:00'),
        literal: {
          kind: 'calendar',
          unit: 'month',
          monthDays: [-1, 15],
          nthWeekdays: [{ nth: 1, weekday: 'MON' }],
          times: ['23:00'],
          timezone: 'UTC',
        },
        words: 'every month on day 15, the last day and the first Monday at 23:00, UTC',
      },
      {
        built: yearly([3, 9], [{ nth: -2, weekday: 'FRI' }, -7], '12:00'),
        literal: {
          kind: 'calendar',
          unit: 'year',
          months: [3, 9],
          monthDays: [-7],
          nthWeekdays: [{ nth: -2, weekday: 'FRI' }],
          times: ['12:00'],
          timezone: 'UTC',
        },
        words:
          'every year in March and September on the 7th to last day and the second to last Friday at 12:00, UTC',
      },
    ])
    .run(({ assert }, { built, literal, words }) => {
      assert.deepEqual(built, literal)
      assert.deepEqual(validateTrigger(built), [])
      assert.equal(describeTrigger(built), words)
    })
})

test.group('Calendar | days from the end and nth weekdays', () => {
  const days = (trigger: Trigger, count: number) =>
    iso(preview(trigger, { from: '2026-01-15T00:00:00Z', count })).map((text) => text.slice(0, 10))

  test('count from the end of the month', ({ assert }) => {
    assert.deepEqual(days(monthly(-1, '06:00'), 3), ['2026-01-31', '2026-02-28', '2026-03-31'])
    assert.deepEqual(days(monthly([-30, -31], '06:00'), 3), [
      '2026-03-01',
      '2026-03-02',
      '2026-04-01',
    ])
    assert.deepEqual(days(monthly(-31, '06:00', { shortMonths: 'clamp' }), 2), [
      '2026-02-01',
      '2026-03-01',
    ])
  })

  test('the nth weekday, from either end', ({ assert }) => {
    const on = (nth: number, shortMonths: 'skip' | 'clamp' = 'skip') =>
      days(monthly({ nth, weekday: 'FRI' }, '06:00', { shortMonths }), 3)
    assert.deepEqual(on(1), ['2026-02-06', '2026-03-06', '2026-04-03'])
    assert.deepEqual(on(-1), ['2026-01-30', '2026-02-27', '2026-03-27'])
    assert.deepEqual(on(5), ['2026-01-30', '2026-05-29', '2026-07-31'])
    assert.deepEqual(on(5, 'clamp'), ['2026-01-30', '2026-02-27', '2026-03-27'])
    assert.deepEqual(on(-5), ['2026-05-01', '2026-07-03', '2026-10-02'])
  })

  test('a fifth weekday of single months is warned of', ({ assert }) => {
    const rare = yearly([5], { nth: 5, weekday: 'FRI' }, '06:00')
    assert.deepEqual(triggerWarnings(rare), [
      'May has a fifth FRI in some years only: in the others its run is lost',
    ])
    assert.isEmpty(triggerWarnings(monthly({ nth: 5, weekday: 'FRI' }, '06:00')))
  })
})
