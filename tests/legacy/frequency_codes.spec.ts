import { test } from '@japa/runner'
import { E_INVALID_TRIGGER, E_UNKNOWN_FREQUENCY_CODE } from '../../src/errors.ts'
import { frequencyTrigger } from '../../src/legacy/main.ts'
import type { FrequencyRow } from '../../src/legacy/main.ts'
import {
  describeTrigger,
  nextSlot,
  normalizeTrigger,
  preview,
  triggerWarnings,
  validateTrigger,
} from '../../src/triggers/main.ts'
import type { FrequencyDialect } from '../../src/types/triggers.ts'
import { iso, readVectors } from '../triggers/support.ts'

interface FrequencyVector {
  id: string
  row: FrequencyRow & { strtdt: string }
  timezone: string
  from: string
  expected: string[]
  tags: string[]
  variants?: { 'yearly-in-start-month'?: string[] }
}

const MINUTE = 60_000
const oracle = readVectors<FrequencyVector>('frequency').filter(({ id }) => id.startsWith('ora-'))
const hasSeconds = ({ row }: FrequencyVector) => !row.strtdt.endsWith(':00')

const expectedOf = ({ expected, variants }: FrequencyVector) =>
  (variants?.['yearly-in-start-month'] ?? expected).map((text) => Date.parse(text))

/** One more than expected is asked for where the series must have ended. */
function slotsOf({ row, timezone, from, expected }: FrequencyVector) {
  return preview(frequencyTrigger(row, { timezone }), {
    from,
    count: Math.max(12, expected.length),
  })
}

const row = (part: Partial<FrequencyRow>): FrequencyRow => ({
  frqcd: 'DL',
  frqdd: null,
  frqhh: 2,
  frqmi: 30,
  strtdt: '2026-01-05T00:00:00',
  enddt: null,
  ...part,
})
const trigger = (part: Partial<FrequencyRow>, timezone = 'UTC') =>
  frequencyTrigger(row(part), { timezone })
const next = (part: Partial<FrequencyRow>, after: string, timezone = 'UTC') =>
  iso(preview(trigger(part, timezone), { after, count: 1 }))[0]

test.group('Frequency codes | vectors', () => {
  test('every row that starts on a whole minute fires as the vectors say', ({ assert }) => {
    const vectors = oracle.filter((vector) => !hasSeconds(vector))
    const failures = vectors.filter(
      (vector) => iso(slotsOf(vector)).join() !== iso(expectedOf(vector)).join()
    )

    assert.lengthOf(vectors, 152)
    assert.deepEqual(
      failures.map(({ id }) => id),
      []
    )
  })

  test('the other ten carry seconds of STRTDT, which are dropped: nothing else differs', ({
    assert,
  }) => {
    const vectors = oracle.filter(hasSeconds)

    assert.lengthOf(vectors, 10)
    for (const vector of vectors) {
      const seconds = Number(vector.row.strtdt.slice(-2)) * 1000
      const expected = expectedOf(vector)
      assert.isAbove(seconds, 0, vector.id)
      assert.isTrue(
        expected.every((slot) => slot % MINUTE === seconds),
        vector.id
      )
      assert.deepEqual(iso(slotsOf(vector)), iso(expected.map((slot) => slot - seconds)), vector.id)
    }
  })

  test('a yearly day that its month lacks previews nothing and is refused', ({ assert }) => {
    const impossible = oracle.filter((vector) => expectedOf(vector).length === 0)

    assert.isAbove(impossible.length, 1)
    for (const { row: given, timezone, id } of impossible) {
      const refused = validateTrigger(frequencyTrigger(given, { timezone }))
      assert.deepEqual(
        refused.map(({ field }) => field),
        ['trigger.day'],
        id
      )
    }
  })

  test('every other row is accepted and stored as it is', ({ assert }) => {
    for (const vector of oracle.filter((item) => expectedOf(item).length > 0)) {
      const given = frequencyTrigger(vector.row, { timezone: vector.timezone })
      assert.deepEqual(validateTrigger(given), [], vector.id)
      assert.deepEqual(JSON.parse(JSON.stringify(normalizeTrigger(given))), given, vector.id)
    }
  })
})

