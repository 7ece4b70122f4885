import { test } from '@japa/runner'
import { DayTimeout } from '../../src/legacy/history/day_timeout.ts'
import { ManualClock } from './support.ts'

const DAY = 86_400_000

test.group('The timeout of a day of a history load', () => {
  test('may be longer than a timer of Node.js', async ({ assert }) => {
    const clock = new ManualClock()
    const timeout = new DayTimeout(clock, new AbortController().signal, 30 * DAY)
    await clock.advance(25 * DAY)
    assert.isFalse(timeout.signal.aborted)
    await clock.advance(5 * DAY)
    assert.isTrue(timeout.ranOut)
    assert.equal(timeout.signal.reason, 'timeout')
  })
})
