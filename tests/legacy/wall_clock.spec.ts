import { test } from '@japa/runner'
import { WallClock } from '../../src/legacy/wall_clock.ts'

const berlin = new WallClock('Europe/Berlin')
const utc = (text: string) => Date.parse(text)

test.group('Wall clock of a legacy column', () => {
  test('an instant is rendered in the zone', ({ assert }) => {
    const instant = utc('2026-07-01T04:05:06.789Z')
    assert.equal(berlin.render(instant), '2026-07-01 06:05:06')
    assert.equal(berlin.render(instant, 'millisecond'), '2026-07-01 06:05:06.789')
    assert.equal(new WallClock('Asia/Kolkata').render(instant), '2026-07-01 09:35:06')
  })

  test('a text is read in the zone: {$self}')
    .with([
      '2026-01-15 06:00:00',
      '2026-01-15T06:00:00',
      '2026-01-15 06:00',
      ' 2026-01-15 06:00:00.000 ',
      '2026-01-15 06:00:00,000',
      '2026-01-15 06:00:00.000000',
      '2026-01-15T05:00:00Z',
      '2026-01-15 07:00:00+02:00',
      '2026-01-15 07:00:00 +0200',
    ])
    .run(({ assert }, text) => {
      assert.equal(berlin.read(text), utc('2026-01-15T05:00:00Z'))
    })

  test('a day alone is its midnight, and fractions are kept to the millisecond', ({ assert }) => {
    assert.equal(berlin.read('2026-01-15'), utc('2026-01-14T23:00:00Z'))
    assert.equal(berlin.read('2026-01-15 06:00:00.123456'), utc('2026-01-15T05:00:00.123Z'))
    assert.equal(berlin.read('2026-01-15 06:00:00.5'), utc('2026-01-15T05:00:00.500Z'))
  })

  test('numbers are instants, and Dates carry the wall clock in their local fields', ({
    assert,
  }) => {
    const instant = utc('2026-01-15T05:00:00Z')
    assert.equal(berlin.read(instant), instant)
    assert.equal(berlin.read(BigInt(instant)), instant)
    assert.equal(berlin.read(new Date(2026, 0, 15, 6, 0, 0)), instant)
  })

  test('an empty value is null', ({ assert }) => {
    for (const empty of [null, undefined, '', '  ']) {
      assert.isNull(berlin.read(empty))
      assert.isNull(berlin.readText(empty))
    }
  })

  test('what is no date is refused with its value: {$self}')
    .with([
      'soon',
      '15-Jan-2026',
      '2026-02-30 00:00:00',
      '2026-01-15 25:00:00',
      '2026-13-01T00:00:00Z',
    ])
    .run(({ assert }, text) => {
      assert.throws(() => berlin.read(text), new RegExp(text.slice(0, 10)))
      assert.isNull(berlin.readOrNull(text))
    })

  test('other kinds of values are refused', ({ assert }) => {
    assert.throws(() => berlin.read(true), 'a boolean is no date')
    assert.throws(() => berlin.read(new Date(Number.NaN)), /is no date/)
    assert.throws(() => berlin.read(Number.NaN), /is no date/)
  })

  test('readOrNull lets other failures through', ({ assert }) => {
    const hostile = new Date(0)
    hostile.getTime = () => {
      throw new TypeError('no')
    }
    assert.throws(() => berlin.readOrNull(hostile), 'no')
  })

  test('an instant survives being written and read, but for the hour that DST repeats', ({
    assert,
  }) => {
    const second = utc('2026-10-25T01:30:00Z')
    const first = utc('2026-10-25T00:30:00Z')
    assert.equal(berlin.render(first), berlin.render(second))
    assert.equal(berlin.read(berlin.render(second)), first)
    for (let hour = 0; hour < 24 * 365; hour += 7) {
      const instant = utc('2026-01-01T00:00:00Z') + hour * 3_600_000 + 123
      assert.equal(berlin.read(berlin.render(instant, 'millisecond')), instant)
    }
  })

  test('the wall clock is given as it stands, even where DST leaves it out', ({ assert }) => {
    assert.equal(berlin.readText('2026-03-29 02:30:00'), '2026-03-29T02:30:00')
    assert.equal(berlin.readText('2026-03-29'), '2026-03-29')
    assert.equal(berlin.readText('2026-03-29 02:30'), '2026-03-29T02:30:00')
    assert.equal(berlin.readText('2026-01-15T05:00:00Z'), '2026-01-15T06:00:00')
    assert.equal(berlin.readText(utc('2026-01-15T05:00:00Z')), '2026-01-15T06:00:00')
    assert.equal(berlin.readText(new Date(2026, 0, 15, 6, 0, 0)), '2026-01-15T06:00:00')
    assert.throws(() => berlin.readText('2026-02-30'), /2026-02-30/)
    assert.throws(() => berlin.readText('tomorrow'), /tomorrow/)
  })
})
