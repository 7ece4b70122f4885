import { test } from '@japa/runner'
import {
  E_INVALID_DURATION,
  E_INVALID_INPUT,
  E_INVALID_INSTANT,
  E_INVALID_TRIGGER,
  E_TRIGGER_STUCK,
} from '../../src/errors.ts'
import { frequencyTrigger } from '../../src/legacy/main.ts'
import { bounded } from '../../src/triggers/bounds.ts'
import { toInstant } from '../../src/triggers/instant.ts'
import {
  compileTrigger,
  describeTrigger,
  nextSlot,
  normalizeTrigger,
  preview,
  slotsBetween,
  triggerWarnings,
  validateTrigger,
} from '../../src/triggers/main.ts'
import type { PreviewOptions } from '../../src/triggers/main.ts'
import type { IntervalTrigger, Trigger } from '../../src/types/triggers.ts'
import { iso } from './support.ts'

const MAY = Date.UTC(2026, 4, 1)
const interval = (part: Partial<IntervalTrigger> = {}): IntervalTrigger => ({
  kind: 'interval',
  every: '15m',
  ...part,
})
const half: Trigger = frequencyTrigger(
  { frqcd: 'HY', frqdd: 31, frqhh: 2, frqmi: 5, strtdt: '2026-06-11', enddt: '2030-01-01' },
  { timezone: 'Asia/Kolkata' }
)

test.group('Triggers | once', () => {
  test('has one slot, however the instant is given', ({ assert }) => {
    for (const at of [
      MAY,
      new Date(MAY),
      '2026-05-01T00:00:00Z',
      '2026-05-01T05:30:00.000+05:30',
    ]) {
      assert.deepEqual(preview({ kind: 'once', at }, { from: MAY, count: 3 }), [new Date(MAY)])
      assert.equal(nextSlot({ kind: 'once', at }, MAY - 1), MAY)
      assert.isNull(nextSlot({ kind: 'once', at }, MAY))
    }
  })

  test('needs its instant', ({ assert }) => {
    const problems = validateTrigger({ kind: 'once' })
    assert.deepEqual(
      problems.map(({ field }) => field),
      ['trigger.at']
    )
    assert.throws(() => compileTrigger({ kind: 'once', at: 'soon' }), E_INVALID_INSTANT)
  })
})

test.group('Triggers | interval', () => {
  test('counts real time from its anchor, and never drifts', ({ assert }) => {
    const given = interval({ every: '7h', anchor: MAY })
    assert.equal(nextSlot(given, MAY - 1), MAY)
    assert.equal(nextSlot(given, MAY), MAY + 7 * 3_600_000)
    assert.equal(nextSlot(given, MAY + 1000 * 7 * 3_600_000 + 5), MAY + 1001 * 7 * 3_600_000)
    // The anchor sets the phase and is no bound
    assert.equal(nextSlot(given, MAY - 10 * 3_600_000), MAY - 7 * 3_600_000)
  })

  test('counts from startsAt without an anchor, from the epoch without either', ({ assert }) => {
    const startsAt = MAY + 61_000
    assert.deepEqual(preview(interval({ startsAt }), { from: 0, count: 2 }), [
      new Date(startsAt),
      new Date(startsAt + 900_000),
    ])
    assert.equal(nextSlot(interval(), MAY), MAY + 900_000)
  })

  test('refuses less than a second, and what is no duration: {$self}')
    .with([999, 0, -1, '500ms', 'often', null, {}, Number.NaN, 1e18])
    .run(({ assert }, every) => {
      const problems = validateTrigger({ kind: 'interval', every })
      assert.deepEqual(
        problems.map(({ field }) => field),
        ['trigger.every']
      )
      assert.include(problems[0].message, 'give')
    })

  test('says what cannot be read as the duration parser does', ({ assert }) => {
    assert.throws(() => compileTrigger(interval({ every: 'often' })), E_INVALID_DURATION)
    assert.throws(() => compileTrigger(interval({ every: 10 })), E_INVALID_TRIGGER)
  })
})

