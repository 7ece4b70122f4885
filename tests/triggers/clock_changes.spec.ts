import { test } from '@japa/runner'
import { frequencyTrigger } from '../../src/legacy/main.ts'
import { cron, daily, preview } from '../../src/triggers/main.ts'
import type { ClockChanges, Trigger } from '../../src/types/triggers.ts'
import { iso } from './support.ts'

const BERLIN = 'Europe/Berlin'
/** Where the clocks go forward at 01:00 UTC, and back at 01:00 UTC. */
const SPRING = '2027-03-27T23:00:00Z'
const AUTUMN = '2027-10-30T22:00:00Z'

const row = { frqcd: 'DL', frqdd: null, frqhh: 2, frqmi: 30, strtdt: '2026-01-05', enddt: null }
/** Half past two each day, in each kind that has wall clocks. */
const KINDS: Record<string, (policy: ClockChanges) => Trigger> = {
  cron: (policy) => cron('30 2 * * *', { timezone: BERLIN, ...policy }),
  calendar: (policy) => daily('02:30', { timezone: BERLIN, ...policy }),
  frequency: (policy) => frequencyTrigger(row, { timezone: BERLIN, ...policy }),
}
const first = (trigger: Trigger, from: string, count: number) =>
  iso(preview(trigger, { from, count })).map((text) => text.slice(5, 16))

for (const [kind, make] of Object.entries(KINDS)) {
  test.group(`Clock changes | ${kind}`, () => {
    test('a time that is left out: {gap}')
      .with([
        { gap: undefined, slots: ['03-28T01:00', '03-29T00:30'] },
        { gap: 'after', slots: ['03-28T01:00', '03-29T00:30'] },
        { gap: 'shift', slots: ['03-28T01:30', '03-29T00:30'] },
        { gap: 'skip', slots: ['03-29T00:30', '03-30T00:30'] },
      ] as const)
      .run(({ assert }, { gap, slots }) => {
        assert.deepEqual(first(make(gap ? { gap } : {}), SPRING, 2), [...slots])
      })

    test('a time that is shown twice: {overlap}')
      .with([
        { overlap: undefined, slots: ['10-31T00:30', '11-01T01:30'] },
        { overlap: 'first', slots: ['10-31T00:30', '11-01T01:30'] },
        { overlap: 'second', slots: ['10-31T01:30', '11-01T01:30'] },
        { overlap: 'both', slots: ['10-31T00:30', '10-31T01:30'] },
      ] as const)
      .run(({ assert }, { overlap, slots }) => {
        assert.deepEqual(first(make(overlap ? { overlap } : {}), AUTUMN, 2), [...slots])
      })
  })
}

test.group('Clock changes | within the day', () => {
  test('real time unless the trigger says otherwise', ({ assert }) => {
    const halfHourly = (policy: ClockChanges) =>
      first(cron('*/30 * * * *', { timezone: BERLIN, ...policy }), '2027-10-31T00:00:00Z', 5)
    const through = ['10-31T00:00', '10-31T00:30', '10-31T01:00', '10-31T01:30', '10-31T02:00']
    assert.deepEqual(halfHourly({}), through)
    assert.deepEqual(halfHourly({ overlap: 'both' }), through)
    // The repeated hour pauses
    assert.deepEqual(halfHourly({ overlap: 'first' }).slice(0, 3), [
      '10-31T00:00',
      '10-31T00:30',
      '10-31T02:00',
    ])
    const spring = cron('0,30 * * * *', { timezone: BERLIN, gap: 'after' })
    assert.deepEqual(first(spring, '2027-03-28T00:30:00Z', 3), [
      '03-28T00:30',
      '03-28T01:00',
      '03-28T01:30',
    ])
  })

  test('several times left out give one slot after the gap, or keep their distance', ({
    assert,
  }) => {
    const times = ['02:00', '02:20', '02:40', '03:20']
    const slots = (gap: 'after' | 'shift') =>
      first(daily(times, { timezone: BERLIN, gap }), SPRING, 4)
    assert.deepEqual(slots('after'), ['03-28T01:00', '03-28T01:20', '03-29T00:00', '03-29T00:20'])
    // 02:20 moves to 03:20, where one slot is already
    assert.deepEqual(slots('shift'), ['03-28T01:00', '03-28T01:20', '03-28T01:40', '03-29T00:00'])
  })
})

test.group('Clock changes | whole days', () => {
  test('Samoa left out December 30, 2011: {gap}')
    .with([
      { gap: 'after', slots: ['12-29T16:00', '12-30T10:00', '12-30T16:00'] },
      { gap: 'shift', slots: ['12-29T16:00', '12-30T16:00', '12-31T16:00'] },
      { gap: 'skip', slots: ['12-29T16:00', '12-30T16:00', '12-31T16:00'] },
    ] as const)
    .run(({ assert }, { gap, slots }) => {
      const trigger = daily('06:00', { timezone: 'Pacific/Apia', gap })
      assert.deepEqual(first(trigger, '2011-12-29T12:00:00Z', 3), [...slots])
    })

  test('a day left out just before New Year reaches into it', ({ assert }) => {
    // Kiritimati left out December 31, 1994
    const trigger = daily(['06:00', '20:00'], { timezone: 'Pacific/Kiritimati', gap: 'shift' })
    const slots = preview(trigger, { from: '1994-12-31T00:00:00Z', count: 4 })
    assert.deepEqual(iso(slots), [
      '1994-12-31T06:00:00.000Z',
      '1994-12-31T16:00:00.000Z',
      '1995-01-01T06:00:00.000Z',
      '1995-01-01T16:00:00.000Z',
    ])
  })
})