test.group('Frequency codes | the forms of a column', () => {
  test('numbers come as numbers, texts with blanks, or with leading zeros', ({ assert }) => {
    const plain = trigger({ frqcd: 'MN', frqdd: 7, frqhh: 2, frqmi: 5 })
    assert.deepEqual(trigger({ frqcd: ' mn ', frqdd: ' 07', frqhh: '02', frqmi: ' 5 ' }), plain)
    assert.deepEqual(trigger({ frqcd: 'MN', frqdd: '7', frqhh: '+2', frqmi: '05' }), plain)
  })

  test('weekdays come in any case, and are ignored where the code has none', ({ assert }) => {
    assert.equal(trigger({ frqcd: 'WK', frqdd: ' mon' }).day, 'MON')
    assert.isNull(trigger({ frqcd: 'DL', frqdd: 'MON' }).day)
    assert.isNull(trigger({ frqcd: 'id', frqdd: '99', frqhh: null }).day)
  })

  test('an ID without hour, with -1 or "-1" runs every FRQMI minutes: {$self}')
    .with([null, undefined, -1, '-1', ' -1 ', '', '  '])
    .run(({ assert }, frqhh) => {
      const part = { frqcd: 'ID', frqhh, frqmi: '45', strtdt: '2026-01-05T00:10:59' }
      assert.isNull(trigger(part).hour)
      assert.deepEqual(iso(preview(trigger(part), { from: '2026-01-01T00:00:00Z', count: 3 })), [
        '2026-01-05T00:10:00.000Z',
        '2026-01-05T00:55:00.000Z',
        '2026-01-05T01:40:00.000Z',
      ])
    })

  test('an ID with an hour runs hourly at the minute, whatever the hour', ({ assert }) => {
    for (const frqhh of [0, '7', 23]) {
      const part = { frqcd: 'ID', frqhh, frqmi: 15 }
      assert.equal(next(part, '2026-03-01T10:15:00Z'), '2026-03-01T11:15:00.000Z')
    }
  })

  test('dates come as text, or as the driver makes a Date of them', ({ assert }) => {
    const local = new Date(2026, 0, 5, 6, 7, 8)
    for (const strtdt of ['2026-01-05T06:07:08', ' 2026-01-05 06:07:08.123456 ', local]) {
      assert.equal(trigger({ strtdt }, 'Asia/Kolkata').start, '2026-01-05T06:07')
    }
    assert.equal(trigger({ strtdt: '2026-01-05' }).start, '2026-01-05T00:00')
  })

  test('a date text with an offset, or epoch ms, is an instant: {strtdt}')
    .with([
      { strtdt: '2026-01-05T00:37:00Z', start: '2026-01-05T06:07' },
      { strtdt: Date.UTC(2026, 0, 5, 0, 37), start: '2026-01-05T06:07' },
      { strtdt: '2026-01-05 00:37:00+00', start: '2026-01-05T06:07' },
      { strtdt: '2026-01-04 20:37:00.5 -0400', start: '2026-01-05T06:07' },
      { strtdt: '2026-01-05T06:07:00+05:30', start: '2026-01-05T06:07' },
    ])
    .run(({ assert }, { strtdt, start }) => {
      assert.equal(trigger({ strtdt }, 'Asia/Kolkata').start, start)
    })

  test('ENDDT keeps its seconds and is inclusive; without a time it is the end of the day', ({
    assert,
  }) => {
    const last = (enddt: FrequencyRow['enddt']) =>
      iso(preview(trigger({ enddt }), { from: '2026-01-05T00:00:00Z', count: 9 })).pop()

    assert.equal(last('2026-01-07T02:30:00'), '2026-01-07T02:30:00.000Z')
    assert.equal(last('2026-01-07 02:29:59'), '2026-01-06T02:30:00.000Z')
    assert.equal(last('2026-01-07T00:00:00'), '2026-01-06T02:30:00.000Z')
    assert.equal(last('2026-01-07'), '2026-01-07T02:30:00.000Z')
    assert.equal(last(new Date(2026, 0, 7, 2, 30)), '2026-01-07T02:30:00.000Z')
    assert.isNull(trigger({ enddt: ' ' }).end)
  })

  test('rows are not refused for their dates', ({ assert }) => {
    const past = trigger({ strtdt: '1999-01-01T00:00:00', enddt: '1998-01-01T00:00:00' })
    assert.deepEqual(validateTrigger(past), [])
    assert.isNull(nextSlot(past, 0))
  })
})

