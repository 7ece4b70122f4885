import { test } from '@japa/runner'
import { E_INVALID_TRIGGER } from '../../src/errors.ts'
import {
  calendarsOf,
  cron,
  daily,
  describeTrigger,
  every,
  monthly,
  nextSlot,
  normalizeTrigger,
  once,
  preview,
  validateTrigger,
  weekly,
} from '../../src/triggers/main.ts'
import { TriggerManager } from '../../src/triggers/trigger_manager.ts'
import type { Exclusions, Trigger } from '../../src/types/triggers.ts'
import { iso } from './support.ts'

const FROM = '2026-12-21T00:00:00Z'
/** 2026-12-21 is a Monday. */
const days = (trigger: Trigger, count = 4, calendars = {}) =>
  iso(preview(trigger, { from: FROM, count }, calendarsOf(calendars))).map((text) =>
    text.slice(5, 10)
  )
const slots = (trigger: Trigger, count = 3) =>
  iso(preview(trigger, { from: FROM, count })).map((text) => text.slice(5, 16))

test.group('Exclusions | days', () => {
  test('dates, dates of every year, ranges and weekdays have no slots', ({ assert }) => {
    const except = (exclude: Exclusions) => days(daily('06:00', { exclude }))
    assert.deepEqual(except({ dates: ['2026-12-22'] }), ['12-21', '12-23', '12-24', '12-25'])
    assert.deepEqual(except({ dates: ['12-22', '12-24'] }), ['12-21', '12-23', '12-25', '12-26'])
    assert.deepEqual(except({ ranges: [{ from: '2026-12-22', to: '2026-12-30' }] }), [
      '12-21',
      '12-31',
      '01-01',
      '01-02',
    ])
    assert.deepEqual(except({ ranges: [{ from: '12-22', to: '01-02' }] }), [
      '12-21',
      '01-03',
      '01-04',
      '01-05',
    ])
    assert.deepEqual(except({ weekdays: ['MON', 'SAT', 'SUN'] }), [
      '12-22',
      '12-23',
      '12-24',
      '12-25',
    ])
  })

  test('a day is the one that the zone shows', ({ assert }) => {
    const exclude = { dates: ['2026-12-22'] }
    const auckland = daily('06:00', { timezone: 'Pacific/Auckland', exclude })
    assert.deepEqual(slots(auckland, 2), ['12-22T17:00', '12-23T17:00'])
    assert.deepEqual(
      slots(every('12h', { exclude: { ...exclude, timezone: 'Pacific/Auckland' } }), 2),
      ['12-21T00:00', '12-22T12:00']
    )
  })

  test('a slot on an excluded day is none, or moves: {policy}')
    .with([
      { policy: 'skip', found: ['01-02', '01-09'] },
      { policy: 'next', found: ['12-27', '01-02'] },
      { policy: 'previous', found: ['12-25', '01-02'] },
    ] as const)
    .run(({ assert }, { policy, found }) => {
      const trigger = weekly('SAT', '06:00', { exclude: { dates: ['2026-12-26'], policy } })
      assert.deepEqual(days(trigger, 2), [...found])
    })

  test('the moved slots of several days join those of the allowed day', ({ assert }) => {
    const closed: Exclusions = { weekdays: ['SAT', 'SUN'], dates: ['12-25'] }
    const on = (policy: Exclusions['policy'], times: string[]) =>
      slots(
        weekly(['FRI', 'SAT', 'MON'], times, {
          exclude: { ...closed, policy },
        }),
        4
      )
    // Friday the 25th and Saturday both go to Monday, which has its own
    assert.deepEqual(on('next', ['06:00']), [
      '12-21T06:00',
      '12-28T06:00',
      '01-01T06:00',
      '01-04T06:00',
    ])
    assert.deepEqual(on('previous', ['06:00']), [
      '12-21T06:00',
      '12-24T06:00',
      '12-28T06:00',
      '01-01T06:00',
    ])
    assert.deepEqual(on('skip', ['06:00']), [
      '12-21T06:00',
      '12-28T06:00',
      '01-01T06:00',
      '01-04T06:00',
    ])
  })

  test('the last working day of the month', ({ assert }) => {
    const exclude = { weekdays: ['SAT', 'SUN'], dates: ['12-31'], policy: 'previous' } as Exclusions
    assert.deepEqual(days(monthly(-1, '18:00', { exclude })), ['12-30', '01-29', '02-26', '03-31'])
  })

  test('a slot with no allowed day within 366 is none', ({ assert }) => {
    const exclude = (to: string, policy: 'next' | 'previous'): Exclusions => ({
      ranges: [{ from: '2026-12-22', to }],
      policy,
    })
    const yearly = (rule: Exclusions) =>
      days(daily('06:00', { every: 400, anchor: '2026-12-22', exclude: rule }), 1)
    assert.deepEqual(yearly(exclude('2027-12-22', 'next')), ['12-23'])
    assert.deepEqual(yearly(exclude('2027-12-23', 'next')), ['01-26'])
    assert.deepEqual(yearly(exclude('2029-01-01', 'previous')), ['12-21'])
  })

  test('one instant moves too', ({ assert }) => {
    const at = '2026-12-26T05:30:00Z'
    const rule: Exclusions = { weekdays: ['SAT', 'SUN'], timezone: 'Europe/Berlin' }
    const moved = (policy: Exclusions['policy']) =>
      slots(once(at, { exclude: { ...rule, policy } }))
    assert.deepEqual(moved('next'), ['12-28T05:30'])
    assert.deepEqual(moved('previous'), ['12-25T05:30'])
    assert.deepEqual(
      validateTrigger(once(at, { exclude: rule })).map(({ field }) => field),
      ['trigger.exclude']
    )
    assert.deepEqual(slots(once('2026-12-25T05:30:00Z', { exclude: rule })), ['12-25T05:30'])
  })

  test('bounds hold for slots as they were moved', ({ assert }) => {
    const exclude: Exclusions = { dates: ['2026-12-22'], policy: 'next' }
    const endsAt = '2026-12-22T23:00:00Z'
    assert.deepEqual(days(daily('06:00', { exclude, endsAt })), ['12-21'])
  })
})