test.group('Triggers | bounds', () => {
  test('both are inclusive', ({ assert }) => {
    const given = interval({ startsAt: MAY, endsAt: MAY + 1_800_000 })
    assert.deepEqual(slotsBetween(given, 0, MAY * 2, 10), [MAY, MAY + 900_000, MAY + 1_800_000])
    assert.deepEqual(slotsBetween({ ...given, endsAt: MAY + 1_799_999 }, 0, MAY * 2, 10), [
      MAY,
      MAY + 900_000,
    ])
  })

  test('bound every kind', ({ assert }) => {
    const window = { startsAt: '2026-12-30T20:35:00Z', endsAt: '2027-01-01T12:00:00Z' }
    const triggers: Trigger[] = [
      { kind: 'once', at: '2027-01-01T12:00:00Z' },
      { kind: 'once', at: '2027-01-01T12:00:01Z' },
      { kind: 'cron', expression: '0 12 * * *', timezone: 'UTC' },
      { kind: 'calendar', unit: 'day', times: ['12:00'], timezone: 'UTC' },
      half,
    ]
    const counts = triggers.map(
      (trigger) => preview({ ...trigger, ...window }, { from: 0, count: 9 }).length
    )
    assert.deepEqual(counts, [1, 0, 2, 2, 1])
  })

  test('an end before the start is refused', ({ assert }) => {
    const [problem, ...others] = validateTrigger(interval({ startsAt: MAY, endsAt: MAY - 1 }))
    assert.equal(problem.field, 'trigger.endsAt')
    assert.isEmpty(others)
  })

  test('a slot that does not advance is an error, not an endless loop', ({ assert }) => {
    const stuck = bounded({ next: () => MAY }, { startsAt: null, endsAt: null })
    assert.equal(stuck.next(MAY - 1), MAY)
    assert.throws(() => stuck.next(MAY), E_TRIGGER_STUCK)
    assert.throws(() => stuck.next(Number.NaN), E_INVALID_INSTANT)
  })

  test('the years end with 9999 and begin with 1', ({ assert }) => {
    const given = interval({ every: '4w' })
    const last = slotsBetween(given, Date.UTC(9999, 10, 20), Number.POSITIVE_INFINITY, 100)
    assert.isAtLeast(last.length, 1)
    assert.isAtMost(last[last.length - 1], Date.UTC(9999, 11, 31, 23, 59, 59, 999))
    assert.isNull(nextSlot(given, 8.64e15))
    assert.include(iso([Number(nextSlot(given, Number.NEGATIVE_INFINITY))])[0], '0001-01-')
  })
})

test.group('Triggers | preview', () => {
  test('from is inclusive, after exclusive', ({ assert }) => {
    const one = (options: Omit<PreviewOptions, 'count'>) =>
      preview(interval(), { ...options, count: 1 } as PreviewOptions)[0].getTime()
    assert.equal(one({ from: MAY }), MAY)
    assert.equal(one({ after: MAY }), MAY + 900_000)
    assert.equal(one({ from: new Date(MAY + 1) }), MAY + 900_000)
    assert.equal(one({ after: '2026-04-30T23:59:59.999Z' }), MAY)
  })

  test('gives as many as asked for', ({ assert }) => {
    assert.lengthOf(preview(interval(), { from: MAY, count: 0 }), 0)
    assert.lengthOf(preview(interval(), { from: MAY, count: 250 }), 250)
    assert.lengthOf(slotsBetween(interval(), MAY, MAY + 9e9, 3), 3)
    assert.lengthOf(slotsBetween(interval(), MAY, MAY - 1, 3), 0)
  })

  test('refuses options that say nothing or too much', ({ assert }) => {
    for (const options of [
      {},
      { from: 0 },
      { from: 0, after: 0, count: 1 },
      { from: 0, count: -1 },
    ]) {
      assert.throws(() => preview(interval(), options as PreviewOptions), E_INVALID_INPUT)
    }
    assert.throws(() => preview(interval(), { from: 'today', count: 1 }), E_INVALID_INSTANT)
    assert.throws(() => preview(interval(), { from: '2026-02-30T00:00:00Z', count: 1 }))
  })
})

test.group('Triggers | instants', () => {
  test('takes dates, ms and ISO texts with an offset', ({ assert }) => {
    assert.equal(toInstant(1.9), 1)
    assert.equal(toInstant('2026-05-01T02:00+02:00'), MAY)
    assert.equal(toInstant('2026-05-01T00:00:00.0000001z'), MAY)
  })

  test('refuses what is none: {$self}')
    .with([
      '2026-05-01',
      '2026-05-01T00:00:00',
      '2026-02-29T00:00:00Z',
      '2026-13-01T00:00:00Z',
      '2026-05-01T24:00:00Z',
      '1',
      '',
      new Date(Number.NaN),
      Number.NaN,
      8.64e15,
      null as never,
      {} as never,
    ])
    .run(({ assert }, value) => {
      assert.throws(() => toInstant(value, 'at'), /at: ".*" is not an instant/)
    })
})

