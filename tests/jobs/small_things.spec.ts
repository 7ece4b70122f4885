import { mock } from 'node:test'
import { test } from '@japa/runner'
import { SystemClock } from '../../src/clock.ts'
import { Counters } from '../../src/counters.ts'
import { safeNotifier } from '../../src/safe_emit.ts'
import { Wakeup } from '../../src/signal.ts'
import { ManualClock } from '../../src/testing/manual_clock.ts'
import type { AlmanacEvents } from '../../src/types/notifications.ts'

const notice: AlmanacEvents['node:joined'] = { node: 'a.1', at: '2026-01-01T00:00:00.000Z' }

test.group('Counters', () => {
  test('count by name and list in order', ({ assert }) => {
    const counters = new Counters()
    counters.increment('b')
    counters.increment('a', 3)
    counters.increment('b')

    assert.equal(counters.get('never'), 0)
    assert.deepEqual(Object.entries(counters.all()), [
      ['a', 3],
      ['b', 2],
    ])
  })
})

test.group('Wakeup', () => {
  test('a nudge ends the wait and leaves no timer', async ({ assert }) => {
    const clock = new ManualClock()
    const wakeup = new Wakeup()
    const waits = [wakeup.wait(clock, 1_000), wakeup.wait(clock, 1_000)]
    wakeup.notify()
    await Promise.all(waits)
    assert.equal(clock.pending, 0)
  })

  test('nudges while nobody waits are kept as one', async ({ assert }) => {
    const clock = new ManualClock()
    const wakeup = new Wakeup()
    wakeup.notify()
    wakeup.notify()
    await wakeup.wait(clock, 1_000)

    let woken = false
    const second = wakeup.wait(clock, 1_000).then(() => (woken = true))
    await clock.advance(999)
    assert.isFalse(woken)
    await clock.advance(1)
    await second
    assert.isTrue(woken)
  })

  test('an abort ends the wait, before and during it', async ({ assert }) => {
    const clock = new ManualClock()
    const wakeup = new Wakeup()
    const controller = new AbortController()
    const waiting = wakeup.wait(clock, 1_000, controller.signal)
    controller.abort()
    await waiting
    await wakeup.wait(clock, 1_000, controller.signal)
    assert.equal(clock.pending, 0)
  })
})

test.group('System clock', () => {
  const DAY = 86_400_000

  /** The runner has timers of its own: it must not come to its turn meanwhile. */
  function withTimersByHand(work: (pass: (ms: number) => void) => void) {
    mock.timers.enable({ apis: ['setTimeout'] })
    try {
      work((ms) => mock.timers.tick(ms))
    } finally {
      mock.timers.reset()
    }
  }

  test('a timer of 60 days holds, although Node.js knows none beyond 24', ({ assert }) => {
    withTimersByHand((pass) => {
      let calls = 0
      new SystemClock().timer(60 * DAY, () => calls++)
      for (let hour = 1; hour < 60 * 24; hour++) {
        pass(DAY / 24)
        assert.equal(calls, 0)
      }
      // A part begins at the end of the hour in which the one before ended
      pass(DAY / 8)
      assert.equal(calls, 1)
    })
  })

  test('it is cancelled in whatever part it is', ({ assert }) => {
    withTimersByHand((pass) => {
      let calls = 0
      const timer = new SystemClock().timer(60 * DAY, () => calls++, { ref: false })
      pass(30 * DAY)
      timer.cancel()
      pass(60 * DAY)
      assert.equal(calls, 0)
    })
  })
})

test.group('Safe notifier', () => {
  const logged = () => {
    const messages: string[] = []
    const log = (_data: object, message: string) => void messages.push(message)
    return { messages, logger: { trace: log, debug: log, info: log, warn: log, error: log } }
  }

  test('hands on name and data', ({ assert }) => {
    const seen: unknown[] = []
    const { logger } = logged()
    const notifier = safeNotifier(
      { emit: (...event) => seen.push(event) },
      { logger, counters: new Counters() }
    )
    notifier.emit('node:joined', notice)
    assert.deepEqual(seen, [['node:joined', notice]])
  })

  test('a listener that throws or rejects harms nothing, and is counted', async ({ assert }) => {
    const counters = new Counters()
    const { logger, messages } = logged()
    const throwing = () => {
      throw new Error('x')
    }
    safeNotifier({ emit: throwing }, { logger, counters }).emit('node:joined', notice)
    safeNotifier({ emit: () => Promise.reject(new Error('y')) }, { logger, counters }).emit(
      'node:joined',
      notice
    )
    await Promise.resolve()

    assert.equal(counters.get('listeners.failed'), 2)
    assert.deepEqual(messages, Array(2).fill('A listener of "node:joined" failed'))
  })
})