test.group('Exclusions | times', () => {
  test('a slot at an excluded time is none; the end is not excluded', ({ assert }) => {
    const exclude: Exclusions = { times: [{ from: '06:00', to: '08:00' }] }
    assert.deepEqual(slots(daily(['06:00', '07:59', '08:00'], { exclude }), 2), [
      '12-21T08:00',
      '12-22T08:00',
    ])
    assert.deepEqual(
      slots(
        every('1h', { startsAt: '2026-12-21T05:00:00Z', exclude: { ...exclude, timezone: 'UTC' } })
      ),
      ['12-21T05:00', '12-21T08:00', '12-21T09:00']
    )
  })

  test('a time over midnight belongs to the weekday on which it begins', ({ assert }) => {
    const exclude: Exclusions = { times: [{ from: '22:00', to: '06:00', weekdays: ['MON'] }] }
    assert.deepEqual(slots(cron('0 */5 * * *', { exclude }), 7), [
      '12-21T00:00',
      '12-21T05:00',
      '12-21T10:00',
      '12-21T15:00',
      '12-21T20:00',
      '12-22T10:00',
      '12-22T15:00',
    ])
  })

  test('a moved slot at an excluded time is none', ({ assert }) => {
    const exclude: Exclusions = {
      dates: ['2026-12-22'],
      times: [{ from: '05:00', to: '07:00', weekdays: ['WED'] }],
      policy: 'next',
    }
    assert.deepEqual(slots(daily('06:00', { exclude }), 2), ['12-21T06:00', '12-24T06:00'])
  })

  test('a slot that a clock change moves into an excluded time is none', ({ assert }) => {
    const exclude: Exclusions = { times: [{ from: '03:00', to: '04:00' }] }
    const trigger = daily('02:30', { timezone: 'Europe/Berlin', exclude })
    const found = preview(trigger, { from: '2027-03-27T00:00:00Z', count: 2 })
    assert.deepEqual(iso(found), ['2027-03-27T01:30:00.000Z', '2027-03-29T00:30:00.000Z'])
  })

  test('an interval passes an excluded hour that is shown twice', ({ assert }) => {
    const rule = { times: [{ from: '02:00', to: '02:30' }], timezone: 'Europe/Berlin' }
    const trigger = every('10m', { exclude: rule })
    const found = preview(trigger, { after: '2027-10-30T23:50:00Z', count: 8 })
    assert.deepEqual(
      iso(found).map((text) => text.slice(11, 16)),
      ['00:30', '00:40', '00:50', '01:30', '01:40', '01:50', '02:00', '02:10']
    )
  })
})

test.group('Exclusions | an hour that is shown twice', () => {
  test('its second time has what an excluded time behind its first one does not reach', ({
    assert,
  }) => {
    const rule = { times: [{ from: '02:40', to: '10:00' }], timezone: 'Europe/Berlin' }
    const trigger = every('20m', { exclude: rule })
    const found = preview(trigger, { from: '2027-10-31T00:00:00Z', count: 5 })
    assert.deepEqual(
      iso(found).map((text) => text.slice(11, 16)),
      ['00:00', '00:20', '01:00', '01:20', '09:00']
    )
  })
})