test.group('Frequency codes | refused', () => {
  test('an unknown code throws: {$self}')
    .with(['XX', '', null, undefined, 'MONTHLY', 'constructor'])
    .run(({ assert }, frqcd) => {
      assert.throws(() => trigger({ frqcd }), E_UNKNOWN_FREQUENCY_CODE)
    })

  test('an unknown dialect is named, with those that there are', ({ assert }) => {
    const make = () => frequencyTrigger(row({}), { timezone: 'UTC', dialect: 'oracle' as never })
    assert.throws(make, /dialect: "oracle" .* standard, dbms_scheduler, apscheduler/)
    assert.lengthOf(validateTrigger({ ...trigger({}), dialect: 'oracle' }), 1)
  })

  test('what cannot be read names its column and the remedy: {message}')
    .with([
      { part: { frqhh: 'two' }, message: 'FRQHH: "two"' },
      { part: { frqmi: '2.5' }, message: 'FRQMI: "2.5"' },
      { part: { strtdt: null }, message: 'STRTDT: "null"' },
      { part: { strtdt: '  ' }, message: 'STRTDT: "  "' },
      { part: { strtdt: '2026-02-30' }, message: 'STRTDT: "2026-02-30"' },
      { part: { strtdt: '05-JAN-2026' }, message: 'STRTDT: "05-JAN-2026"' },
      { part: { strtdt: new Date(Number.NaN) }, message: 'STRTDT: "Invalid Date"' },
      { part: { enddt: '2026-01-07T24:00:00' }, message: 'ENDDT: "2026-01-07T24:00:00"' },
    ])
    .run(({ assert }, { part, message }) => {
      assert.throws(() => trigger(part), E_INVALID_TRIGGER)
      assert.throws(() => trigger(part), new RegExp(message))
    })

  test('an unknown zone is named', ({ assert }) => {
    assert.throws(() => trigger({}, 'Europe/Atlantis'), /timezone: "Europe\/Atlantis"/)
  })

  test('a value out of its range previews nothing and is refused when saved: {field}')
    .with([
      { part: { frqcd: 'MN', frqdd: 32 }, field: 'day' },
      { part: { frqcd: 'MN', frqdd: '0' }, field: 'day' },
      { part: { frqcd: 'HY', frqdd: null }, field: 'day' },
      { part: { frqcd: 'YR', frqdd: 'MON' }, field: 'day' },
      { part: { frqcd: 'YR', frqdd: 30, strtdt: '2026-02-01' }, field: 'day' },
      { part: { frqcd: 'WK', frqdd: '7' }, field: 'day' },
      { part: { frqcd: 'FN', frqdd: null }, field: 'day' },
      { part: { frqhh: 24 }, field: 'hour' },
      { part: { frqhh: -1 }, field: 'hour' },
      { part: { frqhh: null }, field: 'hour' },
      { part: { frqmi: 60 }, field: 'minute' },
      { part: { frqmi: null }, field: 'minute' },
      { part: { frqcd: 'ID', frqhh: -1, frqmi: 0 }, field: 'minute' },
      { part: { frqcd: 'ID', frqhh: -1, frqmi: '' }, field: 'minute' },
      { part: { frqcd: 'ID', frqhh: -1, frqmi: 1000 }, field: 'minute' },
      { part: { frqcd: 'ID', frqhh: 30, frqmi: 5 }, field: 'hour' },
      { part: { frqcd: 'ID', frqhh: 3, frqmi: 60 }, field: 'minute' },
    ])
    .run(({ assert }, { part, field }) => {
      const given = trigger(part)
      assert.deepEqual(preview(given, { from: '2026-01-01T00:00:00Z', count: 3 }), [])
      assert.deepEqual(
        validateTrigger(given).map((problem) => problem.field),
        [`trigger.${field}`]
      )
    })

  test('all faults of a row are told at once', ({ assert }) => {
    const problems = validateTrigger(trigger({ frqcd: 'WK', frqdd: 'XYZ', frqhh: 99, frqmi: 99 }))
    assert.sameMembers(
      problems.map(({ field }) => field),
      ['trigger.day', 'trigger.hour', 'trigger.minute']
    )
  })
})