test.group('Triggers | validation', () => {
  test('what is no trigger is one problem: {$self}')
    .with([
      null,
      undefined,
      5,
      'cron',
      [],
      {},
      { kind: 'yearly' },
      { kind: 'toString' },
      { kind: 7 },
    ])
    .run(({ assert }, value) => {
      const problems = validateTrigger(value)
      assert.isNotEmpty(problems)
      assert.equal(problems[0].field, 'trigger.kind')
      assert.include(problems[0].message, 'once, interval, cron, calendar, frequency')
      assert.throws(() => compileTrigger(value as never), E_INVALID_TRIGGER)
      assert.throws(() => normalizeTrigger(value as never), E_INVALID_TRIGGER)
    })

  test('never throws on values of any type in any field', ({ assert }) => {
    const values = [null, 0, -1, 1e300, '', 'x', [], [null], {}, true, Object.create(null), 5n]
    const fields = ['at', 'every', 'anchor', 'expression', 'timezone', 'unit', 'times', 'weekdays']
    const more = ['monthDays', 'months', 'shortMonths', 'code', 'day', 'hour', 'minute', 'start']
    for (const kind of ['once', 'interval', 'cron', 'calendar', 'frequency']) {
      for (const name of [...fields, ...more, 'end', 'dialect', 'startsAt', 'endsAt']) {
        for (const value of values) {
          assert.isArray(validateTrigger({ kind, [name]: value }))
        }
      }
    }
  })

  test('shortens the values that it shows', ({ assert }) => {
    const [problem] = validateTrigger(interval({ every: 'x'.repeat(5000) }))
    assert.lengthOf(problem.value, 80)
  })

  test('an unknown field is told, with the fields that there are', ({ assert }) => {
    const [problem, ...others] = validateTrigger({ ...interval(), startAt: MAY })
    assert.equal(problem.field, 'trigger.startAt')
    assert.include(problem.message, 'startsAt')
    assert.isEmpty(others)
  })

  test('a frequency trigger from JSON is read with the same care', ({ assert }) => {
    const bad = { ...half, code: 'XX', start: '2026-02-30', end: 5, timezone: '', dialect: 'x' }
    assert.sameMembers(
      validateTrigger(bad).map(({ field }) => field.replace('trigger.', '')),
      ['code', 'start', 'end', 'timezone', 'dialect']
    )
    assert.throws(() => compileTrigger({ ...half, code: 'XX' as never }), /FRQCD "XX"/)
    assert.throws(() => compileTrigger({ ...half, dialect: 'x' as never }), /trigger\.dialect/)
    assert.doesNotThrow(() => compileTrigger({ ...half, code: 'XX', dialect: 'apscheduler' }))
    assert.isEmpty(triggerWarnings({ ...half, code: 'MN' } as Trigger))
  })
})

test.group('Triggers | stored form', () => {
  test('is JSON, the same for triggers that mean the same', ({ assert }) => {
    const pairs: [Trigger, Trigger][] = [
      [
        { endsAt: null, kind: 'once', at: new Date(MAY) } as Trigger,
        { kind: 'once', at: '2026-05-01T02:00:00+02:00' },
      ],
      [
        interval({ every: '1h', anchor: MAY, startsAt: new Date(MAY) }),
        { startsAt: MAY, anchor: new Date(MAY), every: 3_600_000, kind: 'interval' },
      ],
    ]
    for (const [one, other] of pairs) {
      assert.equal(JSON.stringify(normalizeTrigger(one)), JSON.stringify(normalizeTrigger(other)))
    }
  })

  test('means the same after a way through JSON', ({ assert }) => {
    const triggers: Trigger[] = [
      { kind: 'once', at: new Date(MAY) },
      interval({ anchor: MAY + 5, endsAt: new Date(MAY + 9e8) }),
      { kind: 'cron', expression: ' 5  * * * * ', timezone: 'Europe/Berlin', startsAt: MAY },
      { kind: 'calendar', unit: 'day', times: ['12:00'], timezone: 'UTC', startsAt: MAY, every: 3 },
      half,
    ]
    for (const trigger of triggers) {
      const stored = JSON.parse(JSON.stringify(normalizeTrigger(trigger))) as Trigger
      assert.deepEqual(validateTrigger(stored), [])
      assert.deepEqual(normalizeTrigger(stored), stored)
      const options = { from: MAY - 1e9, count: 9 }
      assert.deepEqual(preview(stored, options), preview(trigger, options))
    }
  })

  test('a bad instant or duration is named', ({ assert }) => {
    assert.throws(() => normalizeTrigger(interval({ endsAt: 'x' })), /trigger\.endsAt: "x"/)
    assert.throws(() => normalizeTrigger(interval({ every: 'x' })), /trigger\.every: "x"/)
  })
})

