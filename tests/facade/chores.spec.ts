import { test } from '@japa/runner'
import { Counters } from '../../src/counters.ts'
import { evenPart, everyPattern } from '../../src/config/every_pattern.ts'
import { Chores } from '../../src/scheduler/chores.ts'
import { CronTimetable } from '../../src/scheduler/cron_timetable.ts'
import { ClockTimetable } from '../../src/testing/clock_timetable.ts'
import { ManualClock } from '../../src/testing/manual_clock.ts'
import { RecordingLogger } from '../../src/testing/recording_logger.ts'

function setup() {
  const clock = new ManualClock(Date.UTC(2026, 0, 5))
  const logger = new RecordingLogger()
  const counters = new Counters()
  const timetable = new ClockTimetable({ clock })
  return { clock, logger, counters, chores: new Chores({ timetable, clock, logger, counters }) }
}

test.group('Chores', () => {
  test('run at their intervals between start and stop', async ({ assert }) => {
    const { clock, chores } = setup()
    const ran: string[] = []
    chores.add({ name: 'fast', interval: 1_000, run: async () => ran.push('fast') })
    chores.add({ name: 'slow', interval: 2_500, run: async () => ran.push('slow') })
    await clock.advance(5_000)
    assert.deepEqual(ran, [])
    chores.start()
    await clock.advance(3_000)
    assert.deepEqual(ran, ['fast', 'fast', 'slow', 'fast'])
    await chores.stop()
    await clock.advance(5_000)
    assert.lengthOf(ran, 4)
  })

  test('one that is added while the others run joins them', async ({ assert }) => {
    const { clock, chores } = setup()
    chores.start()
    let rounds = 0
    chores.add({ name: 'late', interval: 1_000, run: async () => rounds++ })
    await clock.advance(1_000)
    assert.equal(rounds, 1)
    await chores.stop()
  })

  test('a round that still runs is not joined by a second, and stop waits for it', async ({
    assert,
  }) => {
    const { clock, chores } = setup()
    const gate = Promise.withResolvers<void>()
    let rounds = 0
    chores.add({ name: 'long', interval: 1_000, run: () => (rounds++, gate.promise) })
    chores.start()
    await clock.advance(10_000)
    assert.equal(rounds, 1)
    let stopped = false
    const stopping = chores.stop().then(() => (stopped = true))
    await clock.advance(1_000)
    assert.isFalse(stopped)
    gate.resolve()
    await stopping
    await clock.advance(5_000)
    assert.equal(rounds, 1)
  })

  test('a failure is logged, counted and shown until the chore succeeds', async ({ assert }) => {
    const { clock, chores, logger, counters } = setup()
    let broken = true
    let others = 0
    chores.add({
      name: 'sync',
      interval: 1_000,
      run: async () => {
        if (broken) {
          throw new Error('no table')
        }
      },
    })
    chores.add({ name: 'other', interval: 1_000, run: async () => others++ })
    chores.start()
    await clock.advance(2_000)
    assert.deepEqual(chores.problems(), [
      { part: 'sync', message: 'no table', at: '2026-01-05T00:00:02.000Z', count: 2 },
    ])
    assert.equal(counters.get('chores.failed.sync'), 2)
    assert.lengthOf(logger.messages('error'), 2)
    assert.equal(others, 2)
    broken = false
    await clock.advance(1_000)
    assert.deepEqual(chores.problems(), [])
    await chores.stop()
  })

  test('runAll runs each once; what is thrown need not be an error', async ({ assert }) => {
    const { chores } = setup()
    const ran: string[] = []
    chores.add({ name: 'a', interval: 1_000, run: () => Promise.reject('just a text') })
    chores.add({ name: 'b', interval: 1_000, run: async () => ran.push('b') })
    await chores.runAll()
    assert.deepEqual(ran, ['b'])
    assert.equal(chores.problems()[0].message, 'just a text')
  })
})

test.group('Chores | node-cron', () => {
  test('every interval of the config has a pattern')
    .with([
      [1_000, '*/1 * * * * *'],
      [15_000, '*/15 * * * * *'],
      [60_000, '0 */1 * * * *'],
      [1_800_000, '0 */30 * * * *'],
      [3_600_000, '0 0 */1 * * *'],
      [43_200_000, '0 0 */12 * * *'],
      [86_400_000, '0 0 0 * * *'],
      [7_000, null],
      [90_000, null],
      [500, null],
      [172_800_000, null],
    ] as [number, string | null][])
    .run(({ assert }, [interval, pattern]) => {
      assert.equal(everyPattern(interval), pattern)
    })

  test('an uneven interval is shortened to an even one')
    .with([
      [250, 1_000],
      [7_000, 6_000],
      [90_000, 60_000],
      [86_400_000 * 3, 86_400_000],
    ] as [number, number][])
    .run(({ assert }, [interval, even]) => {
      assert.equal(evenPart(interval), even)
      assert.isNotNull(everyPattern(even))
    })

  test('a chore is called by node-cron until it is stopped', async ({ assert }) => {
    const timetable = new CronTimetable({ logger: new RecordingLogger() })
    const called = Promise.withResolvers<void>()
    let rounds = 0
    const timer = timetable.every(1_000, 'test', async () => {
      rounds++
      called.resolve()
    })
    await called.promise
    await timer.stop()
    assert.equal(rounds, 1)
  })
})