test.group('Frequency codes | short months', () => {
  const months = (part: Partial<FrequencyRow>, shortMonths: 'skip' | 'clamp', count: number) => {
    const given = frequencyTrigger(row(part), { timezone: 'Europe/London', shortMonths })
    const slots = preview(given, { from: '2026-01-01T00:00:00Z', count })
    return iso(slots).map((text) => text.slice(0, 10))
  }

  test('skip leaves the month out, clamp takes its last day', ({ assert }) => {
    const monthly = { frqcd: 'MN', frqdd: 31, frqhh: 12 }
    assert.deepEqual(months(monthly, 'skip', 3), ['2026-01-31', '2026-03-31', '2026-05-31'])
    assert.deepEqual(months(monthly, 'clamp', 3), ['2026-01-31', '2026-02-28', '2026-03-31'])

    const yearly = { frqcd: 'YR', frqdd: 30, frqhh: 12, strtdt: '2027-02-01' }
    assert.deepEqual(months(yearly, 'skip', 3), [])
    assert.deepEqual(months(yearly, 'clamp', 2), ['2027-02-28', '2028-02-29'])
    assert.deepEqual(
      validateTrigger(frequencyTrigger(row(yearly), { timezone: 'UTC', shortMonths: 'clamp' })),
      []
    )
  })

  test('a half-yearly row that loses one of its two runs is accepted with a warning', ({
    assert,
  }) => {
    const lossy = trigger({ frqcd: 'HY', frqdd: 31, strtdt: '2026-06-11' })
    assert.deepEqual(validateTrigger(lossy), [])
    assert.deepEqual(triggerWarnings(lossy), ['June has no day 31: its run is lost'])

    const leap = trigger({ frqcd: 'HY', frqdd: 29, strtdt: '2026-08-01' })
    assert.deepEqual(triggerWarnings(leap), [
      'February has a day 29 in leap years only: its run is lost in the others',
    ])

    assert.deepEqual(triggerWarnings({ ...lossy, shortMonths: 'clamp' }), [])
    assert.deepEqual(triggerWarnings(trigger({ frqcd: 'HY', frqdd: 31, strtdt: '2026-01-05' })), [])
    assert.deepEqual(triggerWarnings(trigger({ frqcd: 'MN', frqdd: 31 })), [])
  })
})