test.group('Triggers | words', () => {
  test('describe every kind with its zone and bounds: {words}')
    .with<{ trigger: Trigger; words: string }[]>([
      { trigger: { kind: 'once', at: MAY }, words: 'once at 2026-05-01T00:00:00.000Z' },
      { trigger: interval({ every: 90_061_001 }), words: 'every 1d1h1m1s1ms' },
      {
        trigger: interval({ anchor: MAY, startsAt: MAY, endsAt: MAY + 1000 }),
        words:
          'every 15m, counted from 2026-05-01T00:00:00.000Z, ' +
          'not before 2026-05-01T00:00:00.000Z, not after 2026-05-01T00:00:01.000Z',
      },
      {
        trigger: { kind: 'cron', expression: '0  6 * * *', timezone: 'Europe/Berlin' },
        words: 'at 06:00, Europe/Berlin (cron "0 6 * * *")',
      },
      {
        trigger: {
          kind: 'calendar',
          unit: 'week',
          every: 2,
          anchor: '2026-05-01',
          weekdays: ['MON', 'THU'],
          times: ['06:00', '18:00'],
          timezone: 'UTC',
        },
        words:
          'every second week on Monday and Thursday at 06:00 and 18:00, UTC, counted from 2026-05-01',
      },
      {
        trigger: {
          kind: 'calendar',
          unit: 'year',
          months: [1, 7],
          monthDays: [1],
          times: ['06:00'],
          timezone: 'UTC',
        },
        words: 'every year in January and July on day 1 at 06:00, UTC',
      },
      {
        trigger: half,
        words:
          'HY: every 6 months on day 31 at 02:05, Asia/Kolkata, from 2026-06-11T00:00 until 2030-01-01T23:59:59',
      },
      {
        trigger: { ...half, code: 'FN', day: 'MON', end: null } as Trigger,
        words: 'FN: every 2 weeks on MON at 02:05, Asia/Kolkata, from 2026-06-11T00:00',
      },
      {
        trigger: { ...half, code: 'DL', end: null } as Trigger,
        words: 'DL: every day at 02:05, Asia/Kolkata, from 2026-06-11T00:00',
      },
      {
        trigger: { ...half, code: 'ID', end: null } as Trigger,
        words: 'ID: every hour at minute 5, Asia/Kolkata, from 2026-06-11T00:00',
      },
      {
        trigger: { ...half, code: 'ID', hour: null, end: null } as Trigger,
        words: 'ID: every 5 minutes, Asia/Kolkata, from 2026-06-11T00:00',
      },
    ])
    .run(({ assert }, { trigger, words }) => {
      assert.equal(describeTrigger(trigger), words)
    })

  test('what cannot be compiled cannot be described', ({ assert }) => {
    const bad = { kind: 'cron', expression: 5, timezone: 'UTC' } as never
    assert.throws(() => describeTrigger(bad), E_INVALID_TRIGGER)
  })

  test('warn of lost runs in a calendar too', ({ assert }) => {
    const part = { kind: 'calendar', times: ['06:00'], timezone: 'UTC' } as const
    const yearly: Trigger = {
      ...part,
      unit: 'year',
      months: [2, 3, 4],
      monthDays: [29, 31],
      times: [],
    }
    const given = { ...yearly, times: ['06:00'] }
    assert.deepEqual(triggerWarnings(given), [
      'February has a day 29 in leap years only: its run is lost in the others',
      'February has no day 31: its run is lost',
      'April has no day 31: its run is lost',
    ])
    assert.isEmpty(triggerWarnings({ ...given, shortMonths: 'clamp' }))
    assert.isEmpty(triggerWarnings(interval()))
  })
})
