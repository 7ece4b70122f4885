import { test } from '@japa/runner'
import { Ticker } from '../../src/loop/ticker.ts'
import { ManualClock } from '../../src/testing/manual_clock.ts'

function setup(beat: (count: number) => Promise<number> | number) {
  const clock = new ManualClock(0)
  const beats: number[] = []
  const errors: [number, string][] = []
  const ticker = new Ticker({
    clock,
    beat: async () => {
      beats.push(clock.now())
      return beat(beats.length)
    },
    onError: (error, failures) => errors.push([failures, (error as Error).message]),
    backoff: { first: 100, cap: 400 },
  })
  return { clock, beats, errors, ticker }
}

test.group('Ticker', () => {
  test('beats when the last beat said', async ({ assert }) => {
    const { clock, beats, ticker } = setup((count) => count * 1_000)
    ticker.start()
    await clock.advance(6_000)
    await ticker.stop()

    assert.deepEqual(beats, [0, 1_000, 3_000, 6_000])
  })

  test('beats at once when the delay is 0 or less', async ({ assert }) => {
    const { clock, beats, ticker } = setup((count) => (count < 3 ? -5 : 1_000))
    ticker.start()
    await clock.advance(0)
    await ticker.stop()

    assert.deepEqual(beats, [0, 0, 0])
  })

  test('rounds a part of a millisecond up, so that it does not come early', async ({ assert }) => {
    const { clock, beats, ticker } = setup(() => 99.2)
    ticker.start()
    await clock.advance(100)
    await ticker.stop()

    assert.deepEqual(beats, [0, 100])
  })

  test('starts after a delay when told so', async ({ assert }) => {
    const { clock, beats, ticker } = setup(() => 1_000)
    ticker.start(300)
    await clock.advance(300)
    await ticker.stop()

    assert.deepEqual(beats, [300])
  })

  test('a nudge ends the sleep', async ({ assert }) => {
    const { clock, beats, ticker } = setup(() => 10_000)
    ticker.start()
    await clock.advance(50)
    ticker.wake()
    await clock.advance(0)
    await ticker.stop()

    assert.deepEqual(beats, [0, 50])
  })

  test('a nudge during a beat is not lost', async ({ assert }) => {
    const { promise, resolve } = Promise.withResolvers<number>()
    const { clock, beats, ticker } = setup((count) => (count === 1 ? promise : 10_000))
    ticker.start()
    await clock.settle()
    ticker.wake()
    resolve(10_000)
    await clock.advance(0)
    await ticker.stop()

    assert.deepEqual(beats, [0, 0])
  })

  test('failures are reported and tried again ever later, up to a cap', async ({ assert }) => {
    const { clock, beats, errors, ticker } = setup((count) => {
      if (count <= 5) {
        throw new Error(`away ${count}`)
      }
      return 10_000
    })
    ticker.start()
    await clock.advance(2_000)
    await ticker.stop()

    assert.deepEqual(beats, [0, 100, 300, 700, 1_100, 1_500])
    assert.deepEqual(
      errors.map(([failures]) => failures),
      [1, 2, 3, 4, 5]
    )
  })

  test('after a success the delays begin anew', async ({ assert }) => {
    const { clock, errors, ticker } = setup((count) => {
      if (count !== 3) {
        throw new Error('away')
      }
      return 0
    })
    ticker.start()
    await clock.advance(300)
    await ticker.stop()

    assert.deepEqual(
      errors.map(([failures]) => failures),
      [1, 2, 1]
    )
  })

  test('nudges do not shorten the wait after a failure', async ({ assert }) => {
    const { clock, beats, ticker } = setup(() => {
      throw new Error('away')
    })
    ticker.start()
    await clock.settle()
    ticker.wake()
    await clock.advance(99)
    await ticker.stop()

    assert.deepEqual(beats, [0])
  })

  test('stop waits for the beat that is under way, and start begins again', async ({ assert }) => {
    const { promise, resolve } = Promise.withResolvers<number>()
    const { clock, beats, ticker } = setup((count) => (count === 1 ? promise : 10_000))
    ticker.start()
    ticker.start()
    await clock.settle()
    let stopped = false
    const stopping = ticker.stop().then(() => (stopped = true))
    await clock.settle()
    assert.isFalse(stopped)
    resolve(1_000)
    await stopping
    assert.isFalse(ticker.running)
    assert.equal(clock.pending, 0)

    ticker.start()
    await clock.settle()
    assert.isTrue(ticker.running)
    await ticker.stop()
    await ticker.stop()
    assert.lengthOf(beats, 2)
  })

  test('stop ends the wait after a failure', async ({ assert }) => {
    const { clock, ticker } = setup(() => {
      throw new Error('away')
    })
    ticker.start()
    await clock.settle()
    await ticker.stop()

    assert.equal(clock.pending, 0)
  })
})
