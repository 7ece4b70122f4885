import { test } from '@japa/runner'
import { sleep } from '../../src/clock.ts'
import { ManualClock } from '../../src/testing/manual_clock.ts'

test.group('manual clock', () => {
  test('stands still until it is moved', async ({ assert }) => {
    const clock = new ManualClock('2026-03-01T00:00:00Z')
    assert.equal(clock.now(), Date.parse('2026-03-01T00:00:00Z'))
    assert.equal(clock.nowOrNull(), clock.now())
    await clock.advance(1500)
    assert.equal(clock.now(), Date.parse('2026-03-01T00:00:01.500Z'))
    assert.equal(clock.monotonic(), 1500)
  })

  test('fires due timers in order, each at its own instant', async ({ assert }) => {
    const clock = new ManualClock(1000)
    const fired: [string, number][] = []
    clock.timer(30, () => fired.push(['c', clock.now()]))
    clock.timer(10, () => fired.push(['a', clock.now()]))
    clock.timer(10, () => fired.push(['b', clock.now()]))
    clock.timer(31, () => fired.push(['late', clock.now()]))
    assert.equal(clock.nextTimer, 10)
    await clock.advance(30)
    assert.deepEqual(fired, [
      ['a', 1010],
      ['b', 1010],
      ['c', 1030],
    ])
    assert.equal(clock.pending, 1)
  })

  test('what a timer starts settles before the next one fires', async ({ assert }) => {
    const clock = new ManualClock(0)
    const steps: string[] = []
    clock.timer(10, () => {
      void Promise.resolve()
        .then(() => sleep(clock, 5))
        .then(() => steps.push(`chained at ${clock.now()}`))
    })
    clock.timer(20, () => steps.push(`second at ${clock.now()}`))
    await clock.advance(20)
    assert.deepEqual(steps, ['chained at 15', 'second at 20'])
  })

  test('a cancelled timer never fires', async ({ assert }) => {
    const clock = new ManualClock(0)
    const timer = clock.timer(10, () => assert.fail('it fired'))
    timer.cancel()
    await clock.advance(100)
    assert.equal(clock.pending, 0)
    assert.isNull(clock.nextTimer)
  })

  test('a step of the wall clock leaves monotonic time and timers alone', async ({ assert }) => {
    const clock = new ManualClock(50_000)
    let fired = 0
    clock.timer(10, () => fired++)
    clock.set(1000)
    assert.equal(clock.now(), 1000)
    assert.equal(clock.monotonic(), 0)
    clock.set('2030-01-01T00:00:00Z')
    await clock.advance(9)
    assert.equal(fired, 0)
    await clock.advance(1)
    assert.equal(fired, 1)
    assert.equal(clock.now(), Date.parse('2030-01-01T00:00:00.010Z'))
  })
})
