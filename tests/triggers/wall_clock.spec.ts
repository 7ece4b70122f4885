import { test } from '@japa/runner'
import { DateTime } from 'luxon'
import { DAY, HOUR, MINUTE, modulo } from '../../src/triggers/civil_date.ts'
import { findZone, instantOf, makeZone, wallOf, zoneOf } from '../../src/triggers/wall_clock.ts'
import { REAL_TIME, zonedSeries } from '../../src/triggers/zoned_series.ts'
import { ZONES, iso, seeded, transitions } from './support.ts'

const wall = (text: string) => Date.parse(`${text}Z`)

test.group('Wall clock', () => {
  test('an unknown zone is null, or an error that names it', ({ assert }) => {
    for (const name of ['', 'Mars/Base', 'Europe/Berlin ', '__proto__']) {
      assert.isNull(findZone(name))
      assert.throws(() => zoneOf(name), /trigger\.timezone: .* write an IANA zone/)
    }
    assert.strictEqual(findZone('Europe/Berlin'), findZone('Europe/Berlin'))
  })

  test('a wall clock means the first instant of a gap and of an overlap', ({ assert }) => {
    const cases: [zone: string, wall: string, instant: string][] = [
      ['America/New_York', '2027-03-14T02:30:00', '2027-03-14T07:00:00.000Z'],
      ['America/New_York', '2027-11-07T01:30:00', '2027-11-07T05:30:00.000Z'],
      ['America/Havana', '2027-03-14T00:00:00', '2027-03-14T05:00:00.000Z'],
      ['Australia/Lord_Howe', '2027-10-03T02:15:00', '2027-10-02T15:30:00.000Z'],
      ['Australia/Lord_Howe', '2027-04-04T01:45:00', '2027-04-03T14:45:00.000Z'],
      ['Pacific/Chatham', '2027-09-26T02:50:00', '2027-09-25T14:00:00.000Z'],
      // The day that Samoa left out, and the one that Kwajalein left out
      ['Pacific/Apia', '2011-12-30T12:00:00', '2011-12-30T10:00:00.000Z'],
      ['Pacific/Kwajalein', '1993-08-21T12:00:00', '1993-08-21T12:00:00.000Z'],
      ['UTC', '2027-03-14T02:30:00', '2027-03-14T02:30:00.000Z'],
    ]
    for (const [zone, text, expected] of cases) {
      assert.deepEqual(iso([instantOf(wall(text), zoneOf(zone))]), [expected], `${zone} ${text}`)
    }
  })

  test('every instant shows the wall clock that it came from, in order: {$self}')
    .with(ZONES)
    .run(({ assert }, name) => {
      const zone = zoneOf(name)
      const random = seeded(11)
      let last = { at: -Infinity, instant: -Infinity }
      const near = transitions(name, 2027).flatMap((change) =>
        Array.from({ length: 60 }, () => change + random.integer(-DAY, DAY))
      )
      const far = Array.from({ length: 100 }, () => random.integer(-5e12, 2e13))
      for (const at of [...near, ...far].sort((a, b) => a - b)) {
        const instant = instantOf(at, zone)
        const skipped = wallOf(instant, zone) !== at
        assert.isAtLeast(instant, last.instant)
        assert.isTrue(!skipped || wallOf(instant - 1, zone) < at, `${name} ${at}`)
        assert.equal(
          wallOf(instant, zone),
          DateTime.fromMillis(instant, { zone: name })
            .setZone('UTC', { keepLocalTime: true })
            .toMillis()
        )
        last = { at, instant }
      }
    })

  test('two changes within two days still give an answer', ({ assert }) => {
    // An hour forward at 10:00 UTC, and back at 16:00 of the next day
    const zone = makeZone('Test/Twice', (at) => (at >= 10 * HOUR && at < 40 * HOUR ? HOUR : 0))
    assert.equal(instantOf(9 * HOUR, zone), 9 * HOUR)
    assert.equal(instantOf(10.5 * HOUR, zone), 10 * HOUR)
    assert.equal(instantOf(12 * HOUR, zone), 11 * HOUR)
    assert.equal(instantOf(40.5 * HOUR, zone), 39.5 * HOUR)
    assert.equal(instantOf(42 * HOUR, zone), 42 * HOUR)
  })

  test('hours run in real time through every change: {$self}')
    .with(ZONES)
    .run(({ assert }, name) => {
      const zone = zoneOf(name)
      for (const change of transitions(name, 2027)) {
        for (const minute of [0, 15, 29, 30, 45, 59]) {
          const expected = []
          for (let at = change - 4 * HOUR; at <= change + 4 * HOUR; at += MINUTE) {
            if ((((wallOf(at, zone) / MINUTE) % 60) + 60) % 60 === minute) {
              expected.push(at)
            }
          }
          const found = []
          const phase = minute * MINUTE
          const walls = { next: (from: number) => from + modulo(phase - from, HOUR) }
          const series = zonedSeries(walls, zone, REAL_TIME)
          let slot = series.next(change - 4 * HOUR - 1)
          while (slot !== null && slot <= change + 4 * HOUR) {
            found.push(slot)
            slot = series.next(slot)
          }
          assert.deepEqual(iso(found), iso(expected), `${name} minute ${minute}`)
        }
      }
    })
})