test.group('Frequency codes | clock changes', () => {
  const around = (part: Partial<FrequencyRow>, zone: string, from: string, count: number) =>
    iso(preview(trigger(part, zone), { from, count })).map((text) => text.slice(0, 16))

  test('a fixed time in a gap runs at its end, one that is shown twice runs the first time', ({
    assert,
  }) => {
    const daily = { frqhh: 2, frqmi: 15 }
    assert.deepEqual(around(daily, 'Europe/Berlin', '2027-03-28T00:00:00+01:00', 2), [
      '2027-03-28T01:00',
      '2027-03-29T00:15',
    ])
    assert.deepEqual(around(daily, 'Europe/Berlin', '2027-10-31T00:00:00+02:00', 2), [
      '2027-10-31T00:15',
      '2027-11-01T01:15',
    ])
  })

  test('an hourly row runs in both hours that are shown twice, and in none that is left out', ({
    assert,
  }) => {
    const hourly = { frqcd: 'ID', frqhh: 0, frqmi: 15 }
    assert.deepEqual(around(hourly, 'Europe/Berlin', '2027-10-31T02:00:00+02:00', 3), [
      '2027-10-31T00:15',
      '2027-10-31T01:15',
      '2027-10-31T02:15',
    ])
    // Lord Howe moves by half an hour: 02:15 is left out
    assert.deepEqual(around(hourly, 'Australia/Lord_Howe', '2027-10-03T01:00:00+10:30', 2), [
      '2027-10-02T14:45',
      '2027-10-02T16:15',
    ])
  })
})

test.group('Frequency codes | the other dialects', () => {
  const slots = (part: Partial<FrequencyRow>, dialect: FrequencyDialect, count = 2) =>
    iso(
      preview(frequencyTrigger(row(part), { timezone: 'UTC', dialect }), {
        from: '2026-01-01T00:00:00Z',
        count,
      })
    ).map((text) => text.slice(0, 19))

  test('dbms_scheduler: YR every month, with the seconds of STRTDT', ({ assert }) => {
    const yearly = { frqcd: 'YR', frqdd: 30, strtdt: '2026-01-05T00:00:25' }
    assert.deepEqual(slots(yearly, 'dbms_scheduler'), [
      '2026-01-30T02:30:25',
      '2026-03-30T02:30:25',
    ])
    const minutes = { frqcd: 'ID', frqhh: -1, frqmi: 20, strtdt: '2026-01-05T00:00:25' }
    assert.deepEqual(slots(minutes, 'dbms_scheduler'), [
      '2026-01-05T00:00:25',
      '2026-01-05T00:20:25',
    ])
    assert.throws(() => slots({ frqcd: 'XX' }, 'dbms_scheduler'), E_UNKNOWN_FREQUENCY_CODE)
  })

  test('apscheduler: by the calendar, with defaults for what is empty', ({ assert }) => {
    const strtdt = '2026-01-05T00:00:25'
    assert.deepEqual(slots({ frqcd: 'HY', frqdd: 15, strtdt: '2026-03-01' }, 'apscheduler'), [
      '2026-07-15T02:30:00',
      '2027-01-15T02:30:00',
    ])
    assert.deepEqual(slots({ frqcd: 'FN', frqhh: null, frqmi: null }, 'apscheduler'), [
      '2026-01-05T00:00:00',
      '2026-01-12T00:00:00',
    ])
    assert.deepEqual(slots({ frqcd: 'ID', frqhh: -1, frqmi: 5, strtdt }, 'apscheduler'), [
      '2026-01-05T00:05:00',
      '2026-01-05T01:05:00',
    ])
    assert.deepEqual(slots({ frqcd: 'ID', frqhh: null, frqmi: 0, strtdt }, 'apscheduler'), [
      '2026-01-05T00:00:25',
      '2026-01-05T00:15:25',
    ])
    for (const frqcd of ['XX', '', null]) {
      assert.deepEqual(slots({ frqcd, strtdt }, 'apscheduler'), [
        '2026-01-05T00:00:25',
        '2026-01-05T01:00:25',
      ])
    }
  })

  test('every row of the vectors is accepted, stored and described in its dialect', ({
    assert,
  }) => {
    for (const { row: given, timezone, dialect, id, expected } of readVectors<
      FrequencyVector & { dialect: FrequencyDialect }
    >('frequency')) {
      const made = frequencyTrigger(given, { timezone, dialect })
      assert.lengthOf(validateTrigger(made), expected.length > 0 ? 0 : 1, id)
      const stored = JSON.parse(JSON.stringify(normalizeTrigger(made)))
      assert.deepEqual(stored, made, id)
      assert.include(describeTrigger(made), timezone)
    }
  })
})