test.group('Exclusions | nothing left', () => {
  test('is refused, and ends when it is computed: {$self}')
    .with<Trigger[]>([
      daily('06:00', { exclude: { times: [{ from: '05:00', to: '07:00' }] } }),
      daily('06:00', {
        exclude: { times: [{ from: '05:00', to: '07:00' }], dates: ['01-01'], policy: 'next' },
      }),
      weekly('SAT', '06:00', { exclude: { weekdays: ['SAT'] } }),
      monthly(25, '06:00', {
        exclude: {
          ranges: [
            { from: '01-20', to: '12-30' },
            { from: '12-31', to: '01-19' },
          ],
        },
      }),
      every('24h', { exclude: { times: [{ from: '23:00', to: '01:00' }], timezone: 'UTC' } }),
      cron('0 0 25 12 *', { exclude: { dates: ['12-25'] } }),
    ])
    .run(({ assert }, trigger) => {
      const problems = validateTrigger(trigger)
      assert.deepEqual(
        problems.map(({ field }) => field),
        ['trigger.exclude']
      )
      assert.isNull(nextSlot(trigger, Date.UTC(2026, 0, 1)))
    })

  test('the rarest slot that is left is found', ({ assert }) => {
    const exclude: Exclusions = { weekdays: ['MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'] }
    const leap = cron('0 0 29 2 *', { exclude })
    assert.deepEqual(validateTrigger(leap), [])
    assert.deepEqual(iso(preview(leap, { from: '2077-01-01T00:00:00Z', count: 2 })), [
      '2088-02-29T00:00:00.000Z',
      '2128-02-29T00:00:00.000Z',
    ])
  })
})

test.group('Exclusions | named calendars', () => {
  const calendars = {
    'bank-holidays': { dates: ['12-25', '12-26', '01-01'] },
    'freeze': { ranges: [{ from: '2026-12-28', to: '2026-12-30' }] },
  }
  const trigger = daily('06:00', {
    exclude: { calendars: ['bank-holidays', 'freeze'], dates: ['2026-12-22'] },
  })

  test('add to the rules of the trigger', ({ assert }) => {
    assert.deepEqual(days(trigger, 6, calendars), [
      '12-21',
      '12-23',
      '12-24',
      '12-27',
      '12-31',
      '01-02',
    ])
  })

  test('one that is not there is refused by its name', ({ assert }) => {
    const triggers = new TriggerManager({ calendars: calendarsOf({ freeze: calendars.freeze }) })
    const [problem, ...others] = triggers.validate(trigger)
    assert.isEmpty(others)
    assert.equal(problem.field, 'trigger.exclude.calendars[0]')
    assert.equal(problem.value, 'bank-holidays')
    assert.include(problem.message, 'config/almanac.ts')
    assert.throws(() => triggers.compile(trigger), E_INVALID_TRIGGER)
    assert.throws(() => triggers.compile(trigger), /exclude\.calendars\[0\]: "bank-holidays"/)
    assert.lengthOf(validateTrigger({ ...trigger, exclude: { calendars: ['toString'] } }), 1)
  })

  test('are known to everything that the manager does', ({ assert }) => {
    const triggers = new TriggerManager({ calendars: calendarsOf(calendars) })
    assert.deepEqual(triggers.validate(trigger), [])
    assert.equal(triggers.next(trigger, Date.UTC(2026, 11, 24, 7)), Date.UTC(2026, 11, 27, 6))
    assert.include(triggers.describe(trigger), 'the calendars bank-holidays and freeze')
    assert.isEmpty(triggers.warnings(trigger))
  })
})

test.group('Exclusions | stored form and words', () => {
  test('the fields have one order, and the default is left out', ({ assert }) => {
    const one = daily('06:00', { exclude: { policy: 'skip', dates: ['12-25'], calendars: ['x'] } })
    const other = daily('06:00', { exclude: { calendars: ['x'], dates: ['12-25'] } })
    assert.equal(JSON.stringify(normalizeTrigger(one)), JSON.stringify(normalizeTrigger(other)))
    assert.isUndefined(normalizeTrigger(daily('06:00', { exclude: null })).exclude)
  })

  test('are told in words: {words}')
    .with<{ exclude: Exclusions; words: string }[]>([
      { exclude: { weekdays: ['SAT', 'SUN'] }, words: 'except Saturday and Sunday' },
      {
        exclude: { dates: ['12-25', '2026-12-31'], policy: 'previous' },
        words: 'except 12-25 and 2026-12-31, moved to the previous allowed day',
      },
      {
        exclude: {
          ranges: [{ from: '12-24', to: '01-02' }],
          times: [{ from: '22:00', to: '06:00' }],
        },
        words: 'except 12-24 to 01-02 and 22:00 to 06:00',
      },
      {
        exclude: { times: [{ from: '22:00', to: '06:00', weekdays: ['FRI'] }] },
        words: 'except 22:00 to 06:00 on Friday',
      },
      {
        exclude: { dates: ['01-01', '01-06', '05-01', '10-03', '12-25', '12-26'] },
        words: 'except 6 dates',
      },
    ])
    .run(({ assert }, { exclude, words }) => {
      assert.equal(
        describeTrigger(daily('07:00', { exclude })),
        `every day at 07:00, UTC, ${words}`
      )
    })
})
