import { test } from '@japa/runner'
import { compileTrigger, daily, every, jitterOf, preview } from '../../src/triggers/main.ts'
import type { Trigger } from '../../src/types/triggers.ts'

const MINUTE = 60_000
const FROM = Date.UTC(2026, 4, 1)

function delays(trigger: Trigger, eventId: string, count = 200): number[] {
  const { next } = compileTrigger(trigger)
  return preview(trigger, { from: FROM, count }).map((slot) =>
    jitterOf(trigger, eventId, slot.getTime(), next)
  )
}

test.group('Jitter', () => {
  test('is the same for event and slot, and another for each', ({ assert }) => {
    const trigger = daily('06:00', { jitter: '10m' })
    const [one, again, other] = [delays(trigger, 'a'), delays(trigger, 'a'), delays(trigger, 'b')]

    assert.deepEqual(one, again)
    assert.notDeepEqual(one, other)
    assert.isAbove(new Set(one).size, 190)
  })

  test('is spread from none to the whole of it', ({ assert }) => {
    const all = delays(daily('06:00', { jitter: '10m' }), 'a', 1000)
    const mean = all.reduce((sum, delay) => sum + delay, 0) / all.length

    assert.isAtLeast(Math.min(...all), 0)
    assert.isAtMost(Math.max(...all), 10 * MINUTE)
    assert.isBelow(Math.abs(mean - 5 * MINUTE), MINUTE / 2)
  })

  test('keeps the order of slots that lie closer than it is long', ({ assert }) => {
    const trigger = every('1m', { jitter: '1h' })
    const starts = delays(trigger, 'a').map((delay, index) => index * MINUTE + delay)

    assert.isTrue(starts.every((start, index) => index === 0 || start > starts[index - 1]))
  })

  test('moves no slot', ({ assert }) => {
    const options = { from: FROM, count: 5 }
    assert.deepEqual(
      preview(daily('06:00', { jitter: '1h' }), options),
      preview(daily('06:00'), options)
    )
    assert.deepEqual(new Set(delays(daily('06:00'), 'a')), new Set([0]))
    const last = { ...daily('06:00', { jitter: '1h' }), endsAt: FROM + 6 * 60 * MINUTE }
    assert.isAtMost(delays(last, 'a')[0], 60 * MINUTE)
  })
})
