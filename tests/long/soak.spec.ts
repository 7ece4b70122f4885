import { setTimeout } from 'node:timers/promises'
import { getActiveTest, test } from '@japa/runner'
import { openAlmanac } from '../../benchmarks/lib/almanac.ts'
import { growthOf, sample, type Sample } from '../../benchmarks/lib/memory.ts'
import { makeDatabase } from '../helpers/server_database.ts'
import { requires } from '../helpers/services.ts'
import { printFigures, scaled } from './support/scale.ts'

const SAMPLES = 8
/** Executions of each load, and the time between two, ms. */
const LOAD = 50
const STEP = 50

const postgres = await requires('postgresql')

test.group('Soak', (group) => {
  group.tap((each) => each.skip(!postgres.available, postgres.reason))

  test('heap, handles and listeners stay flat under a steady load', async ({ assert }) => {
    const { url, drop } = await makeDatabase(postgres.location)
    getActiveTest()?.cleanup(drop)
    const { almanac, close } = await openAlmanac(url, {
      concurrency: 20,
      housekeeping: { interval: '1s', retention: { outcomes: { succeeded: { age: '2s' } } } },
    })
    getActiveTest()?.cleanup(close)
    let ran = 0
    almanac.register('noop', ({ logger, progress }) => {
      ran++
      progress(50)
      logger.info('ran')
    })
    const trigger = { kind: 'interval', every: '1s' } as const
    await almanac.events.create({ name: 'every second', handler: 'noop', trigger })
    await almanac.start()
    const samples: Sample[] = []
    const length = scaled(20_000, 1_500)
    for (let index = 0; index < SAMPLES; index++) {
      const end = performance.now() + length
      while (performance.now() < end) {
        await Promise.all(Array.from({ length: LOAD }, (_, n) => almanac.enqueue('noop', { n })))
        await setTimeout(STEP)
      }
      samples.push(sample())
    }
    await almanac.stop()
    const growth = growthOf(samples)
    printFigures('growth along the line, after the warm-up', {
      ...Object.fromEntries(growth.map((each) => [each.what, Number(each.growth.toFixed(2))])),
      'heap, MiB': samples.map(({ heap }) => Math.round(heap)),
      ran,
    })
    assert.isEmpty(growth.filter(({ flat }) => !flat))
  })
})
